// Does SRAM hand out room that nobody else has, count it, and take it back in any order; and is a tile there
// exactly as long as its object?
#include "reference/core/two_level_memory.h"

#include <gtest/gtest.h>

#include <cstring>
#include <numeric>
#include <string>

#include "tests/reference/attention/random_problem.h"

namespace attnlab::testing {
namespace {

TEST(Sram, CountsWhatIsInUseAndThePeak) {
  Sram sram(100);
  EXPECT_EQ(sram.capacity(), 100);
  std::byte* a = sram.allocate("A", 5, 8, 4);
  std::byte* b = sram.allocate("B", 6, 10, 4);
  EXPECT_EQ(sram.in_use(), 100);
  sram.release(a);
  EXPECT_EQ(sram.in_use(), 60);
  sram.release(b);
  EXPECT_EQ(sram.in_use(), 0);
  sram.release(sram.allocate("C", 7, 1, 8));
  EXPECT_EQ(sram.in_use(), 0);
  EXPECT_EQ(sram.peak(), 100);
}

// Elements count, not bytes: the papers' M.
TEST(Sram, RefusesWhatDoesNotFitAndSaysWhy) {
  Sram sram(100);
  std::byte* q = sram.allocate("Q", 5, 8, 4);
  const std::byte* k = sram.allocate("K", 3, 8, 8);
  try {
    sram.allocate("S", 5, 8, 4);
    FAIL() << "accepted";
  } catch (const SramOverflow& error) {
    EXPECT_STREQ(
        error.what(),
        "SRAM: got tile S of 5 x 8 = 40 elements beside 64 in use (Q 40, K 24), expected at most M = "
        "100 elements in all");
  }
  EXPECT_EQ(sram.in_use(), 64);  // a refusal takes nothing
  sram.release(q);
  std::byte* s = sram.allocate("S", 5, 8, 4);
  EXPECT_EQ(sram.in_use(), 64);
  sram.release(s);
  sram.release(k);
  EXPECT_EQ(sram.peak(), 64);
}

TEST(Sram, TakesBackInAnyOrderAndNeverGivesTheSameRoomTwice) {
  struct Piece {
    std::byte* data;
    std::size_t bytes;
    std::int64_t elements;
    unsigned char mark;
  };
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Random random(seed);
    Sram sram;
    std::vector<Piece> pieces;
    std::int64_t in_use = 0, peak = 0;
    const auto intact = [](const Piece& p) {
      for (std::size_t n = 0; n < p.bytes; ++n) {
        if (p.data[n] != std::byte{p.mark}) return false;
      }
      return true;
    };
    for (int step = 0; step < 400; ++step) {
      if (pieces.empty() || random.chance(0.55)) {
        // Now and then larger than a chunk of the buffer, a megabyte.
        const Index rows = random.integer(0, 40), cols = random.integer(1, random.chance(0.03) ? 9000 : 60);
        const std::size_t size = random.chance(0.5) ? 4 : 8;
        std::byte* data = sram.allocate("tile", rows, cols, size);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(data) % 64, 0u);  // for vector registers
        const auto mark = static_cast<unsigned char>(random.integer(0, 255));
        pieces.push_back({data, static_cast<std::size_t>(rows * cols) * size, rows * cols, mark});
        std::memset(data, mark, pieces.back().bytes);
        peak = std::max(peak, in_use += rows * cols);
      } else {
        const bool last = random.chance(0.6);
        const auto at =
            last ? pieces.size() - 1
                 : static_cast<std::size_t>(random.integer(0, static_cast<Index>(pieces.size()) - 1));
        ASSERT_TRUE(intact(pieces[at])) << "seed " << seed << " step " << step;
        sram.release(pieces[at].data);
        in_use -= pieces[at].elements;
        pieces.erase(pieces.begin() + static_cast<std::ptrdiff_t>(at));
      }
      ASSERT_EQ(sram.in_use(), in_use);
    }
    for (const Piece& piece : pieces) {
      ASSERT_TRUE(intact(piece)) << "seed " << seed;
      sram.release(piece.data);
    }
    EXPECT_EQ(sram.in_use(), 0);
    EXPECT_EQ(sram.peak(), peak);
  }
}

