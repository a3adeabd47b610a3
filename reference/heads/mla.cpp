#include "reference/heads/mla.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "reference/core/checked.h"
#include "reference/core/errors.h"
#include "reference/core/shape.h"
#include "reference/core/two_level_memory.h"

namespace attnlab::heads {
namespace {

constexpr const char* kTokens = "[batch, 1, seqlen, hidden]";

void require_extent(const char* name, Index value, Index least) {
  if (value < least || value > attention::kMaxExtent) {
    throw InvalidArgument(name, std::to_string(value),
                          "at least " + std::to_string(least) + ", at most 2^30");
  }
}

template <class T>
void require_gains(const char* name, std::span<const T> gains, Index size) {
  if (static_cast<Index>(gains.size()) != size) {
    throw InvalidArgument(name, std::to_string(gains.size()) + " gains", std::to_string(size));
  }
}

template <class T>
void require_weights(const MlaConfig& c, const MlaWeights<T>& w) {
  const Index q_in = c.q_lora_rank != 0 ? c.q_lora_rank : c.hidden;
  if (c.q_lora_rank != 0) require_shape("W_DQ", w.dq, c.q_lora_rank, c.hidden);
  require_shape("W_UQ", w.uq, c.num_heads * c.head_dim, q_in);
  require_shape("W_QR", w.qr, c.num_heads * c.rope_dim, q_in);
  require_shape("W_DKV", w.dkv, c.kv_lora_rank, c.hidden);
  require_shape("W_KR", w.kr, c.rope_dim, c.hidden);
  require_shape("W_UK", w.uk, c.num_heads * c.head_dim, c.kv_lora_rank);
  require_shape("W_UV", w.uv, c.num_heads * c.head_dim_v, c.kv_lora_rank);
  require_shape("W_O", w.o, c.hidden, c.num_heads * c.head_dim_v);
  if (!c.latent_norm) return;
  if (c.q_lora_rank != 0) require_gains("q_norm", w.q_norm, c.q_lora_rank);
  require_gains("kv_norm", w.kv_norm, c.kv_lora_rank);
}

// x <- gain x / sqrt(mean(x^2) + eps), row by row.
template <class T>
void rms_norm(RowMajor<T>& x, std::span<const T> gains, double eps) {
  const Eigen::Map<const Eigen::Array<T, 1, Eigen::Dynamic>> gain(gains.data(), x.cols());
  for (Index r = 0; r < x.rows(); ++r) {
    const T mean = x.row(r).squaredNorm() / static_cast<T>(x.cols());
    x.row(r).array() *= gain / std::sqrt(mean + static_cast<T>(eps));
  }
}

// Rows of head i of a matrix whose heads have `dim` rows each.
Rows head_rows(Index i, Index dim) { return {i * dim, dim}; }

// A [batch, heads, seqlen, dim] tensor with its memory.
template <class T>
struct Owned {
  std::vector<T> data;
  TensorView<T> view;
  Owned(Index batch, Index heads, Index seqlen, Index dim)
      : data(static_cast<std::size_t>(batch * heads * seqlen * dim)),
        view(bhsd(data.data(), batch, heads, seqlen, dim)) {}
};

// Causal attention of the new tokens over everything cached, after they are appended.
template <class T>
attention::Problem attention_problem(const MlaConfig& c, MlaForm form, Index seqlen,
                                     std::span<const Index> lens, LatentCache<T>& cache) {
  if (cache.rows().dim != c.cache_dim() || cache.c_kv().dim != c.kv_lora_rank) {
    throw InvalidArgument(
        "cache", "rows of " + std::to_string(cache.c_kv().dim) + " + " + std::to_string(cache.k_rope().dim),
        "kv_lora_rank + rope_dim = " + std::to_string(c.kv_lora_rank) + " + " + std::to_string(c.rope_dim));
  }
  if (!lens.empty() && static_cast<Index>(lens.size()) != cache.batch()) {
    throw InvalidArgument("lens", std::to_string(lens.size()) + " lengths", std::to_string(cache.batch()));
  }
  const bool naive = form == MlaForm::naive;
  attention::Problem p;
  p.batch = cache.batch();
  p.num_heads = c.num_heads;
  p.num_kv_heads = naive ? c.num_heads : 1;
  p.seqlen_q = seqlen;
  p.head_dim = naive ? c.head_dim + c.rope_dim : c.cache_dim();
  p.head_dim_v = naive ? c.head_dim_v : c.kv_lora_rank;
  p.softmax_scale = c.softmax_scale();
  p.causal = true;
  for (std::size_t b = 0; b < cache.lengths().size(); ++b) {
    const Index n = lens.empty() ? seqlen : lens[b], cached = cache.lengths()[b] + n;
    if (n < 0 || n > seqlen) {
      throw InvalidArgument("lens", std::to_string(n), "0 to seqlen = " + std::to_string(seqlen));
    }
    if (cached > cache.capacity()) {
      throw InvalidArgument("cache", std::to_string(cached) + " tokens",
                            "at most its capacity " + std::to_string(cache.capacity()));
    }
    p.q_lens.push_back(n);
    p.kv_lens.push_back(cached);
    p.seqlen_kv = std::max(p.seqlen_kv, cached);
  }
  return p;
}

// The new tokens of one sequence: x [n, hidden], the first of them at `position`.
template <class T>
class Layer {
 public:
  Layer(const MlaConfig& config, const MlaWeights<T>& weights) : c_(config), w_(weights) {}

