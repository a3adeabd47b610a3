// Do atomics of every type and operation add up over blocks, and give back the old value?
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cuda/atomic>

#include "expect.h"

struct Cells {
  int i, i_min, i_max, i_and, i_or, i_xor, i_exchange, i_sub;
  unsigned u, wrap_up, wrap_down, lock, guarded;
  unsigned long long ull, ull_max;
  long long ll_min;
  float f;
  double d;
  unsigned short u16, padding;
  __half2 h2;
  __nv_bfloat162 b2;
  __half h;
  __nv_bfloat16 b;
  float2 f2;
  alignas(16) float4 f4;
  unsigned tickets[256];
};

__global__ void operations(Cells* c) {
  const int t = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  atomicAdd(&c->i, t);
  atomicSub(&c->i_sub, t);
  atomicMin(&c->i_min, -t);
  atomicMax(&c->i_max, t);
  atomicAnd(&c->i_and, ~(1 << t % 31));
  atomicOr(&c->i_or, 1 << t % 31);
  atomicXor(&c->i_xor, t);
  atomicExch(&c->i_exchange, 5);
  atomicAdd(&c->ull, 1ull << 40);
  atomicMax(&c->ull_max, static_cast<unsigned long long>(t) << 40);
  atomicMin(&c->ll_min, -(static_cast<long long>(t) << 40));
  atomicAdd(&c->f, 0.5f);
  atomicAdd(&c->d, 0.5);
  atomicAdd(&c->h, __float2half(1.0f));
  atomicAdd(&c->b, __float2bfloat16(1.0f));
  atomicAdd(&c->h2, __floats2half2_rn(1.0f, 2.0f));
  atomicAdd(&c->b2, __floats2bfloat162_rn(1.0f, -1.0f));
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
  atomicAdd(&c->f2, make_float2(1, 2));
  atomicAdd(&c->f4, make_float4(1, 2, 3, 4));
#endif
  atomicInc(&c->wrap_up, 9);
  atomicDec(&c->wrap_down, 9);
  atomicAdd_block(&c->u, 1u);
  atomicAdd_system(&c->u, 1u);
  const unsigned ticket = atomicAdd(&c->u, 0x10000u) >> 16;
  atomicAdd(&c->tickets[ticket], 1u);
}

// A spin lock: the loop lets the other threads run.
__global__ void lock(Cells* c) {
  for (bool done = false; !done;) {
    if (atomicCAS(&c->lock, 0u, 1u) == 0) {
      __threadfence();
      volatile unsigned* guarded = &c->guarded;
      *guarded = *guarded + 1;
      __threadfence();
      atomicExch(&c->lock, 0u);
      done = true;
    }
  }
}

__global__ void library(Cells* c, cuda::atomic<unsigned, cuda::thread_scope_device>* a) {
  a->fetch_add(2, cuda::memory_order_relaxed);
  (*a)++;
  cuda::atomic_ref<int, cuda::thread_scope_device> i(c->i);
  i.fetch_sub(1);
  unsigned expected = a->load();
  while (!a->compare_exchange_weak(expected, expected + 1)) {
  }
  cuda::atomic_ref<float, cuda::thread_scope_block> f(c->f);
  f.fetch_add(1.0f);
}

int main() {
  constexpr int n = 256;
  Cells* c;
  cudaMallocManaged(&c, sizeof(Cells));
  cudaMemset(c, 0, sizeof(Cells));
  cudaDeviceSynchronize();
  c->i_and = -1;
  operations<<<4, n / 4>>>(c);
  cudaDeviceSynchronize();
  EXPECT_ON_HOST(c->i == n * (n - 1) / 2 && c->i_sub == -c->i);
  EXPECT_ON_HOST(c->i_min == -(n - 1) && c->i_max == n - 1);
  EXPECT_ON_HOST(c->i_and == static_cast<int>(0x80000000u) && c->i_or == 0x7fffffff);
  EXPECT_ON_HOST(c->i_xor == 0 && c->i_exchange == 5);
  EXPECT_ON_HOST(c->ull == static_cast<unsigned long long>(n) << 40);
  EXPECT_ON_HOST(c->ull_max == (n - 1ull) << 40 && c->ll_min == -((n - 1ll) << 40));
  EXPECT_ON_HOST(c->f == n / 2 && c->d == n / 2);
  EXPECT_ON_HOST(__half2float(c->h) == n && __bfloat162float(c->b) == n);
  EXPECT_ON_HOST(__low2float(c->h2) == n && __high2float(c->h2) == 2 * n);
  EXPECT_ON_HOST(__low2float(c->b2) == n && __high2float(c->b2) == -n);
  EXPECT_ON_HOST(c->f2.x == n && c->f2.y == 2 * n && c->f4.x == n && c->f4.w == 4 * n);
  EXPECT_ON_HOST(c->wrap_up == n % 10 && c->wrap_down == (10 - n % 10) % 10);
  EXPECT_ON_HOST((c->u & 0xffff) == 2 * n);
  for (int i = 0; i < n; ++i) EXPECT_ON_HOST(c->tickets[i] == 1);

  lock<<<4, n / 4>>>(c);
  cudaDeviceSynchronize();
  EXPECT_ON_HOST(c->guarded == n && c->lock == 0);

  cuda::atomic<unsigned, cuda::thread_scope_device>* a;
  cudaMallocManaged(&a, sizeof *a);
  cudaMemset(a, 0, sizeof *a);
  library<<<4, n / 4>>>(c, a);
  cudaDeviceSynchronize();
  EXPECT_ON_HOST(a->load() == 4 * n);
  EXPECT_ON_HOST(c->i == n * (n - 1) / 2 - n && c->f == n / 2 + n);
  cudaFree(a);
  cudaFree(c);
  return finish();
}
