// The same kilobyte eight times over, by each of the ways to load it: the tests know which of them the L1
// answers. Each warp-wide request is one line; results are checked here.
#include <cuda_runtime.h>

#include <cstdio>

constexpr int kLines = 8, kTimes = 8, kNumbers = kLines * 32;

enum Way {
  plain,
  ldg,
  ldca,
  ldcg,
  ldcv,
  ldcg_vector,
  volatile_pointer,
  ptx_cg,
  ptx_relaxed,
  ptx_volatile,
  ways
};

template <int way>
__device__ float load(const float* p) {
  if constexpr (way == ldg) return __ldg(p);
  if constexpr (way == ldca) return __ldca(p);
  if constexpr (way == ldcg) return __ldcg(p);
  if constexpr (way == ldcv) return __ldcv(p);
  if constexpr (way == volatile_pointer) return *const_cast<const volatile float*>(p);
  float value;
  if constexpr (way == ptx_cg) asm volatile("ld.global.cg.f32 %0, [%1];" : "=f"(value) : "l"(p));
  if constexpr (way == ptx_relaxed)
    asm volatile("ld.relaxed.gpu.global.f32 %0, [%1];" : "=f"(value) : "l"(p));
  if constexpr (way == ptx_volatile) asm volatile("ld.volatile.global.f32 %0, [%1];" : "=f"(value) : "l"(p));
  if constexpr (way >= ptx_cg) return value;
  return *p;
}

template <int way>
__global__ void sum_kernel(const float* x, float* sum) {
  float all = 0;
  for (int time = 0; time < kTimes; ++time) {
    if constexpr (way == ldcg_vector) {
      for (int line = 0; line < kLines; line += 4) {
        const float4 v = __ldcg(reinterpret_cast<const float4*>(x + 32 * line) + threadIdx.x);
        all += v.x + v.y + v.z + v.w;
      }
    } else {
      for (int line = 0; line < kLines; ++line) all += load<way>(x + 32 * line + threadIdx.x);
    }
  }
  sum[threadIdx.x] = all;
}

template <int way>
bool run(const float* x, float* sum) {
  sum_kernel<way><<<1, 32>>>(x, sum);
  float of_lane[32], all = 0;
  if (cudaMemcpy(of_lane, sum, sizeof of_lane, cudaMemcpyDeviceToHost) != cudaSuccess) return false;
  for (const float value : of_lane) all += value;
  const bool right = all == kTimes * kNumbers * (kNumbers - 1) / 2;
  if (!right) std::printf("way %d: %g\n", way, all);
  if constexpr (way + 1 < ways) return run<way + 1>(x, sum) && right;
  return right;
}

int main() {
  float numbers[kNumbers], *x, *sum;
  for (int i = 0; i < kNumbers; ++i) numbers[i] = static_cast<float>(i);
  cudaMalloc(&x, sizeof numbers);
  cudaMalloc(&sum, 32 * sizeof(float));
  cudaMemcpy(x, numbers, sizeof numbers, cudaMemcpyHostToDevice);
  const bool right = run<plain>(x, sum);
  cudaFree(x);
  cudaFree(sum);
  return right ? 0 : 1;
}