  // [9, 15]
  void write_cache(MatrixView<const T> x, Index position, MatrixView<T> c_kv, MatrixView<T> k_rope) const {
    RowMajor<T> latent = as_eigen(x) * as_eigen(w_.dkv).transpose();
    if (c_.latent_norm) rms_norm(latent, w_.kv_norm, c_.norm_eps);
    as_eigen(c_kv) = latent;
    as_eigen(k_rope).noalias() = as_eigen(x) * as_eigen(w_.kr).transpose();
    apply_rope(c_.rope, k_rope, position);
  }

  // [12]
  RowMajor<T> query_latent(MatrixView<const T> x) const {
    if (c_.q_lora_rank == 0) return as_eigen(x);
    RowMajor<T> latent = as_eigen(x) * as_eigen(w_.dq).transpose();
    if (c_.latent_norm) rms_norm(latent, w_.q_norm, c_.norm_eps);
    return latent;
  }

  // [13, 14, 16] of head i: q is [n, head_dim + rope_dim], or in the absorbed form [n, kv_lora_rank +
  // rope_dim] with W_UK^T q in front.
  void write_query(MlaForm form, const RowMajor<T>& c_q, Index position, Index i, MatrixView<T> q) const {
    const Rows all{0, q.rows};
    const RowMajor<T> nope =
        c_q * as_eigen(w_.uq.middle(head_rows(i, c_.head_dim))).transpose();  // [n, head_dim]
    const Index front = q.cols - c_.rope_dim;
    if (form == MlaForm::naive) {
      as_eigen(q.block(all, {0, front})) = nope;
    } else {
      as_eigen(q.block(all, {0, front})).noalias() = nope * as_eigen(w_.uk.middle(head_rows(i, c_.head_dim)));
    }
    const MatrixView<T> rope = q.block(all, {front, c_.rope_dim});
    as_eigen(rope).noalias() = c_q * as_eigen(w_.qr.middle(head_rows(i, c_.rope_dim))).transpose();
    apply_rope(c_.rope, rope, position);
  }

  // [10, 11, 17] of head i, for all cached tokens.
  void expand(MatrixView<const T> c_kv, MatrixView<const T> k_rope, Index i, MatrixView<T> k,
              MatrixView<T> v) const {
    const Rows all{0, c_kv.rows};
    as_eigen(k.block(all, {0, c_.head_dim})).noalias() =
        as_eigen(c_kv) * as_eigen(w_.uk.middle(head_rows(i, c_.head_dim))).transpose();
    as_eigen(k.block(all, {c_.head_dim, c_.rope_dim})) = as_eigen(k_rope);
    as_eigen(v).noalias() = as_eigen(c_kv) * as_eigen(w_.uv.middle(head_rows(i, c_.head_dim_v))).transpose();
  }

  // What attention returned for head i -> o_i [n, head_dim_v].
  void head_output(MlaForm form, MatrixView<const T> result, Index i, Eigen::Ref<RowMajor<T>> o) const {
    if (form == MlaForm::naive) {
      o = as_eigen(result);
    } else {
      o.noalias() = as_eigen(result) * as_eigen(w_.uv.middle(head_rows(i, c_.head_dim_v))).transpose();
    }
  }

