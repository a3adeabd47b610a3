// What does a long launch say while it runs?
#include "simulator/emulator/runtime/patience.h"

#include <gtest/gtest.h>

namespace attnlab::emulator {
namespace {

TEST(Patience, TheRestFollowsFromTheBlocksSoFar) {
  EXPECT_EQ(
      patience_text("scores", 200, 4'000'000, 5),
      "scores: 200 of 4,000,000 blocks after 5 s, about 28 h for the rest");  // 5 s * 3,999,800 / 200 = 99,995 s
}

TEST(Patience, InUnitsThatFit) {
  EXPECT_EQ(patience_text("k", 1, 11, 5), "k: 1 of 11 blocks after 5 s, about 50 s for the rest");
  EXPECT_EQ(patience_text("k", 1, 101, 6), "k: 1 of 101 blocks after 6 s, about 10 min for the rest");
  EXPECT_EQ(patience_text("k", 1, 10001, 6), "k: 1 of 10,001 blocks after 6 s, about 17 h for the rest");
  EXPECT_EQ(patience_text("k", 1, 1000001, 6),
            "k: 1 of 1,000,001 blocks after 6 s, about 69 days for the rest");
}

TEST(Patience, ShortLaunchesSayNothing) {
  testing::internal::CaptureStderr();
  {
    Patience patience("k", 1'000'000);
    for (int block = 0; block < 1000; ++block) patience.one_more();
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace attnlab::emulator
