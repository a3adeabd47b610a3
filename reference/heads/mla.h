// Multi-head latent attention: DeepSeek-V2 (arXiv 2405.04434), section 2.1, with its decoupled rotary
// embedding. Numbers in brackets are the paper's equations; h is a token's hidden state, i a head.
//
//   c_kv = W_DKV h                      [9]       k_rope = RoPE(W_KR h)                 [15]   both cached
//   k_i = (W_UK,i c_kv; k_rope)         [10, 17]  v_i = W_UV,i c_kv                     [11]
//   c_q = W_DQ h                        [12]      q_i = (W_UQ,i c_q; RoPE(W_QR,i c_q))  [13, 14, 16]
//   o_i = sum over j of softmax_j(q_i . k_j,i / sqrt(head_dim + rope_dim)) v_j,i        [18]
//   u = W_O (o_1; ...; o_num_heads)     [19]
//
// Two forms, equal but for rounding:
//   naive     K and V are expanded from the latent for every head; then multi-head attention.
//   absorbed  q . W_UK c = (W_UK^T q) . c and sum p_j W_UV c_j = W_UV sum p_j c_j: W_UK moves into the query,
//             W_UV behind the attention, which becomes multi-query attention over the cache itself, with
//             head_dim = kv_lora_rank + rope_dim and head_dim_v = kv_lora_rank.
#pragma once

#include <span>
#include <vector>

#include "reference/attention/attention.h"
#include "reference/heads/rope.h"

namespace attnlab::heads {

struct MlaConfig {
  Index hidden = 0;
  Index num_heads = 0;
  Index head_dim = 0;      // d_h: of k's and q's part without position ("nope")
  Index rope_dim = 0;      // d_h^R: of the part with position; even
  Index head_dim_v = 0;    // d_h in the paper
  Index kv_lora_rank = 0;  // d_c
  Index q_lora_rank = 0;   // d_c'; 0: queries come from h itself (DeepSeek-V2-Lite)
  Rope rope;               // DeepSeek's: base 10000, interleaved

  // An RMSNorm on c_kv and on c_q, which equations 9 to 19 leave out and the released models have (section
  // 3.1.2). c_kv is cached after it.
  bool latent_norm = false;
  double norm_eps = 1e-6;

  // 1 / sqrt(head_dim + rope_dim), in both forms.
  double softmax_scale() const;
  // Cached elements of a token: kv_lora_rank + rope_dim.
  Index cache_dim() const { return kv_lora_rank + rope_dim; }
};

// Throws InvalidArgument naming the first field that makes the configuration meaningless.
void validate(const MlaConfig& config);

// Output features first, as Hugging Face stores them: y = W x. The heads of a matrix follow one another.
template <class T>
struct MlaWeights {
  MatrixView<const T> dq;     // W_DQ  [q_lora_rank, hidden]; none when q_lora_rank is 0
  MatrixView<const T> uq;     // W_UQ  [num_heads * head_dim, q_lora_rank or hidden]
  MatrixView<const T> qr;     // W_QR  [num_heads * rope_dim, q_lora_rank or hidden]
  MatrixView<const T> dkv;    // W_DKV [kv_lora_rank, hidden]
  MatrixView<const T> kr;     // W_KR  [rope_dim, hidden]
  MatrixView<const T> uk;     // W_UK  [num_heads * head_dim, kv_lora_rank]
  MatrixView<const T> uv;     // W_UV  [num_heads * head_dim_v, kv_lora_rank]
  MatrixView<const T> o;      // W_O   [hidden, num_heads * head_dim_v]
  std::span<const T> q_norm;  // gains of the norms [q_lora_rank], [kv_lora_rank]; only with latent_norm
  std::span<const T> kv_norm;
};

// What is cached: for every sequence of the batch its first lengths[b] rows (c_kv; k_rope). The rows are the
// keys of the absorbed form as they lie, their first kv_lora_rank columns its values.
template <class T>
class LatentCache {
 public:
  LatentCache(const MlaConfig& config, Index batch, Index capacity);

  Index batch() const { return static_cast<Index>(lengths_.size()); }
  Index capacity() const { return capacity_; }
  const std::vector<Index>& lengths() const { return lengths_; }
  // [batch, 1, capacity, dim]
  TensorView<T> rows() { return view(0, dim_); }
  TensorView<T> c_kv() { return view(0, kv_lora_rank_); }
  TensorView<T> k_rope() { return view(kv_lora_rank_, dim_ - kv_lora_rank_); }

  // Counts rows that were written behind the last of sequence b.
  void grow(Index b, Index tokens) { lengths_[static_cast<std::size_t>(b)] += tokens; }

 private:
  TensorView<T> view(Index column, Index dim);

  Index capacity_, kv_lora_rank_, dim_;
  std::vector<Index> lengths_;
  std::vector<T> data_;
};

enum class MlaForm { naive, absorbed };

// Appends new tokens to the cache and computes the attention layer's output for them: causal over everything
// cached. With an empty cache this is a prefill, with one token a sequence a decode step.
//
//   h, u  [batch, 1, seqlen, hidden]; of sequence b the first lens[b] rows count (lens empty: all), and
//         the rest of u becomes 0. Positions continue where the cache ends.
//
// Throws InvalidArgument, before anything is written, on shapes that do not fit and on a full cache.
template <class T>
void mla_forward(const MlaConfig& config, const MlaWeights<T>& weights, MlaForm form,
                 attention::Algorithm algorithm, TensorView<const T> h, std::span<const Index> lens,
                 LatentCache<T>& cache, TensorView<T> u, const attention::Options& options = {});

}  // namespace attnlab::heads
