// What a kernel is launched with: plain structs of device pointers and numbers, passed by value.
//
// The meaning of every option is that of reference/attention/problem.h and docs/semantics.md. Here everything
// is already settled for a kernel: causal has become window_right = 0, dropout's probability a threshold, and
// absent options their neutral values. attention.h fills these structs from an attention::Problem.
#pragma once

#include <cstdint>

#include "reference/core/dtype.h"

namespace attnlab::cuda {

// A tensor that a kernel is launched with, as lists of kernels show it.
struct Operand {
  const char* name;
  const char* shape;
  bool written = false;
};

// [batch][head][row][column] in device memory; columns are contiguous, strides count elements.
template <class T>
struct Strided {
  T* data = nullptr;
  std::int64_t batch_stride = 0, head_stride = 0, row_stride = 0;
};

// A side of the window that hides nothing. Sequences must be shorter, so that i + offset + right fits an int.
inline constexpr int kUnbounded = 1 << 29;

// Element (b, h, i, j) of P is kept iff word j % 4 of philox4x32_10({j / 4, i, b * heads_q + h, offset}, key)
// is below the threshold, which is floor((1 - p) 2^32). Kept weights are multiplied by scale = 1 / (1 - p).
struct DropoutParams {
  bool on = false;
  float scale = 1;
  std::uint64_t threshold = std::uint64_t{1} << 32;
  std::uint32_t key[2] = {0, 0};  // the seed's low and high word
  std::uint32_t offset = 0;
};

// Factors of a cache's numbers: that of row j of head (b, h) is data[b * batch_stride + h * head_stride +
// j / rows * row_stride]. Strides of 0 are those of one factor for all.
struct CacheScales {
  const float* data = nullptr;  // null: 1
  std::int64_t batch_stride = 0, head_stride = 0, row_stride = 0;
  int rows = 1;
};

struct AttentionParams {
  DType type = DType::f32;  // of Q, K, V, O and of the gradients; the rungs compute in fp32 whatever it is
  Strided<const void> q;    // [batch, heads_q, seqlen_q, head_dim]; packed: [1, heads_q, total_q, head_dim]
  Strided<const void> k, v;
  Strided<void> o;
  Strided<float> lse;          // [batch, heads_q, seqlen_q], the column being the only one; null: not wanted
  float* workspace = nullptr;  // as many bytes as the registry's row says

  int batch = 1, heads_q = 1, heads_kv = 1;
  int seqlen_q = 0, seqlen_kv = 0;  // of the longest sequence, or of its room where there is padding
  int rows_q = 0, rows_kv = 0;      // of the tensors; packed: the total
  int head_dim = 0;                 // of Q and K
  int head_dim_v = 0;               // of V and O; 0: the same

  // Packed: sequence b is the rows [cu_seqlens[b], cu_seqlens[b + 1]) of batch entry 0. Null: not packed.
  const int* cu_seqlens_q = nullptr;
  const int* cu_seqlens_kv = nullptr;
  // Padded: sequence b is the first lens[b] rows of batch entry b. Null: all rows.
  const int* lens_q = nullptr;
  const int* lens_kv = nullptr;

  int window_left = kUnbounded, window_right = kUnbounded;  // causal: right = 0
  float scale = 1;
  float softcap = 0;                    // 0: none
  const float* alibi_slopes = nullptr;  // slope of (b, h) at [b * alibi_batch_stride + h]; null: none
  int alibi_batch_stride = 0;           // 0 or heads_q
  DropoutParams dropout;

  // A KV cache. Of another type than Q: e4m3 or int8 with factors, which count rows from the sequence's first.
  DType kv_type = DType::f32;  // f32: `type`, whatever it is
  CacheScales k_scale, v_scale;
  // In pages: row j of sequence b is row j % page_size of page block_table[b * block_table_stride + j / page_size];
  // the batch strides of K and V are then those from page to page. Null: not paged.
  const int* block_table = nullptr;
  std::int64_t block_table_stride = 0;
  int page_size = 0;
  int shared_kv = 0;  // so many first keys of all sequences are those of sequence 0
  int splits = 0;     // pieces that a sequence's keys are split into; 0: what fills the multiprocessors
  int multiprocessors = 132;  // of the device

  constexpr int value_dim() const { return head_dim_v != 0 ? head_dim_v : head_dim; }
  constexpr bool narrow_cache() const { return kv_type != DType::f32 && kv_type != type; }
};

inline constexpr Operand kForwardOperands[] = {
    {"q", "[batch, num_heads, seqlen_q, head_dim]"},
    {"k", "[batch, num_kv_heads, seqlen_kv, head_dim]"},
    {"v", "[batch, num_kv_heads, seqlen_kv, head_dim]"},
    {"o", "[batch, num_heads, seqlen_q, head_dim]", true},
    {"lse", "[batch, num_heads, seqlen_q]", true},
};

// y = softmax(x) for each row; column stride 1, row strides in elements.
struct SoftmaxParams {
  DType type = DType::f32;
  const void* x = nullptr;
  void* y = nullptr;
  int rows = 0, cols = 0;
  std::int64_t x_row_stride = 0, y_row_stride = 0;
};

inline constexpr Operand kSoftmaxOperands[] = {{"x", "[rows, cols]"}, {"y", "[rows, cols]", true}};

struct BackwardParams;  // backward_params.h
struct GoldenParams;    // golden_params.h

}  // namespace attnlab::cuda
