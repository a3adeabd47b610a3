#include "reference/kv/decode.h"

#include <string>

#include "reference/attention/run_tensors.h"

namespace attnlab::kv {
namespace {

using attention::Problem;

void require_equal(const char* argument, Index got, Index expected, const char* meaning) {
  if (got == expected) return;
  throw InvalidArgument(argument, std::to_string(got), std::to_string(expected) + ", " + meaning);
}

// [heads, dim] as [1, heads, 1, dim].
template <class T>
TensorView<T> heads_of(const MatrixView<T>& rows) {
  return {rows.data,      1, rows.rows, 1, rows.cols, rows.rows * rows.row_stride, rows.row_stride,
          rows.row_stride};
}

// What holds for any cache. tokens: those that it will have with the new one.
template <class T, class AnyCache>
void require_step(const Problem& p, const AnyCache& cache, Index tokens, const NewToken<T>& token,
                  const TokenOutputs<T>& out, const DecodeOptions& options) {
  require_equal("batch", p.batch, 1, "one sequence a cache");
  require_equal("seqlen_q", p.seqlen_q, 1, "the new token");
  require_equal("seqlen_kv", p.seqlen_kv, tokens, "the cached tokens and the new one");
  if (p.packed() || !p.q_lens.empty() || !p.kv_lens.empty()) {
    throw InvalidArgument("problem", "packed or padded sequences", "one sequence, as long as the cache");
  }
  require_equal("num_kv_heads", p.num_kv_heads, cache.num_kv_heads(), "those of the cache");
  require_equal("head_dim", p.head_dim, cache.head_dim(), "that of the cache");
  require_equal("head_dim_v", p.head_dim_v, cache.head_dim_v(), "that of the cache");
  require_shape("q", token.q, p.num_heads, p.head_dim);
  require_shape("k", token.k, p.num_kv_heads, p.head_dim);
  require_shape("v", token.v, p.num_kv_heads, p.head_dim_v);
  require_shape("o", out.o, p.num_heads, p.head_dim_v);
  require_shape("lse", out.lse, p.num_heads, 1);
  if (options.bc < 0) throw InvalidArgument("bc", std::to_string(options.bc), "0 or more");
}

// rows(kv_head): where the cache has them.
template <class T, class RowsOf>
void run_step(const Problem& problem, const NewToken<T>& token, const TokenOutputs<T>& out,
              const DecodeOptions& options, RowsOf rows) {
  const Index bc = options.bc == 0 ? 512 : options.bc;
  attention::Workers<Direct, T> workers(problem.num_kv_heads, options.threads);
  workers.run([&](auto& worker, Index kv_head) {
    decode_kv_head<Direct, T>(worker.memory, problem, kv_head, rows(kv_head), token, out, bc);
  });
}

}  // namespace

template <class T>
void decode(const Problem& problem, Cache<T>& cache, const NewToken<T>& token, const TokenOutputs<T>& out,
            const DecodeOptions& options) {
  require_step(problem, cache, cache.length() + 1, token, out, options);
  // The step is a forward pass over the cache and one row more: it refuses what every forward pass refuses.
  TensorView<const T> k = cache.k(), v = cache.v();
  k.seqlen = v.seqlen = problem.seqlen_kv;
  attention::plan_forward<T>(attention::Algorithm::flash2, problem,
                             {heads_of(token.q), k, v, heads_of(out.o), heads_of(out.lse)}, {});
  cache.extend();
  run_step(problem, token, out, options, [&](Index kv_head) { return cache.rows(kv_head); });
}

template <class T>
void decode(const Problem& problem, PagedMemory<T>& cache, std::span<const BlockId> table, const Slot& slot,
            const NewToken<T>& token, const TokenOutputs<T>& out, const DecodeOptions& options) {
  require_step(problem, cache, problem.seqlen_kv, token, out, options);
  const Index needed = ceil_div(problem.seqlen_kv, cache.block_size());
  if (problem.seqlen_kv < 1 || static_cast<Index>(table.size()) < needed) {
    throw InvalidArgument("block_table", std::to_string(table.size()) + " entries",
                          std::to_string(needed) + " for " + std::to_string(problem.seqlen_kv) + " tokens");
  }
  require_equal("page_size", problem.page_size, cache.block_size(), "the cache's block_size");
  const attention::Pages pages{table.data(), needed, cache.num_blocks()};
  attention::plan_forward<T>(
      attention::Algorithm::flash2, problem,
      {heads_of(token.q), cache.k(), cache.v(), heads_of(out.o), heads_of(out.lse), pages}, {});
  const Index last = problem.seqlen_kv - 1;
  require_equal("slot.row", slot.row, last % cache.block_size(), "the row of the newest token");
  require_equal("slot.block", slot.block, table[static_cast<std::size_t>(last / cache.block_size())],
                "the block of the newest token");
  if (slot.copy_before) cache.copy(*slot.copy_before, cache);
  run_step(problem, token, out, options,
           [&](Index kv_head) { return cache.rows(table, problem.seqlen_kv, kv_head, slot); });
}

#define ATTNLAB_INSTANTIATE(T)                                                                 \
  template void decode(const Problem&, Cache<T>&, const NewToken<T>&, const TokenOutputs<T>&,  \
                       const DecodeOptions&);                                                  \
  template void decode(const Problem&, PagedMemory<T>&, std::span<const BlockId>, const Slot&, \
                       const NewToken<T>&, const TokenOutputs<T>&, const DecodeOptions&);
ATTNLAB_INSTANTIATE(float)
ATTNLAB_INSTANTIATE(double)
#undef ATTNLAB_INSTANTIATE

}  // namespace attnlab::kv
