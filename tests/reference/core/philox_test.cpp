// Is the generator Philox-4x32-10 of Salmon et al. (2011), as Random123 publishes it?
#include "reference/core/philox.h"

#include <gtest/gtest.h>

namespace attnlab {
namespace {

// The philox4x32 10 lines of kat_vectors, Random123's known-answer tests: counter, key, result.
TEST(Philox, GivesThePublishedKnownAnswers) {
  constexpr std::uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(philox4x32_10({0, 0, 0, 0}, {0, 0}),
            (Philox4x32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32_10({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
            (Philox4x32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  // The digits of pi.
  EXPECT_EQ(philox4x32_10({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Philox4x32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, IsAConstantExpression) { static_assert(philox4x32_10({0, 0, 0, 0}, {0, 0})[0] == 0x6627e8d5); }

TEST(Philox, SeedAndIndexEnterWithAllTheirBits) {
  // Low words first.
  EXPECT_EQ(philox_key(0x299f31d0a4093822), (std::array<std::uint32_t, 2>{0xa4093822, 0x299f31d0}));
  EXPECT_EQ(philox(0x299f31d0a4093822, 0x85a308d3243f6a88, 7),
            philox4x32_10({0x243f6a88, 0x85a308d3, 7, 0}, {0xa4093822, 0x299f31d0}));
  EXPECT_NE(philox(1, 2), philox(1, 2 + (std::uint64_t{1} << 32)));
  EXPECT_NE(philox(1, 2), philox(1 + (std::uint64_t{1} << 32), 2));
  EXPECT_NE(philox(1, 2, 0), philox(1, 2, 1));
}

}  // namespace
}  // namespace attnlab
