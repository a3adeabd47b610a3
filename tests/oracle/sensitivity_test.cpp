// How little may a kernel be less precise than declared until the check sees it?
#include "oracle/mistakes/sensitivity.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace attnlab::oracle {
namespace {

Sensitivity of(const std::string& name) {
  for (const HonestClass& one : honest_classes())
    if (one.name == name) return sensitivity_of(one, 1);
  throw std::logic_error(name);
}

int bits_until_seen(const Sensitivity& s, Term term) {
  for (const LostBits& lost : s.lost)
    if (lost.term == term && lost.caught) return *lost.caught;
  return 100;
}

// fp32: models of sums and of exp stand for kernels that do them in another order and less well than ours, so
// an honest kernel has room; but no more than eight times its errors.
TEST(Sensitivity, OfFp32) {
  const Sensitivity s = of("fp32");
  ASSERT_EQ(s.caught.size(), 5u);
  for (const SmallestCaught& c : s.caught) {
    EXPECT_GT(c.everywhere, 1) << c.tensor;  // the honest kernel is right
    EXPECT_LE(c.everywhere, 8) << c.tensor;
    EXPECT_LE(c.row, 64) << c.tensor;
  }
  // TF32 has 13 bits fewer, bf16 16.
  EXPECT_LE(bits_until_seen(s, Term::operands), 6);
  EXPECT_LE(bits_until_seen(s, Term::p), 8);
  EXPECT_LE(bits_until_seen(s, Term::accumulator), 5);
  EXPECT_LE(bits_until_seen(s, Term::output), 7);
}

// 16-bit types: twice the error of the output's or the operands' rounding is seen, four times that of P's.
TEST(Sensitivity, OfSixteenBits) {
  for (const char* name : {"bf16"}) {
    const Sensitivity s = of(name);
    for (const SmallestCaught& c : s.caught) {
      if (c.tensor == "lse") continue;
      EXPECT_GT(c.everywhere, 1) << c.tensor;
      EXPECT_LE(c.everywhere, 2) << c.tensor;
      EXPECT_LE(c.row, 12) << c.tensor;
    }
    EXPECT_EQ(bits_until_seen(s, Term::operands), 1) << name;
    EXPECT_LE(bits_until_seen(s, Term::p), 2) << name;
    EXPECT_EQ(bits_until_seen(s, Term::output), 1) << name;
  }
}

}  // namespace
}  // namespace attnlab::oracle
