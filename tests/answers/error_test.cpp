// Is a refusal an object with its three parts, and can who asks put his own words in its text?
#include "answers/error.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "answers/io.h"
#include "reference/core/errors.h"

namespace attnlab::answers {
namespace {

TEST(Error, AnArgumentHasThreeParts) {
  const Json json = error_json(InvalidArgument("sram_bytes", "0", "room for one element"));
  EXPECT_EQ(json,
            Json::parse(
                R"({"error": {"argument": "sram_bytes", "got": "0", "expected": "room for one element"}})"));
}

TEST(Error, AFileNamesItsPath) {
  const auto expected = [](const std::string& problem) {
    const Json error = error_json(FileError("x.npz", problem))["error"];
    EXPECT_EQ(error["argument"], "x.npz");
    return error["got"].get<std::string>() + " | " + error["expected"].get<std::string>();
  };
  EXPECT_EQ(expected("cannot be opened: no"), "cannot be opened: no | a whole file that can be read");
  EXPECT_EQ(expected("cannot be written: full"), "cannot be written: full | a file that can be written");
  EXPECT_EQ(expected("is a directory, not a file"), "is a directory, not a file | a file");
  EXPECT_EQ(expected("unknown extension \".txt\", expected .npy"), "unknown extension \".txt\" | .npy");
}

TEST(Error, QuotesAreTheSentencesAndNotTheValues) {
  const auto got = [](const std::string& value) {
    return error_json(InvalidArgument("count", value, "a number"))["error"]["got"].get<std::string>();
  };
  EXPECT_EQ(got("'64x'"), "64x");
  EXPECT_EQ(got("\"64x\""), "64x");
  EXPECT_EQ(got("''"), "");
  EXPECT_EQ(got("'"), "'");
  EXPECT_EQ(got("it's"), "it's");
}

TEST(Error, OfAnyOtherOnlyTheWholeIsKnown) {
  EXPECT_EQ(error_json(std::runtime_error("no")),
            Json::parse(R"({"error": {"argument": null, "got": "no", "expected": null}})"));
}

TEST(Error, NamesInBackquotesAreSpelledByWhoAsks) {
  const auto spell = [](const std::string& field) { return "--" + field; };
  EXPECT_EQ(spelled("1 unless `algorithm` is blocksparse", spell), "1 unless --algorithm is blocksparse");
  EXPECT_EQ(spelled("`q`, `k` and `v`", spell), "--q, --k and --v");
  EXPECT_EQ(spelled("nothing, and one ` alone", spell), "nothing, and one ` alone");
}

// No option's spelling leaves this room.
TEST(Error, FieldsAreNamed) {
  IoQuestion question;
  question.algorithm = "flash2";
  question.problem.seqlen_q = question.problem.seqlen_kv = 64;
  question.density = 0.5;
  try {
    answer(question);
    FAIL() << "accepted";
  } catch (const InvalidArgument& refusal) {
    EXPECT_EQ(refusal.argument(), "density");
    EXPECT_EQ(refusal.value(), "0.5");
    EXPECT_EQ(refusal.expected(), "1 unless `algorithm` is blocksparse");
  }
}

}  // namespace
}  // namespace attnlab::answers
