// Which rows a block of a decode kernel has, and where they and their keys lie.
//
// The query heads of one KV head and the query tokens are packed: row r is head r % group of the group and token
// r / group. Where all sequences share their first keys, the tokens of all sequences are packed into one list.
#pragma once

#include "cuda/device/head.cuh"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

__device__ inline int blocks_of(int size, int count) { return (count + size - 1) / size; }

// What splits leave behind, of each row: the sum of weights l relative to the largest logit m, both in powers of two,
// and O not yet divided by l.
struct Partials {
  float2* ml;  // [rows][splits]: m, l
  float* o;    // [rows][splits][value_dim]
};

// The part of the keys that a launch is for, and where its partial results go.
struct Span {
  int from = 0, to = 1 << 30;      // keys
  bool of_all = false;             // of all sequences: the keys are those of sequence 0
  int first_split = 0;             // among the splits of a row
  int splits = 1, all_splits = 1;  // of this launch, and of all
  Partials partials = {};
};

// Bounds of the visible keys, as int: begin >= end when there are none.
struct Keys {
  int begin, end;
};

struct PackedRow {
  bool exists;
  Head head;  // the sequence's
  int i;      // the token
  Keys keys;
  // Among all rows of Q's heads: where partial results lie.
  __device__ std::int64_t index(const AttentionParams& p) const {
    return (static_cast<std::int64_t>(head.tensor_batch) * p.heads_q + head.head) * p.rows_q + head.q_begin +
           i;
  }
};

__device__ inline PackedRow packed_row(const AttentionParams& p, const Span& span, int sequence, int kv_head,
                                       int r) {
  const int group = p.heads_q / p.heads_kv;
  int token = r / group;
  if (span.of_all) sequence = token / p.seqlen_q, token = token % p.seqlen_q;
  PackedRow row;
  row.exists = sequence < p.batch;
  row.head = head_of(p, row.exists ? sequence : 0, kv_head * group + r % group);
  row.i = token;
  row.exists = row.exists && token < row.head.rows_q;
  row.keys = {0, 0};
  if (row.exists) {
    const int begin = row.head.band.begin(token), end = row.head.band.end(token);
    row.keys = {begin > span.from ? begin : span.from, end < span.to ? end : span.to};
  }
  return row;
}

// Where keys lie. Contiguous ones are one page.
struct Place {
  int page, row;
};
struct Pages {
  const int* table;  // of the sequence; null: contiguous
  int size;

  __device__ Place place(int j) const {
    if (table == nullptr) return {0, j};
    return {table[j / size], j % size};
  }
  // Whether 16 keys from a multiple of 16 on lie in one page.
  __device__ bool hold_tiles() const { return table == nullptr || size % 16 == 0; }
};

// K or V of one KV head.
template <class C>
struct Side {
  const C* data;
  std::int64_t page_stride, row_stride;
  __device__ const C* row(Place at) const { return data + at.page * page_stride + at.row * row_stride; }
};
template <class C>
__device__ inline Side<C> side_of(const AttentionParams& p, const Strided<const void>& t, const Head& head) {
  if (p.block_table == nullptr) return {head.keys<const C>(t), 0, t.row_stride};
  return {static_cast<const C*>(t.data) + head.kv_head * t.head_stride, t.batch_stride, t.row_stride};
}
__device__ inline Pages pages_of(const AttentionParams& p, const Head& head) {
  if (p.block_table == nullptr) return {nullptr, 0};
  return {p.block_table + head.batch * p.block_table_stride, p.page_size};
}

// The factors of one KV head.
struct Factors {
  const float* data;  // null: 1
  std::int64_t stride;
  int rows;
  __device__ bool by_row() const { return stride != 0; }
  __device__ float at(int j) const {
    return data == nullptr ? 1.0f : data[stride == 0 ? 0 : j / rows * stride];
  }
};
__device__ inline Factors factors_of(const CacheScales& s, const Head& head) {
  if (s.data == nullptr) return {nullptr, 0, 1};
  return {s.data + head.batch * s.batch_stride + head.kv_head * s.head_stride, s.row_stride, s.rows};
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
