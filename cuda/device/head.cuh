// One query head of one sequence: where it lies in the tensors, how long it is, and which keys a row sees.
// Rows and keys count from the sequence's first token.
#pragma once

#include <cuda_runtime.h>

#include "cuda/host/params.h"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

// Row i sees the keys [begin(i), end(i)): length, causal mask and window in one. Rows that are padding see
// none.
struct Band {
  int len_q, len_kv;
  int left, right;

  __device__ int offset() const { return len_kv - len_q; }
  __device__ int begin(int i) const {
    const int first = i + offset() - left;
    return first > 0 ? first : 0;
  }
  __device__ int end(int i) const {
    const int last = i + offset() + right + 1;
    return i >= len_q ? 0 : last < len_kv ? last : len_kv;
  }
  __device__ bool visible(int i, int j) const { return j >= begin(i) && j < end(i); }

  // For the rows [row, row + rows): the first key that one of them sees and one past the last; begin >= end
  // when they see none. Both bounds of a row move right with it.
  __device__ int first_visible(int row) const { return begin(row); }
  __device__ int past_visible(int row, int rows) const {
    const int last = row + rows < len_q ? row + rows : len_q;
    return last <= row ? 0 : end(last - 1);
  }
  // For the keys [col, col + cols): the first row that sees one of them and one past the last.
  __device__ int first_seeing(int col) const {
    const int first = col - offset() - right;
    return first > 0 ? first : 0;
  }
  __device__ int past_seeing(int col, int cols) const {
    const int past_col = col + cols < len_kv ? col + cols : len_kv;
    const int past = past_col - offset() + left;
    return past < len_q ? past : len_q;
  }
  // Every row of [row, row + rows) exists and sees every key of [col, col + cols).
  __device__ bool all_visible(int row, int rows, int col, int cols) const {
    return row + rows <= len_q && col >= begin(row + rows - 1) && col + cols <= end(row);
  }
};

struct Head {
  int batch, head, kv_head;
  int tensor_batch;       // 0 when packed
  int q_begin, kv_begin;  // the sequence's first rows in the tensors
  int rows_q, rows_kv;    // rows that belong to it there, padding included: all of them are written
  int batch_head;         // b * heads_q + h: dropout's counter
  Band band;              // band.len_q, band.len_kv: without padding
  float alibi_slope;      // 0: none

  // The first element of the row that is the sequence's first.
  template <class T, class Tensor>
  __device__ T* queries(const Tensor& t) const {
    return static_cast<T*>(t.data) + tensor_batch * t.batch_stride + head * t.head_stride +
           q_begin * t.row_stride;
  }
  template <class T, class Tensor>
  __device__ T* keys(const Tensor& t) const {
    return static_cast<T*>(t.data) + tensor_batch * t.batch_stride + kv_head * t.head_stride +
           kv_begin * t.row_stride;
  }
};

__device__ inline Head head_of(const AttentionParams& p, int batch, int head) {
  Head h;
  h.batch = batch;
  h.head = head;
  h.kv_head = head / (p.heads_q / p.heads_kv);
  h.batch_head = batch * p.heads_q + head;
  h.tensor_batch = batch;
  h.q_begin = h.kv_begin = 0;
  h.rows_q = h.band.len_q = p.seqlen_q;
  h.rows_kv = h.band.len_kv = p.seqlen_kv;
  if (p.cu_seqlens_q != nullptr) {
    h.tensor_batch = 0;
    h.q_begin = p.cu_seqlens_q[batch];
    h.kv_begin = p.cu_seqlens_kv[batch];
    h.rows_q = h.band.len_q = p.cu_seqlens_q[batch + 1] - h.q_begin;
    h.rows_kv = h.band.len_kv = p.cu_seqlens_kv[batch + 1] - h.kv_begin;
  }
  if (p.lens_q != nullptr) h.band.len_q = p.lens_q[batch];
  if (p.lens_kv != nullptr) h.band.len_kv = p.lens_kv[batch];
  h.band.left = p.window_left;
  h.band.right = p.window_right;
  h.alibi_slope = p.alibi_slopes == nullptr ? 0.0f : p.alibi_slopes[batch * p.alibi_batch_stride + head];
  return h;
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
