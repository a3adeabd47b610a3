// The cache's kernels: a thread moves one number, neighbouring threads neighbouring columns. Each number is read and
// written once; nothing is computed but a division by the factor where the cache is of 8 bits.
#include <string>
#include <type_traits>

#include "cuda/cache/cache.h"
#include "cuda/device/launch.cuh"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

inline constexpr int kThreads = 256, kMostBlocks = 1 << 16;

// How many threads there are in all, and which one this is.
__device__ inline std::int64_t first_number() {
  return static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
}
__device__ inline std::int64_t all_threads() { return static_cast<std::int64_t>(gridDim.x) * kThreads; }

inline unsigned blocks_for(std::int64_t numbers) {
  const std::int64_t blocks = (numbers + kThreads - 1) / kThreads;
  return static_cast<unsigned>(blocks < kMostBlocks ? blocks : kMostBlocks);
}

// Number `column` of row (outer, head, row).
template <class T, class Data>
__device__ T* number_at(const Strided<Data>& t, std::int64_t outer, std::int64_t head, std::int64_t row,
                        int column) {
  return static_cast<T*>(t.data) + outer * t.batch_stride + head * t.head_stride + row * t.row_stride +
         column;
}

// To the nearest number of the cache, ties to even; beyond its range the largest one. NaN stays NaN in
// e4m3, and becomes the smallest number in int8.
template <class C, class T>
__device__ C stored(T x, float factor) {
  if constexpr (std::is_same_v<C, T>) {
    return x;
  } else if constexpr (std::is_same_v<C, signed char>) {
    const float rounded = rintf(to_float(x) / factor);
    return static_cast<signed char>(fminf(fmaxf(rounded, -128.0f), 127.0f));
  } else {
    return static_cast<C>(to_float(x) / factor);
  }
}

template <class T, class C>
__global__ void append_kernel(const AppendParams p, const Strided<const void> from,
                              const CacheSide<void> to) {
  const std::int64_t numbers = static_cast<std::int64_t>(p.tokens) * p.heads * to.dim;
  for (std::int64_t n = first_number(); n < numbers; n += all_threads()) {
    const int column = static_cast<int>(n % to.dim), head = static_cast<int>(n / to.dim % p.heads);
    const int token = static_cast<int>(n / to.dim / p.heads), sequence = p.sequences[token],
              row = p.positions[token];
    const int page = p.block_table[sequence * p.block_table_stride + row / p.page_size];
    const CacheScales& s = to.scales;
    const float factor =
        s.data == nullptr
            ? 1.0f
            : s.data[sequence * s.batch_stride + head * s.head_stride + row / s.rows * s.row_stride];
    *number_at<C>(to.pages, page, head, row % p.page_size, column) =
        stored<C>(*number_at<const T>(from, 0, head, token, column), factor);
  }
}

template <class T>
__global__ void copy_pages_kernel(const CopyPagesParams p, const Strided<void> pages, int dim) {
  const std::int64_t of_page = static_cast<std::int64_t>(p.heads) * p.page_size * dim;
  for (std::int64_t n = first_number(); n < p.copies * of_page; n += all_threads()) {
    const int column = static_cast<int>(n % dim), row = static_cast<int>(n / dim % p.page_size);
    const int head = static_cast<int>(n / dim / p.page_size % p.heads), copy = static_cast<int>(n / of_page);
    *number_at<T>(pages, p.to[copy], head, row, column) =
        *number_at<const T>(pages, p.from[copy], head, row, column);
  }
}

template <class T>
__global__ void gather_kernel(const GatherParams p, const Strided<const void> from, const Strided<void> to,
                              int dim) {
  const std::int64_t of_sequence = static_cast<std::int64_t>(p.heads) * p.longest * dim;
  for (std::int64_t n = first_number(); n < p.batch * of_sequence; n += all_threads()) {
    const int column = static_cast<int>(n % dim), row = static_cast<int>(n / dim % p.longest);
    const int head = static_cast<int>(n / dim / p.longest % p.heads),
              sequence = static_cast<int>(n / of_sequence);
    if (row >= p.lens[sequence]) continue;
    const int page = p.block_table[sequence * p.block_table_stride + row / p.page_size];
    *number_at<T>(to, sequence, head, row, column) =
        *number_at<const T>(from, page, head, row % p.page_size, column);
  }
}

inline constexpr DType kCacheTypes[] = {DType::f32, DType::f16, DType::bf16, DType::e4m3, DType::i8};
inline constexpr DType kTokenTypes[] = {DType::f32, DType::f16, DType::bf16};
inline constexpr Requires kAnyCache{.dtypes = kCacheTypes}, kTokens{.dtypes = kTokenTypes};

void append_tokens(const AppendParams& p, void* on_stream) {
  const auto stream = static_cast<cudaStream_t>(on_stream);
  if (p.tokens == 0) return;
  for_type<kTokens>(p.type, [&]<class T>() {
    const auto launch = [&]<class C>() {
      const auto side = [&](const Strided<const void>& from, const CacheSide<void>& to) {
        const std::int64_t numbers = static_cast<std::int64_t>(p.tokens) * p.heads * to.dim;
        append_kernel<T, C><<<blocks_for(numbers), kThreads, 0, stream>>>(p, from, to);
        ATTNLAB_CUDA_LAUNCHED("append_kernel");
      };
      side(p.k, p.k_cache), side(p.v, p.v_cache);
    };
    if (p.cache_type == p.type) return launch.template operator()<T>();
    if (p.cache_type == DType::e4m3) return launch.template operator()<__nv_fp8_e4m3>();
    if (p.cache_type == DType::i8) return launch.template operator()<signed char>();
    throw InvalidArgument("cache_type", std::string(name(p.cache_type)), "the tokens', fp8_e4m3 or int8");
  });
}

void copy_the_pages(const CopyPagesParams& p, void* on_stream) {
  const auto stream = static_cast<cudaStream_t>(on_stream);
  if (p.copies == 0) return;
  for_type<kAnyCache>(p.type, [&]<class T>() {
    const auto side = [&](const Strided<void>& pages, int dim) {
      const std::int64_t numbers = static_cast<std::int64_t>(p.copies) * p.heads * p.page_size * dim;
      copy_pages_kernel<T><<<blocks_for(numbers), kThreads, 0, stream>>>(p, pages, dim);
      ATTNLAB_CUDA_LAUNCHED("copy_pages_kernel");
    };
    side(p.k, p.dim_k), side(p.v, p.dim_v);
  });
}

void gather_sequences(const GatherParams& p, void* on_stream) {
  const auto stream = static_cast<cudaStream_t>(on_stream);
  if (p.batch == 0 || p.longest == 0) return;
  for_type<kAnyCache>(p.type, [&]<class T>() {
    const auto side = [&](const Strided<const void>& from, const Strided<void>& to, int dim) {
      const std::int64_t numbers = static_cast<std::int64_t>(p.batch) * p.heads * p.longest * dim;
      gather_kernel<T><<<blocks_for(numbers), kThreads, 0, stream>>>(p, from, to, dim);
      ATTNLAB_CUDA_LAUNCHED("gather_kernel");
    };
    side(p.k, p.k_to, p.dim_k), side(p.v, p.v_to, p.dim_v);
  });
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
