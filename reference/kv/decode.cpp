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

template <class T>
void require_step(const Problem& p, const Cache<T>& cache, const Token<T>& token,
                  const TokenOutputs<T>& out) {
  require_equal("batch", p.batch, 1, "one sequence a cache");
  require_equal("seqlen_q", p.seqlen_q, 1, "the new token");
  require_equal("seqlen_kv", p.seqlen_kv, cache.length() + 1, "the cached tokens and the new one");
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
  // The step is a forward pass over the cache and one row more: it refuses what every forward pass refuses.
  TensorView<const T> k = cache.k(), v = cache.v();
  k.seqlen = v.seqlen = p.seqlen_kv;
  attention::plan_forward<T>(attention::Algorithm::flash2, p,
                             {heads_of(token.q), k, v, heads_of(out.o), heads_of(out.lse)}, {});
}

}  // namespace

template <class T>
void decode(const Problem& problem, Cache<T>& cache, const Token<T>& token, const TokenOutputs<T>& out,
            const DecodeOptions& options) {
  require_step(problem, cache, token, out);
  if (options.bc < 0) throw InvalidArgument("bc", std::to_string(options.bc), "0 or more");
  const Index bc = options.bc == 0 ? 512 : options.bc;
  cache.extend();
  attention::Workers<Direct, T> workers(problem.num_kv_heads, options.threads);
  workers.run([&](auto& worker, Index kv_head) {
    decode_kv_head(worker.memory, problem, kv_head, cache, token, out, bc);
  });
}

#define ATTNLAB_INSTANTIATE(T)                                                             \
  template void decode(const Problem&, Cache<T>&, const Token<T>&, const TokenOutputs<T>&, \
                       const DecodeOptions&);
ATTNLAB_INSTANTIATE(float)
ATTNLAB_INSTANTIATE(double)
#undef ATTNLAB_INSTANTIATE

}  // namespace attnlab::kv
