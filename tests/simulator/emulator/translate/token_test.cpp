// Does the lexer see preprocessed C++ as g++ does: lines and files, raw strings, numbers, and angle brackets?
#include "simulator/emulator/translate/token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace attnlab::emulator::translate {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> spellings(std::string_view text) {
  const Source source = tokenize(text);
  std::vector<std::string> words;
  for (std::size_t i = 0; i + 1 < source.tokens.size(); ++i) words.emplace_back(source.spelling(i));
  return words;
}

TEST(Tokens, AngleBrackets) {
  EXPECT_THAT(spellings("k<<<g,b>>>(x)"),
              ElementsAre("k", "<<<", "g", ",", "b", ">", ">", ">", "(", "x", ")"));
  EXPECT_THAT(spellings("a<b<c>>d"), ElementsAre("a", "<", "b", "<", "c", ">", ">", "d"));
  EXPECT_THAT(spellings("x<<=y<<z<=>w->v"), ElementsAre("x", "<<=", "y", "<<", "z", "<=>", "w", "->", "v"));
  EXPECT_THAT(spellings("operator<<<T>(a)"), ElementsAre("operator", "<<", "<", "T", ">", "(", "a", ")"));
}

TEST(Tokens, LiteralsHideWhatIsInThem) {
  EXPECT_THAT(spellings("\"a<<<\\\"b\" 'c' '\\'' L\"d\" u8\"e\"_suffix"),
              ElementsAre("\"a<<<\\\"b\"", "'c'", "'\\''", "L\"d\"", "u8\"e\"_suffix"));
  EXPECT_THAT(spellings("R\"(a \" ) b)\" R\"x()\")x\" y"),
              ElementsAre("R\"(a \" ) b)\"", "R\"x()\")x\"", "y"));
  EXPECT_THAT(spellings("1'000'000 1e-5f 0x1p+3 .5 1.f 'a'"),
              ElementsAre("1'000'000", "1e-5f", "0x1p+3", ".5", "1.f", "'a'"));
  EXPECT_THAT(spellings("a // <<<\nb /* >>> \n */ c"), ElementsAre("a", "b", "c"));
}

TEST(Tokens, Values) {
  EXPECT_EQ(literal_value(R"("a\n\t\\\"b")"), "a\n\t\\\"b");
  EXPECT_EQ(literal_value(R"("\101\0")"), std::string("A\0", 2));
  EXPECT_EQ(literal_value("R\"x(a\\n\n)x\""), "a\\n\n");
}

TEST(Tokens, LinesAndFiles) {
  const Source source = tokenize(
      "# 1 \"a \\\"b\\\".cu\"\nx\n# 1 \"/usr/include/s.h\" 1 3 4\ns\n# 3 \"a \\\"b\\\".cu\" 2\ny "
      "R\"(\n\n)\"\n"
      "# 9 \"a \\\"b\\\".cu\" 3 4\nz\n");
  ASSERT_EQ(source.tokens.size(), 6u);
  const auto file = [&](std::size_t i) { return source.files[source.tokens[i].file]; };
  EXPECT_EQ(file(0).name, "a \"b\".cu");
  EXPECT_EQ(source.tokens[0].line, 1u);
  EXPECT_TRUE(file(1).system);
  EXPECT_EQ(source.tokens[2].line, 3u);
  EXPECT_EQ(source.tokens[3].line, 3u) << "a raw string begins where it begins";
  EXPECT_EQ(source.tokens[4].line, 9u);
  EXPECT_FALSE(file(4).system) << "the expansion of a system header's macro lies in the user's file";
}

TEST(Tokens, DirectivesBeginLines) {
  const Source source = tokenize("#pragma unroll 4\nfor # pragma\n#ident \"x\"\n");
  EXPECT_EQ(source.tokens[0].kind, TokenKind::pragma);
  EXPECT_EQ(source.spelling(0), "#pragma unroll 4");
  EXPECT_EQ(source.spelling(1), "for");
  EXPECT_EQ(source.spelling(2), "#");
  EXPECT_EQ(source.tokens.size(), 5u);
}

}  // namespace
}  // namespace attnlab::emulator::translate
