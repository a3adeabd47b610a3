// What is done with a paged KV cache besides attending to it: tokens are appended, pages copied before they are
// written to by one of several owners, and sequences gathered into contiguous memory. On device pointers, on either
// backend.
#pragma once

#include "cuda/host/backend.h"
#include "cuda/host/params.h"

namespace attnlab::cuda {

// K or V. The batch stride is the one from page to page.
template <class T>
struct CacheSide {
  Strided<T> pages;  // [num_pages, heads, page_size, dim]
  int dim = 0;
  CacheScales scales;  // of e4m3 and int8: what is written is divided by them
};

// Appends tokens to sequences: token n of the list is row positions[n] of sequence sequences[n].
struct AppendParams {
  DType type = DType::f32,
        cache_type = DType::f32;  // of the tokens and of the cache: the same, or e4m3 or int8
  Strided<const void> k, v;       // [1, heads, tokens, dim]
  CacheSide<void> k_cache, v_cache;
  const int *sequences = nullptr, *positions = nullptr;  // [tokens]
  const int* block_table = nullptr;
  std::int64_t block_table_stride = 0;
  int page_size = 1, heads = 1, tokens = 0;
};

// Copies pages: to[n] becomes what from[n] is. No page is written that is read or written by another copy.
struct CopyPagesParams {
  DType type = DType::f32;
  Strided<void> k, v;                        // [num_pages, heads, page_size, dim]
  const int *from = nullptr, *to = nullptr;  // [copies]
  int page_size = 1, heads = 1, dim_k = 0, dim_v = 0, copies = 0;
};

// Gathers the first lens[b] rows of each sequence; rows behind them are left alone.
struct GatherParams {
  DType type = DType::f32;
  Strided<const void> k, v;   // [num_pages, heads, page_size, dim]
  Strided<void> k_to, v_to;   // [batch, heads, longest, dim]
  const int* lens = nullptr;  // [batch]
  const int* block_table = nullptr;
  std::int64_t block_table_stride = 0;
  int page_size = 1, batch = 1, heads = 1, longest = 0, dim_k = 0, dim_v = 0;
};

// Asynchronous. Throw InvalidArgument for types that cannot be, and CudaError.
void append(Backend backend, const AppendParams& params, void* stream = nullptr);
void copy_pages(Backend backend, const CopyPagesParams& params, void* stream = nullptr);
void gather(Backend backend, const GatherParams& params, void* stream = nullptr);

}  // namespace attnlab::cuda
