// Does a block's stream give back every request that was put in, line by line, and in how many bytes?
#include "simulator/memory/request_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <tuple>
#include <vector>

#include "tests/reference/attention/random_problem.h"

namespace attnlab::testing {
namespace {

using memory::RequestKind;
using memory::RequestStream;
using ::testing::ElementsAre;

using LineAccess = std::tuple<RequestKind, std::uint32_t, unsigned>;
using Sectors = std::vector<std::uint32_t>;

std::vector<std::vector<LineAccess>> read(const RequestStream& stream) {
  std::vector<std::vector<LineAccess>> requests;
  RequestStream::Reader reader(stream);
  for (;;) {
    std::vector<LineAccess> lines;
    const bool more = reader.next(
        [&](RequestKind kind, std::uint32_t line, unsigned mask) { lines.emplace_back(kind, line, mask); });
    if (!more) return requests;
    requests.push_back(lines);
  }
}

std::vector<LineAccess> lines_of(RequestKind kind, const Sectors& sectors) {
  std::vector<LineAccess> lines;
  for (const std::uint32_t sector : std::set<std::uint32_t>(sectors.begin(), sectors.end())) {
    if (lines.empty() || std::get<1>(lines.back()) != sector / 4) lines.emplace_back(kind, sector / 4, 0u);
    std::get<2>(lines.back()) |= 1u << sector % 4;
  }
  return lines;
}

TEST(RequestStream, SectorsBecomeLines) {
  RequestStream stream;
  stream.append(RequestKind::load, Sectors{6, 7, 8, 9, 10});
  stream.append(RequestKind::store, Sectors{0, 2, 4, 6});
  stream.append(RequestKind::atomic, {});  // nothing
  stream.append(RequestKind::atomic, Sectors{0xffffffff, 3});
  EXPECT_EQ(stream.requests(), 3u);
  EXPECT_THAT(
      read(stream),
      ElementsAre(
          ElementsAre(LineAccess{RequestKind::load, 1, 0b1100u}, LineAccess{RequestKind::load, 2, 0b0111u}),
          ElementsAre(LineAccess{RequestKind::store, 0, 0b0101u}, LineAccess{RequestKind::store, 1, 0b0101u}),
          ElementsAre(LineAccess{RequestKind::atomic, 0, 0b1000u},
                      LineAccess{RequestKind::atomic, 0x3fffffff, 0b1000u})));
}

TEST(RequestStream, EmptyStreamsHaveNoRequests) {
  const RequestStream stream;
  EXPECT_TRUE(read(stream).empty());
}

// Sectors of a warp in the ways that kernels touch them, and some that none does.
Sectors random_sectors(Random& random) {
  const auto base =
      static_cast<std::uint32_t>(random.integer(0, 1) ? random.integer(0, 4000) : random.word() >> 1);
  const auto count = static_cast<std::uint32_t>(random.integer(1, 40));
  Sectors sectors;
  switch (random.integer(0, 4)) {
    case 0:  // a run
      for (std::uint32_t n = 0; n < count; ++n) sectors.push_back(base + n);
      break;
    case 1: {  // a stride, up or down
      const auto stride = static_cast<std::uint32_t>(random.integer(1, 600));
      for (std::uint32_t n = 0; n < count; ++n) sectors.push_back(base + n * stride);
      if (random.chance(0.3)) std::reverse(sectors.begin(), sectors.end());
      break;
    }
    case 2: {  // rows of a tile
      const auto length = static_cast<std::uint32_t>(random.integer(1, 5));
      const auto pitch = static_cast<std::uint32_t>(random.integer(length + 1, 70));
      for (std::uint32_t n = 0; n < count; ++n) sectors.push_back(base + n / length * pitch + n % length);
      break;
    }
    case 3:  // two runs, the second one longer
      for (std::uint32_t n = 0; n < count; ++n) sectors.push_back(base + n + (n > count / 3 ? 9 : 0));
      break;
    default: {  // anything
      std::set<std::uint32_t> any;
      while (any.size() < count) any.insert(random.word() >> random.integer(0, 24));
      sectors.assign(any.begin(), any.end());
      for (std::size_t n = sectors.size(); n > 1; --n) {
        std::swap(sectors[n - 1],
                  sectors[static_cast<std::size_t>(random.integer(0, static_cast<Index>(n) - 1))]);
      }
    }
  }
  return sectors;
}

TEST(RequestStream, GivesBackWhatWasPutIn) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Random random(seed);
    RequestStream stream;
    std::vector<std::vector<LineAccess>> expected;
    Sectors sectors;
    for (int n = 0; n < 60; ++n) {
      const auto kind = static_cast<RequestKind>(random.integer(0, 4));
      if (sectors.empty() || random.chance(0.6)) sectors = random_sectors(random);  // else once more
      stream.append(kind, sectors);
      expected.push_back(lines_of(kind, sectors));
    }
    if (random.chance(0.5)) stream.shrink();
    ASSERT_EQ(read(stream), expected) << "seed " << seed;
    EXPECT_EQ(stream.requests(), 60u);
  }
}

TEST(RequestStream, RequestsMayBeLargerThanAWarps) {
  RequestStream stream;
  Sectors squares;
  for (std::uint32_t n = 0; n < 5000; ++n) squares.push_back(n * n * 100);
  stream.append(RequestKind::load, Sectors{1});
  stream.append(RequestKind::load, squares);
  ASSERT_EQ(read(stream).size(), 2u);
  EXPECT_EQ(read(stream)[1], lines_of(RequestKind::load, squares));
}

TEST(RequestStream, ContiguousRequestsTakeEightBytesAtMost) {
  RequestStream stream;
  std::uint64_t before = 0;
  Random random(1);
  for (int n = 0; n < 2000; ++n) {
    Sectors run;
    const std::uint32_t first = random.word() >> 1;
    for (Index s = random.integer(1, 64); s > 0; --s)
      run.push_back(first + static_cast<std::uint32_t>(run.size()));
    stream.append(static_cast<RequestKind>(random.integer(0, 4)), run);
    ASSERT_LE(stream.encoded_bytes() - before, 8u);
    before = stream.encoded_bytes();
  }
}

TEST(RequestStream, ALoopOverMemoryTakesTwoBytesARequest) {
  RequestStream stream;
  for (std::uint32_t n = 0; n < 1000; ++n)
    stream.append(RequestKind::load, Sectors{4 * n, 4 * n + 1, 4 * n + 2, 4 * n + 3});
  EXPECT_LE(stream.encoded_bytes(), 2 * 1000u + 8);
  stream.shrink();
  EXPECT_EQ(stream.allocated_bytes(), stream.encoded_bytes());
}

TEST(RequestStream, LanesARowApartTakeFiveBytesARequest) {
  RequestStream stream;
  for (std::uint32_t n = 0; n < 1000; ++n) {
    Sectors column;
    for (std::uint32_t lane = 0; lane < 32; ++lane) column.push_back(lane * 512 + n);
    stream.append(RequestKind::load, column);
  }
  EXPECT_LE(stream.encoded_bytes(), 5 * 1000u);
}

}  // namespace
}  // namespace attnlab::testing
