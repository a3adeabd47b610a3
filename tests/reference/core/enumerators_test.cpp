// Does a value of run time find its constant, and a value that is none an error?
#include "reference/core/enumerators.h"

#include <gtest/gtest.h>

namespace attnlab::testing {
namespace {

enum class Colour { red, green, blue, end };

int number(Colour colour) {
  return with_enumerator(colour, []<Colour kColour>() { return 10 + static_cast<int>(kColour); });
}

TEST(Enumerators, EveryValueFindsItsConstant) {
  EXPECT_EQ(number(Colour::red), 10);
  EXPECT_EQ(number(Colour::green), 11);
  EXPECT_EQ(number(Colour::blue), 12);
}

TEST(Enumerators, TheEndIsNone) {
  EXPECT_EQ(kEnumerators<Colour>, 3u);
  EXPECT_THROW(number(Colour::end), std::logic_error);
}

TEST(Enumerators, ATableHasARowForEach) {
  constexpr auto kTable =
      for_every_enumerator<Colour>([]<Colour kColour>() { return static_cast<int>(kColour); });
  EXPECT_EQ(kTable, (std::array{0, 1, 2}));
}

}  // namespace
}  // namespace attnlab::testing