 private:
  const MlaConfig& c_;
  const MlaWeights<T>& w_;
};

}  // namespace

double MlaConfig::softmax_scale() const { return 1 / std::sqrt(static_cast<double>(head_dim + rope_dim)); }

void validate(const MlaConfig& c) {
  require_extent("hidden", c.hidden, 1);
  require_extent("num_heads", c.num_heads, 1);
  require_extent("head_dim", c.head_dim, 1);
  require_extent("rope_dim", c.rope_dim, 0);
  require_extent("head_dim_v", c.head_dim_v, 1);
  require_extent("kv_lora_rank", c.kv_lora_rank, 1);
  require_extent("q_lora_rank", c.q_lora_rank, 0);
  if (c.rope_dim % 2 != 0) throw InvalidArgument("rope_dim", std::to_string(c.rope_dim), "an even number");
  if (!(c.rope.base > 0))
    throw InvalidArgument("rope.base", std::to_string(c.rope.base), "a positive number");
  if (!(c.norm_eps >= 0)) throw InvalidArgument("norm_eps", std::to_string(c.norm_eps), "at least 0");
}

template <class T>
LatentCache<T>::LatentCache(const MlaConfig& config, Index batch, Index capacity)
    : capacity_(capacity), kv_lora_rank_(config.kv_lora_rank), dim_(config.cache_dim()) {
  validate(config);
  require_extent("batch", batch, 1);
  require_extent("capacity", capacity, 1);
  lengths_.assign(static_cast<std::size_t>(batch), 0);
  data_.resize(checked_multiply(static_cast<std::uint64_t>(batch * capacity),
                                static_cast<std::uint64_t>(dim_), "latent cache"));
}

template <class T>
TensorView<T> LatentCache<T>::view(Index column, Index dim) {
  TensorView<T> t = bhsd(data_.data() + column, batch(), 1, capacity_, dim_);
  t.dim = dim;
  return t;
}

template <class T>
void mla_forward(const MlaConfig& c, const MlaWeights<T>& weights, MlaForm form,
                 attention::Algorithm algorithm, TensorView<const T> h, std::span<const Index> lens,
                 LatentCache<T>& cache, TensorView<T> u, const attention::Options& options) {
  validate(c);
  require_weights(c, weights);
  const Index batch = cache.batch();
  require_shape("h", h, {batch, 1, h.seqlen, c.hidden}, kTokens);
  require_shape("u", u, {batch, 1, h.seqlen, c.hidden}, kTokens);
  const attention::Problem problem = attention_problem(c, form, h.seqlen, lens, cache);
  const std::vector<Index>&q_lens = problem.q_lens, &kv_lens = problem.kv_lens;
  const bool naive = form == MlaForm::naive;

  const Layer<T> layer(c, weights);
  Owned<T> q(batch, c.num_heads, h.seqlen, problem.head_dim);
  Owned<T> o(batch, c.num_heads, h.seqlen, problem.head_dim_v);
  for (Index b = 0; b < batch; ++b) {
    const Rows tokens{0, q_lens[static_cast<std::size_t>(b)]};
    if (tokens.size == 0) continue;
    const Index position = cache.lengths()[static_cast<std::size_t>(b)];
    const Rows appended{position, tokens.size};
    const MatrixView<const T> x = h.head(b, 0, tokens);
    layer.write_cache(x, position, cache.c_kv().head(b, 0, appended), cache.k_rope().head(b, 0, appended));
    const RowMajor<T> c_q = layer.query_latent(x);
    for (Index i = 0; i < c.num_heads; ++i)
      layer.write_query(form, c_q, position, i, q.view.head(b, i, tokens));
  }

  // The cache is K and V of the absorbed form as it lies.
  TensorView<T> k = cache.rows(), v = cache.c_kv();
  k.seqlen = v.seqlen = problem.seqlen_kv;
  const Index expanded = naive ? problem.seqlen_kv : 0;
  Owned<T> k_expanded(batch, c.num_heads, expanded, problem.head_dim);
  Owned<T> v_expanded(batch, c.num_heads, expanded, problem.head_dim_v);
  if (naive) {
    for (Index b = 0; b < batch; ++b) {
      const Rows cached{0, kv_lens[static_cast<std::size_t>(b)]};
      if (cached.size == 0) continue;
      for (Index i = 0; i < c.num_heads; ++i) {
        layer.expand(cache.c_kv().head(b, 0, cached), cache.k_rope().head(b, 0, cached), i,
                     k_expanded.view.head(b, i, cached), v_expanded.view.head(b, i, cached));
      }
    }
    k = k_expanded.view;
    v = v_expanded.view;
  }
  attention::forward<T>(algorithm, problem, {q.view, k, v, o.view, {}}, options);

  for (Index b = 0; b < batch; ++b) {
    const Rows tokens{0, q_lens[static_cast<std::size_t>(b)]};
    as_eigen(u.head(b, 0)).setZero();
    if (tokens.size == 0) continue;
    RowMajor<T> heads(tokens.size, c.num_heads * c.head_dim_v);  // (o_1; ...; o_num_heads)
    for (Index i = 0; i < c.num_heads; ++i) {
      layer.head_output(form, o.view.head(b, i, tokens), i, heads.middleCols(i * c.head_dim_v, c.head_dim_v));
    }
    as_eigen(u.head(b, 0, tokens)).noalias() = heads * as_eigen(weights.o).transpose();
    cache.grow(b, tokens.size);
  }
}

template class LatentCache<float>;
template class LatentCache<double>;
template void mla_forward(const MlaConfig&, const MlaWeights<float>&, MlaForm, attention::Algorithm,
                          TensorView<const float>, std::span<const Index>, LatentCache<float>&,
                          TensorView<float>, const attention::Options&);
template void mla_forward(const MlaConfig&, const MlaWeights<double>&, MlaForm, attention::Algorithm,
                          TensorView<const double>, std::span<const Index>, LatentCache<double>&,
                          TensorView<double>, const attention::Options&);

}  // namespace attnlab::heads
