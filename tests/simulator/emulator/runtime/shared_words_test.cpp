// Does the short form of who read 16 bytes say what a record of each word says?
#include "simulator/emulator/runtime/shared_words.h"

#include <gtest/gtest.h>

#include <random>

namespace attnlab::emulator {
namespace {

// A word's readers by the rule of shared_checks.cpp: readers of this warp count only in its present epoch.
struct Word {
  Accessor reader = kNobody;
  std::uint32_t epoch = 0;

  void read(Accessor me, unsigned warp, std::uint32_t now) {
    if (epoch != now && reader != kNobody && reader != kSeveralWarps && warp_of(reader) == warp)
      reader = kNobody;
    epoch = now;
    if (reader == kNobody || reader == me)
      reader = me;
    else if (reader != kSeveralWarps)
      reader = warp_of(reader) == warp ? lanes_of(warp) : kSeveralWarps;
  }
};

TEST(SharedGroup, SaysWhatItsWordsWouldSay) {
  std::mt19937 random(1);
  const auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
  unsigned entered = 0, refused = 0;
  for (unsigned round = 0; round < 20000; ++round) {
    SharedGroup group;
    std::array<Word, 4> words;
    std::array<std::uint32_t, 3> now{5, 5, 9};  // of each warp
    const unsigned warps = 1 + below(3);
    for (unsigned step = 0; step < 12; ++step) {
      const unsigned warp = below(warps), size = 1u << below(3), first = below(4 / size) * size;
      if (below(5) == 0) ++now[warp];
      const Accessor me = below(2) != 0 ? lanes_of(warp) : accessor(warp * kWarpSize + below(2));
      const SharedGroup before = group;
      if (!group.read(first, size, me, warp, now[warp])) {
        EXPECT_EQ(group.reader, before.reader);
        EXPECT_EQ(group.warp_epoch, before.warp_epoch);
        ++refused;
        break;
      }
      ++entered;
      for (unsigned w = first; w < first + size; ++w) words[w].read(me, warp, now[warp]);
      for (unsigned w = 0; w < 4; ++w) {
        ASSERT_EQ(group.reader[w], words[w].reader) << "round " << round << " step " << step << " word " << w;
        if (group.reader[w] != kNobody && group.reader[w] != kSeveralWarps) {
          ASSERT_EQ(group.warp_epoch, words[w].epoch);
        }
      }
    }
  }
  EXPECT_GT(entered, 10 * refused);
  EXPECT_GT(refused, 0u);
}

}  // namespace
}  // namespace attnlab::emulator
