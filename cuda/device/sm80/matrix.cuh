// Instructions of compute capability 8.0: matrix products of a warp, transposes between lanes, copies that do not wait.
#pragma once

#include "cuda/device/elements.cuh"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

// c += a b for a 16 x 16 and b 16 x 8 of T. With g = lane / 4 and t = lane % 4, a lane has of a the pairs of columns 2t
// (a[0], a[1]) and 2t + 8 (a[2], a[3]) in rows g (a[0], a[2]) and g + 8; of b the pairs of rows 2t and 2t + 8 in column
// g; of c columns 2t and 2t + 1 in rows g (c[0], c[1]) and g + 8.
template <class T>
__device__ __forceinline__ void multiply_add(float (&c)[4], const unsigned (&a)[4], unsigned b0,
                                             unsigned b1) {
  static_assert(sizeof(T) == 2);
  if constexpr (std::is_same_v<T, __half>) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
  } else {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
  }
}

// Four 8 x 8 matrices of 16-bit numbers in shared memory, lane i having the address of row i % 8 of matrix i / 8. Of
// each a lane gets columns 2t and 2t + 1 of row g, or with Transposed rows 2t and 2t + 1 of column g.
template <bool Transposed>
__device__ __forceinline__ void load_matrices(unsigned (&m)[4], const void* row) {
  const auto shared = static_cast<unsigned>(__cvta_generic_to_shared(row));
  if constexpr (Transposed) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3])
                 : "r"(shared)
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3])
                 : "r"(shared)
                 : "memory");
  }
}

// 0 in a register of its own, beside those of an operand: a known 0 would be written there before each product.
__device__ __forceinline__ unsigned kept_zero() {
  unsigned zero;
  asm volatile("mov.b32 %0, 0;" : "=r"(zero));
  return zero;
}

// 2^x; what is below the smallest normal number is 0.
__device__ __forceinline__ float exp2_flushed(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

// Bytes from global to shared memory, or as many zeros, some time before arrived<>() returns.
template <int Bytes>
__device__ __forceinline__ void copy_async(void* to, const void* from, bool wanted) {
  const auto shared = static_cast<unsigned>(__cvta_generic_to_shared(to));
  const int bytes = wanted ? Bytes : 0;
  if constexpr (Bytes == 16) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared), "l"(from), "r"(bytes)
                 : "memory");
  } else {
    static_assert(Bytes == 8);
    asm volatile("cp.async.ca.shared.global [%0], [%1], 8, %2;" ::"r"(shared), "l"(from), "r"(bytes)
                 : "memory");
  }
}
__device__ __forceinline__ void end_of_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
// Waits for all groups of this thread's copies but the last N.
template <int N>
__device__ __forceinline__ void arrived() {
  asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
}

// Two numbers of T in a register, the first one in the low half.
template <class T>
__device__ __forceinline__ unsigned pair_of(float low, float high);
template <>
__device__ __forceinline__ unsigned pair_of<__half>(float low, float high) {
  const __half2 pair = __floats2half2_rn(low, high);
  return *reinterpret_cast<const unsigned*>(&pair);
}
template <>
__device__ __forceinline__ unsigned pair_of<__nv_bfloat16>(float low, float high) {
  const __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
  return *reinterpret_cast<const unsigned*>(&pair);
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
