// The attention problem: one description for every algorithm, kernel, closed form and check.
//
//   s_ij = score(q_i . k_j)      softmax_scale, then softcap, then ALiBi, then additive bias
//   p_ij = exp(s_ij) / (sum over visible j of exp(s_ij) + exp(sink))
//   o_i  = sum over visible j of keep_ij / (1 - dropout) * p_ij v_j
//
// docs/semantics.md fixes every edge of these three lines.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "reference/core/view.h"

namespace attnlab::attention {

// Keys that query row i may see lie in [i + offset - left, i + offset + right], offset = seqlen_kv - seqlen_q
// (bottom-right alignment, FlashAttention >= 2.1). Absent = unbounded on that side.
struct Window {
  std::optional<Index> left;
  std::optional<Index> right;
};

// Dropout of attention probabilities. Element (b, h, i, j) is kept iff word j % 4 of
// philox4x32_10({j / 4, i, b * num_heads + h, offset}, seed) is below (1 - p) 2^32.
struct Dropout {
  double p = 0;
  std::uint64_t seed = 0;
  std::uint32_t offset = 0;
};

struct Problem {
  Index batch = 1;
  Index num_heads = 1;
  Index num_kv_heads = 1;  // MHA: = num_heads; MQA: 1; GQA: a divisor of num_heads
  Index seqlen_q = 0;      // with packed sequences: the longest
  Index seqlen_kv = 0;
  Index head_dim = 0;    // of Q and K
  Index head_dim_v = 0;  // of V and O

  std::optional<double> softmax_scale;  // absent: 1 / sqrt(head_dim)
  bool causal = false;                  // the same as a window with right = 0
  Window window;
  double softcap = 0;                // s -> softcap tanh(s / softcap); 0: none (Gemma 2)
  std::vector<double> alibi_slopes;  // [num_heads] or [batch * num_heads]: s -= slope |i + offset - j|
  std::vector<double> sinks;         // [num_heads]: logit of a virtual key with v = 0
  BroadcastView<float> bias;         // added to s; -inf hides the key
  BroadcastView<std::uint8_t> mask;  // 0 hides the key
  // Scores take part in a masking pass even where nothing above hides a key: standard attention then spends
  // that pass, as a framework does for a mask that it computes instead of storing. Changes traffic, never a
  // result.
  bool mask_pass = false;
  // K and V lie in pages of so many rows, which a block table names; 0: in one piece. Changes where they are and
  // what is moved, never a result. Forward only.
  Index page_size = 0;

  // Padding: sequence b uses the first q_lens[b] rows of Q and kv_lens[b] of K and V. [batch], or empty.
  std::vector<Index> q_lens, kv_lens;
  // Packed sequences: Q is [1, num_heads, total_q, head_dim] and sequence b its rows
  // [cu_seqlens_q[b], cu_seqlens_q[b + 1]). [batch + 1], both or neither.
  std::vector<Index> cu_seqlens_q, cu_seqlens_kv;

  Dropout dropout;

  double scale() const;
  bool packed() const { return !cu_seqlens_q.empty(); }
  Index group_size() const { return num_heads / num_kv_heads; }
  // Where sequence b lives: its batch index in the tensors and its rows there.
  Index tensor_batch(Index b) const { return packed() ? 0 : b; }
  Rows q_rows(Index b) const;
  Rows kv_rows(Index b) const;
  // Extents of the tensors: batch (1 when packed) and rows (the total when packed).
  Index tensor_batches() const { return packed() ? 1 : batch; }
  Index tensor_rows_q() const { return packed() ? cu_seqlens_q.back() : seqlen_q; }
  Index tensor_rows_kv() const { return packed() ? cu_seqlens_kv.back() : seqlen_kv; }
};

// The sizes of a problem whose tensors are these; of packed ones the lengths are set apart, by cu_seqlens.
void set_sizes(Problem& problem, const Extents& q, const Extents& k, const Extents& v);

// Throws InvalidArgument naming the first argument that makes the problem meaningless.
void validate(const Problem& problem);

// The largest extent accepted anywhere, and the largest product batch * num_heads * seqlen_q * seqlen_kv *
// head_dim as a power of 2: every count of bytes and operations is less than 2^16 such products.
inline constexpr Index kMaxExtent = Index{1} << 30;
inline constexpr int kMaxWorkExponent = 112;

}  // namespace attnlab::attention
