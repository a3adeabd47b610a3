#include "simulator/io/sampled_meter.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "reference/core/philox.h"
#include "simulator/io/metered_attention.h"

namespace attnlab::io {
namespace {

using attention::Algorithm;
using attention::Problem;

// Whether one KV head's group of one sequence stands for all.
bool uniform(const Problem& p) {
  return p.q_lens.empty() && p.kv_lens.empty() && !p.packed() && p.alibi_slopes.empty() &&
         (!p.bias || (p.bias.batch == 1 && p.bias.heads == 1)) &&
         (!p.mask || (p.mask.batch == 1 && p.mask.heads == 1));
}

Traffic run(Algorithm algorithm, Pass pass, const Problem& p, const attention::Options& options,
            std::int64_t sram) {
  const Index q_rows = p.tensor_batches() * p.num_heads * p.tensor_rows_q();
  // In pages: those of sequence b are b * pages to (b + 1) * pages.
  const Index pages = p.page_size > 0 ? attention::ceil_div(p.seqlen_kv, p.page_size) : 0;
  const Extents kv = p.page_size > 0 ? Extents{p.batch * pages, p.num_kv_heads, p.page_size, 1}
                                     : Extents{p.tensor_batches(), p.num_kv_heads, p.tensor_rows_kv(), 1};
  const Index kv_rows = kv.elements();
  std::vector<std::int32_t> table(static_cast<std::size_t>(p.batch * pages));
  std::iota(table.begin(), table.end(), 0);
  auto q = random_values(q_rows * p.head_dim, 1), k = random_values(kv_rows * p.head_dim, 2);
  auto v = random_values(kv_rows * p.head_dim_v, 3);
  std::vector<float> o(static_cast<std::size_t>(q_rows * p.head_dim_v)),
      lse(static_cast<std::size_t>(q_rows));
  const auto q_like = [&](auto* data, Index dim) {
    return bhsd(data, p.tensor_batches(), p.num_heads, p.tensor_rows_q(), dim);
  };
  const auto kv_like = [&](auto* data, Index dim) { return bhsd(data, kv.batch, kv.heads, kv.seqlen, dim); };
  const TensorView<const float> q_view = q_like(q.data(), p.head_dim), k_view = kv_like(k.data(), p.head_dim),
                                v_view = kv_like(v.data(), p.head_dim_v);
  const attention::ForwardTensors<float> tensors{q_view,
                                                 k_view,
                                                 v_view,
                                                 q_like(o.data(), p.head_dim_v),
                                                 q_like(lse.data(), 1),
                                                 {table.data(), pages, p.batch * pages}};
  if (pass == Pass::forward) return metered_forward(algorithm, p, tensors, options, sram);
  attention::forward(Algorithm::flash2, p, tensors);
  const auto dout = random_values(q_rows * p.head_dim_v, 4);
  std::vector<float> dq(q.size()), dk(k.size()), dv(v.size());
  return metered_backward<float>(
      algorithm, p,
      {q_view, k_view, v_view, q_like(o.data(), p.head_dim_v), q_like(lse.data(), 1),
       q_like(dout.data(), p.head_dim_v), q_like(dq.data(), p.head_dim), kv_like(dk.data(), p.head_dim),
       kv_like(dv.data(), p.head_dim_v)},
      options, sram);
}

}  // namespace

std::optional<MeteredSample> sample_traffic(Algorithm algorithm, Pass pass, const Problem& problem,
                                            attention::Tiles tiles, const attention::BlockMask& block_mask,
                                            std::int64_t sram_elements, const Budget& budget) {
  Problem part = problem;
  const Index heads = problem.batch * problem.num_heads;
  const auto work = [&](const Problem& p) {
    return static_cast<double>(problem_traffic(algorithm, pass, p, tiles, block_mask).total_flops());
  };
  if (uniform(problem) && work(problem) > budget.flops) {
    part.batch = part.num_kv_heads = 1;
    part.num_heads = problem.group_size();
    if (!part.sinks.empty()) part.sinks.resize(static_cast<std::size_t>(part.num_heads));
  }
  const double scores = static_cast<double>(part.seqlen_q) * static_cast<double>(part.seqlen_kv);
  const double rows = static_cast<double>(part.seqlen_q) * static_cast<double>(part.num_heads) +
                      static_cast<double>(part.seqlen_kv) * static_cast<double>(part.num_kv_heads);
  const double elements = (info(algorithm).materialises_scores ? 4 * scores : 0) +
                          4 * static_cast<double>(part.batch) * rows *
                              static_cast<double>(std::max(part.head_dim, part.head_dim_v));
  if (work(part) > budget.flops || elements * sizeof(float) > budget.bytes) return std::nullopt;

  attention::Options options;
  options.tiles = tiles;
  options.block_mask = block_mask;
  const Index part_heads = part.batch * part.num_heads;
  const Traffic traffic = run(algorithm, pass, part, options, sram_elements);
  return MeteredSample{traffic.times(static_cast<Count>(heads / part_heads)), part_heads, heads};
}

std::vector<float> random_values(Index count, std::uint32_t stream) {
  std::vector<float> values(static_cast<std::size_t>(count));
  for (std::size_t n = 0; n < values.size(); ++n) {
    values[n] = static_cast<float>(philox(0, n, stream)[0]) / 2147483648.0f - 1.0f;
  }
  return values;
}

}  // namespace attnlab::io
