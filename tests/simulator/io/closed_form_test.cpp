// Is every closed form equal, to the element, to what the algorithm moves and computes on the metered
// machine?
#include "simulator/io/closed_form.h"

#include <gtest/gtest.h>

#include "reference/attention/run_tensors.h"
#include "simulator/io/metered.h"
#include "tests/reference/attention/in_pages.h"
#include "tests/simulator/io/expect_traffic.h"

namespace attnlab::testing {
namespace {

using attention::Algorithm;

class ClosedForm : public ::testing::TestWithParam<Algorithm> {};

TEST_P(ClosedForm, EqualsTheMeteredMachine) {
  const Algorithm algorithm = GetParam();
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    Case c;
    make_case(c, seed, 70);
    const auto& p = c.p;
    Random random(seed + 5000);
    const attention::Tiles tiles{random.integer(1, 40), random.integer(1, 40)};
    SCOPED_TRACE("seed " + std::to_string(seed) + c.description);
    const Index b = random.integer(0, p.batch - 1), tb = p.tensor_batch(b);
    auto o = make_buffer<double>(p.tensor_batches(), p.num_heads, p.tensor_rows_q(), p.head_dim_v);
    auto lse = make_buffer<double>(p.tensor_batches(), p.num_heads, p.tensor_rows_q(), 1);
    auto dq = make_buffer<double>(p.tensor_batches(), p.num_heads, p.tensor_rows_q(), p.head_dim);
    auto dk = make_buffer<double>(p.tensor_batches(), p.num_kv_heads, p.tensor_rows_kv(), p.head_dim);
    auto dv = make_buffer<double>(p.tensor_batches(), p.num_kv_heads, p.tensor_rows_kv(), p.head_dim_v);
    for (Index h = 0; h < std::min<Index>(2, p.group_size()); ++h) {
      const attention::Head head = attention::head_of(p, b, h);
      std::vector<std::uint8_t> blocks;
      attention::HeadPlan plan{algorithm, tiles, {}};
      if (attention::info(algorithm).block_mask) {
        plan.block_mask = {nullptr, attention::ceil_div(head.seqlen_q, tiles.br),
                           attention::ceil_div(head.seqlen_kv, tiles.bc)};
        for (Index n = 0; n < plan.block_mask.row_blocks * plan.block_mask.col_blocks + 1; ++n) {
          blocks.push_back(random.chance(0.4) ? 1 : 0);
        }
        plan.block_mask.data = blocks.data();
      }
      const Rows qr = p.q_rows(b), kr = p.kv_rows(b);
      const attention::Inputs<double> in{c.q.in().head(tb, h, qr), c.k.in().head(tb, 0, kr),
                                         c.v.in().head(tb, 0, kr)};
      if (attention::Problem paged = p; h == 0) {
        paged.page_size = random.integer(1, 50);
        SCOPED_TRACE("pages of " + std::to_string(paged.page_size));
        const InPages<double> cache(p, c.k.in(), c.v.in(), paged.page_size, seed);
        attention::Workspace<double> room;
        io::Metered memory(Sram::kUnlimited);
        attention::forward_head(
            memory, plan, attention::head_of(paged, b, h),
            attention::inputs_of<double>(paged, c.q.in(), cache.k(), cache.v(), b, h, cache.pages()),
            o.view.head(tb, h, qr), lse.view.head(tb, h, qr), room);
        expect_equal(io::head_traffic(algorithm, io::Pass::forward, attention::head_of(paged, b, h), tiles,
                                      plan.block_mask),
                     memory.traffic());
      }
      attention::Workspace<double> workspace;
      io::Metered forward(Sram::kUnlimited), backward(Sram::kUnlimited);
      attention::forward_head(forward, plan, head, in, o.view.head(tb, h, qr), lse.view.head(tb, h, qr),
                              workspace);
      {
        SCOPED_TRACE("forward");
        expect_equal(io::head_traffic(algorithm, io::Pass::forward, head, tiles, plan.block_mask),
                     forward.traffic());
        EXPECT_EQ(forward.sram_in_use(), 0);
      }
      if (!attention::info(algorithm).backward) continue;
      attention::backward_head<io::Metered, double>(
          backward, plan, head, in, o.in().head(tb, h, qr), lse.in().head(tb, h, qr),
          c.dout.in().head(tb, h, qr),
          {dq.view.head(tb, h, qr), dk.view.head(tb, 0, kr), dv.view.head(tb, 0, kr)}, workspace);
      SCOPED_TRACE("backward");
      expect_equal(io::head_traffic(algorithm, io::Pass::backward, head, tiles, plan.block_mask),
                   backward.traffic());
      EXPECT_EQ(backward.sram_in_use(), 0);
    }
    if (HasFailure()) return;
  }
}

std::vector<Algorithm> all_algorithms() {
  std::vector<Algorithm> all;
  for (const auto& a : attention::algorithms()) all.push_back(a.id);
  return all;
}

INSTANTIATE_TEST_SUITE_P(Io, ClosedForm, ::testing::ValuesIn(all_algorithms()), [](const auto& param) {
  std::string name = attention::info(param.param).name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace attnlab::testing
