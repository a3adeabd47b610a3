// From a decode problem to the instance of a grouped kernel, and its launches.
#pragma once

#include <string>

#include "cuda/device/decode_grouped.cuh"
#include "cuda/host/decode_row.h"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

// Pieces of 16 bytes must lie at multiples of it.
template <class C>
void require_aligned(const char* argument, const Strided<const void>& t) {
  constexpr std::int64_t kNumbers = 16 / static_cast<std::int64_t>(sizeof(C));
  if (reinterpret_cast<std::uintptr_t>(t.data) % 16 != 0 || t.row_stride % kNumbers != 0 ||
      t.head_stride % kNumbers != 0 || t.batch_stride % kNumbers != 0) {
    throw InvalidArgument(argument, "rows at other addresses", "rows at multiples of 16 bytes");
  }
}

// body.operator()<C>() for the type of the cache, T being that of the queries.
template <class T, class Body>
void for_cache_type(const AttentionParams& p, const Body& body) {
  if (!p.narrow_cache()) return body.template operator()<T>();
  if (p.kv_type == DType::e4m3) return body.template operator()<__nv_fp8_e4m3>();
  if (p.kv_type == DType::i8) return body.template operator()<signed char>();
  throw InvalidArgument("kv_type", std::string(name(p.kv_type)), "the queries', fp8_e4m3 or int8");
}

// body.operator()<T, C, D, Rows / 8>() for what the problem asks for.
template <const Requires& Needs, class Body>
void for_grouped(const AttentionParams& p, const Body& body) {
  for_type_and_dim<Needs>(p.type, p.head_dim, [&]<class T, int D>() {
    for_cache_type<T>(p, [&]<class C>() {
      require_aligned<C>("k", p.k), require_aligned<C>("v", p.v), require_aligned<T>("q", p.q);
      if (packed_rows(p) == 8) return body.template operator()<T, C, D, 1>();
      body.template operator()<T, C, D, 2>();
    });
  });
}

// One launch: the rows of all sequences, each with its own keys, or those of all together.
inline dim3 grouped_grid(const AttentionParams& p, const Span& span, int rows_of_block) {
  const int group = p.heads_q / p.heads_kv, sequences = span.of_all ? 1 : p.batch;
  const int rows = group * p.seqlen_q * (span.of_all ? p.batch : 1);
  return dim3(static_cast<unsigned>(ceil_div(rows, rows_of_block) * span.splits),
              static_cast<unsigned>(p.heads_kv), static_cast<unsigned>(sequences));
}

template <class Kernel>
void launch_grouped(Kernel kernel, const AttentionParams& p, const Span& span, int rows_of_block,
                    std::size_t bytes, cudaStream_t stream) {
  ATTNLAB_CUDA_CHECK(
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes)));
  kernel<<<grouped_grid(p, span, rows_of_block), 32 * kDecodeWarps, bytes, stream>>>(p, span);
  ATTNLAB_CUDA_LAUNCHED("grouped_kernel");
}

inline Span whole_span(const AttentionParams& p, int splits) {
  Span span;
  span.splits = span.all_splits = splits;
  span.partials = partials_of(p, span.all_splits);
  return span;
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
