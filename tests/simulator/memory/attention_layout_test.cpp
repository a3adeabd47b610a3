// Where do a problem's tensors lie, and which lines does a tile touch?
#include "simulator/memory/attention_layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "reference/core/errors.h"

namespace attnlab::testing {
namespace {

using attention::Problem;
using memory::AttentionLayout;
using memory::Generator;
using memory::RequestKind;
using memory::tensor;
using memory::TileAccess;
using ::testing::ElementsAre;

using Used = std::vector<std::uint32_t>;
using Line = std::pair<std::uint32_t, unsigned>;

Problem problem_of(Index batch, Index heads, Index kv_heads, Index nq, Index nk, Index d) {
  Problem p;
  p.batch = batch;
  p.num_heads = heads;
  p.num_kv_heads = kv_heads;
  p.seqlen_q = nq;
  p.seqlen_kv = nk;
  p.head_dim = p.head_dim_v = d;
  return p;
}

TileAccess load(const AttentionLayout& layout, Hbm name, Index b, Index h, Rows rows) {
  return layout.tile(RequestKind::load, tensor(name), b, h, rows);
}

TEST(AttentionLayout, TensorsFollowOneAnother) {
  const Problem p = problem_of(2, 4, 2, 10, 30, 8);
  const AttentionLayout layout(p, io::ElementSizes(DType::f16),
                               Used{tensor(Hbm::Q), tensor(Hbm::K), tensor(Hbm::lse), memory::kDqSum});
  const std::uint64_t q = 2 * 4 * 10 * 8 * 2, k = 2 * 2 * 30 * 8 * 2, lse = 2 * 4 * 10 * 4;
  EXPECT_EQ(q % 512, 256u);
  EXPECT_EQ(load(layout, Hbm::Q, 0, 0, {0, 1}).address, 0u);
  EXPECT_EQ(load(layout, Hbm::K, 0, 0, {0, 1}).address, q + 256);
  EXPECT_EQ(load(layout, Hbm::lse, 0, 0, {0, 1}).address, q + 256 + k + 128);
  const TileAccess sums = layout.tile(RequestKind::reduction, memory::kDqSum, 0, 0, {1, 1});
  EXPECT_EQ(sums.address, q + 256 + k + 128 + lse + 192 + 8 * 4);  // fp32
  EXPECT_EQ(sums.kind, RequestKind::reduction);
  EXPECT_EQ(layout.bytes() % 512, 0u);
  EXPECT_STREQ(memory::tensor_name(memory::kDqSum), "dQ_sum");
  EXPECT_STREQ(memory::tensor_name(tensor(Hbm::lse)), "lse");
}

TEST(AttentionLayout, HeadsOfAGroupShareTheirKeys) {
  const Problem p = problem_of(2, 6, 2, 10, 30, 8);
  const AttentionLayout layout(p, io::ElementSizes(DType::f32), Used{tensor(Hbm::K), tensor(Hbm::Q)});
  const auto k = [&](Index b, Index h) { return load(layout, Hbm::K, b, h, {5, 2}).address; };
  EXPECT_EQ(k(0, 0), 5u * 8 * 4);
  EXPECT_EQ(k(0, 2), k(0, 0));
  EXPECT_EQ(k(0, 3), (30u + 5) * 8 * 4);
  EXPECT_EQ(k(1, 0), (60u + 5) * 8 * 4);
  EXPECT_EQ(load(layout, Hbm::Q, 1, 2, {0, 1}).address - load(layout, Hbm::Q, 0, 0, {0, 1}).address,
            8u * 10 * 8 * 4);
}

TEST(AttentionLayout, PackedSequencesFollowOneAnother) {
  Problem p = problem_of(3, 2, 1, 6, 7, 4);
  p.cu_seqlens_q = {0, 2, 8, 9};
  p.cu_seqlens_kv = {0, 7, 10, 11};
  const AttentionLayout layout(p, io::ElementSizes(DType::f32), Used{tensor(Hbm::Q), tensor(Hbm::V)});
  EXPECT_EQ(load(layout, Hbm::Q, 1, 0, {3, 1}).address, (2u + 3) * 4 * 4);
  EXPECT_EQ(load(layout, Hbm::Q, 2, 1, {0, 1}).address, (9u + 8) * 4 * 4);  // 9 rows per head
  EXPECT_EQ(load(layout, Hbm::V, 2, 1, {0, 1}).address - load(layout, Hbm::V, 0, 0, {0, 1}).address,
            10u * 4 * 4);
}

TEST(AttentionLayout, TilesOfScores) {
  Problem p = problem_of(2, 3, 3, 10, 20, 8);
  const io::ElementSizes sizes(DType::f16);
  const Used used{tensor(Hbm::S), tensor(Hbm::P), tensor(Hbm::dS)};
  const AttentionLayout layout(p, sizes, used);
  const TileAccess tile = layout.tile(RequestKind::store, tensor(Hbm::P), 1, 2, {4, 3}, {16, 4});
  EXPECT_EQ(tile.address, ((1 * 3 + 2) * 10 + 4) * 40 + 32u);
  EXPECT_EQ(tile.row_bytes, 8u);
  EXPECT_EQ(tile.rows, 3u);
  EXPECT_EQ(tile.row_stride, 40u);
  // P takes the place of S; with a softcap both are kept.
  EXPECT_EQ(layout.bytes(), 2u * (2 * 3 * 10 * 40 + 160));
  p.softcap = 1;
  EXPECT_EQ(AttentionLayout(p, sizes, used).bytes(), 3u * (2 * 3 * 10 * 40 + 160));
}

TEST(AttentionLayout, RefusesWhatLinesCannotNumber) {
  const Problem p = problem_of(1, 1, 1, Index{1} << 30, Index{1} << 30, 128);
  EXPECT_NO_THROW(AttentionLayout(p, io::ElementSizes(DType::f16), Used{tensor(Hbm::Q)}));
  EXPECT_THROW(AttentionLayout(p, io::ElementSizes(DType::f16), Used{tensor(Hbm::Q), tensor(Hbm::K)}),
               InvalidArgument);
  EXPECT_THROW(AttentionLayout(p, io::ElementSizes(DType::f16), Used{tensor(Hbm::S)}), InvalidArgument);
}

Generator<TileAccess> tiles(std::vector<TileAccess> all) {
  for (const TileAccess& tile : all) co_yield tile;
}

std::vector<std::vector<Line>> requests_of(std::vector<TileAccess> all) {
  memory::TileStream stream(tiles(std::move(all)), [](const TileAccess&) {});
  std::vector<std::vector<Line>> requests(1);
  while (stream.next(
      [&](RequestKind, std::uint32_t line, unsigned mask) { requests.back().emplace_back(line, mask); })) {
    requests.emplace_back();
  }
  requests.pop_back();
  return requests;
}

TEST(TileStream, RowsWithoutGapsGoInWholeRequests) {
  EXPECT_THAT(requests_of({{RequestKind::load, 0, 1024 + 64, 96, 7, 96}}),  // bytes 1088 to 1760
              ElementsAre(ElementsAre(Line{8, 0b1100}, Line{9, 0xf}, Line{10, 0xf}, Line{11, 0xf}),
                          ElementsAre(Line{12, 0xf}, Line{13, 0b0111})));
}

TEST(TileStream, RowsWithGapsGoOneByOne) {
  EXPECT_THAT(requests_of({{RequestKind::load, 0, 100, 60, 2, 256}, {RequestKind::store, 0, 0, 32, 1, 32}}),
              ElementsAre(ElementsAre(Line{0, 0b1000}, Line{1, 0b0001}),
                          ElementsAre(Line{2, 0b1000}, Line{3, 0b0001}), ElementsAre(Line{0, 0b0001})));
}

TEST(TileStream, TilesWithoutBytesArePassedOver) {
  EXPECT_TRUE(requests_of({}).empty());
  EXPECT_THAT(requests_of({{RequestKind::load, 0, 64, 0, 5, 0},
                           {RequestKind::load, 0, 64, 32, 0, 32},
                           {RequestKind::load, 0, 64, 0, 5, 128},
                           {RequestKind::load, 0, 64, 1, 1, 1}}),
              ElementsAre(ElementsAre(Line{0, 0b0100})));
}

}  // namespace
}  // namespace attnlab::testing