TEST(Sram, RoomThatIsFreeIsUsedAgain) {
  Sram sram;
  std::byte* first = sram.allocate("A", 10, 10, 4);
  sram.release(first);
  EXPECT_EQ(sram.allocate("B", 10, 10, 4), first);
  // Out of order: the hole below a tile that stays is used once that tile has left too.
  std::byte* c = sram.allocate("C", 10, 10, 4);
  sram.release(first);
  std::byte* d = sram.allocate("D", 10, 10, 4);
  EXPECT_NE(d, first);
  EXPECT_NE(d, c);
  sram.release(d);
  sram.release(c);
  EXPECT_EQ(sram.allocate("E", 10, 10, 4), first);
}

TEST(Tile, IsThereExactlyAsLongAsItsObject) {
  Sram sram(64);
  const auto tile = [&](Index rows, Index cols) {
    auto* data = reinterpret_cast<float*>(sram.allocate("T", rows, cols, sizeof(float)));
    return Tile<float>({data, rows, cols, cols}, &sram);
  };
  {
    const Tile<float> a = tile(4, 8);
    EXPECT_EQ(sram.in_use(), 32);
    {
      const Tile<float> b = tile(4, 8);
      EXPECT_EQ(sram.in_use(), 64);
    }
    EXPECT_EQ(sram.in_use(), 32);
  }
  EXPECT_EQ(sram.in_use(), 0);
}

TEST(Tile, EveryAccessAfterItHasLeftThrows) {
  Sram sram;
  auto* data = reinterpret_cast<float*>(sram.allocate("T", 2, 3, sizeof(float)));
  Tile<float> tile({data, 2, 3, 3}, &sram);
  tile(1, 2) = 5;
  EXPECT_EQ(tile.mat()(1, 2), 5);
  tile.evict();
  EXPECT_EQ(sram.in_use(), 0);
  EXPECT_THROW(tile.view(), EvictedRead);
  EXPECT_THROW(tile.mat(), EvictedRead);
  EXPECT_THROW(tile(0, 0), EvictedRead);
  EXPECT_THROW(tile.row(1), EvictedRead);
  tile.evict();  // twice is once
  EXPECT_EQ(sram.in_use(), 0);
}

TEST(Tile, MovesWithItsRoom) {
  Sram sram;
  auto* data = reinterpret_cast<float*>(sram.allocate("T", 2, 3, sizeof(float)));
  Tile<float> from({data, 2, 3, 3}, &sram);
  from(0, 1) = 7;
  {
    const Tile<float> to(std::move(from));
    EXPECT_EQ(to(0, 1), 7);
    EXPECT_EQ(sram.in_use(), 6);
    EXPECT_THROW(from.view(), EvictedRead);  // NOLINT: what a moved-from tile does is the question
  }
  EXPECT_EQ(sram.in_use(), 0);
}

TEST(Direct, LoadsAreViewsAndStoresCopyOnlyWhereNeeded) {
  std::vector<float> hbm(3 * 64);
  std::iota(hbm.begin(), hbm.end(), 0.0f);
  const MatrixView<float> all{hbm.data(), 3, 64, 64};
  Direct memory;
  auto row = memory.load(Hbm::O, all.middle({1, 1}));
  EXPECT_EQ(row.row(0), &hbm[64]);
  row(0, 2) = -1;
  memory.store(Hbm::O, all.middle({1, 1}), row);
  EXPECT_EQ(hbm[66], -1);
  memory.store(Hbm::O, all.middle({2, 1}), row);
  EXPECT_EQ(hbm[130], -1);
  EXPECT_EQ(hbm[191], 127);
  auto place = memory.tile_for("O", all.middle({0, 1}));
  EXPECT_EQ(place.row(0), hbm.data());
  memory.load_into(Hbm::O, all.middle({2, 1}), place);
  EXPECT_EQ(hbm[2], -1);
}

}  // namespace
}  // namespace attnlab::testing
