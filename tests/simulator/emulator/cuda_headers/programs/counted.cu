// Kernels of one warp whose accesses and operations can be counted by eye. counts_test.cpp has the numbers.
#include <cooperative_groups.h>
#include <cooperative_groups/reduce.h>
#include <cuda_fp16.h>
#include <mma.h>

#include "expect.h"

struct __align__(16) Vector {
  float element[4];
};
struct __align__(8) MaxAndSum {
  float max, sum;
};

template <class T>
__device__ void copy(T* data) {
  const T value = data[threadIdx.x];
  data[threadIdx.x + 32] = value;
}

__global__ void copy_float4(float4* data) { copy(data); }
__global__ void copy_float2(float2* data) { copy(data); }
__global__ void copy_float3(float3* data) { copy(data); }
__global__ void copy_uchar4(uchar4* data) { copy(data); }
__global__ void copy_double2(double2* data) { copy(data); }
__global__ void copy_half(__half* data) { copy(data); }
__global__ void copy_half2(__half2* data) { copy(data); }
__global__ void copy_vector(Vector* data) { copy(data); }
__global__ void copy_max_and_sum(MaxAndSum* data) { copy(data); }
__global__ void make_whole(float4* data) {
  const float x = static_cast<float>(threadIdx.x);
  data[threadIdx.x] = make_float4(x, x, x, x);
  data[threadIdx.x + 32] = {x, 0, x, 0};
}
// Half the registers of a 16-byte load come and go as pairs of fp16.
__global__ void halves_of_uint4(__half* data) {
  __half local[8];
  *reinterpret_cast<uint4*>(local) = reinterpret_cast<const uint4*>(data)[threadIdx.x];
  for (int i = 0; i < 8; ++i) local[i] = local[i] + local[i];
  reinterpret_cast<uint4*>(data)[threadIdx.x] = *reinterpret_cast<uint4*>(local);
}

// Conversions, comparisons and extremes of fp16 must not show as control flow.
__global__ void no_branches(__half* data) {
  __half x = data[threadIdx.x];
  x = __hfma(x, x, __hmax(x, __hmin_nan(x, __float2half(2.0f))));
  x = x + __float2half(static_cast<float>(__heq(x, x)) + fmaxf(__half2float(x), 1.0f));
  data[threadIdx.x] = x;
}

__global__ void special_functions(float* data) {
  const float x = data[threadIdx.x];
  data[threadIdx.x] = expf(x) + __expf(x) + exp2f(x) + __logf(x) + rsqrtf(x) + __fdividef(x, 3.0f) +
                      tanhf(x) + std::exp(x) + sinf(x);
}

__global__ void shuffles(double* data) {
  const double x = data[threadIdx.x];
  data[threadIdx.x] = __shfl_xor_sync(~0u, x, 1) + __shfl_sync(~0u, static_cast<float>(x), 0);
}

__global__ void reduces(int* data) {
  const auto warp = cooperative_groups::tiled_partition<32>(cooperative_groups::this_thread_block());
  const int x = data[threadIdx.x];
  const float sum =
      cooperative_groups::reduce(warp, static_cast<float>(x), cooperative_groups::plus<float>());
  data[threadIdx.x] =
      cooperative_groups::reduce(warp, x, cooperative_groups::plus<int>()) + static_cast<int>(sum);
}

__global__ void atomics(unsigned* data) {
  atomicAdd(&data[threadIdx.x], 1u);
  data[threadIdx.x + 32] = atomicAdd(&data[threadIdx.x], 1u);
}

__global__ void tensor(const __half* a, float* c) {
  using namespace nvcuda;
  wmma::fragment<wmma::matrix_a, 16, 16, 16, __half, wmma::row_major> fa;
  wmma::fragment<wmma::matrix_b, 16, 16, 16, __half, wmma::col_major> fb;
  wmma::fragment<wmma::accumulator, 16, 16, 16, float> fc;
  wmma::fill_fragment(fc, 0.0f);
  wmma::load_matrix_sync(fa, a, 16);
  wmma::load_matrix_sync(fb, a, 16);
  wmma::mma_sync(fc, fa, fb, fc);
  wmma::store_matrix_sync(c, fc, 16, wmma::mem_row_major);
}

int main() {
  void* data;
  void* sums;
  cudaMalloc(&data, 4096);
  cudaMalloc(&sums, 4096);
  cudaMemset(data, 0, 4096);
  copy_float4<<<1, 32>>>(static_cast<float4*>(data));
  copy_float2<<<1, 32>>>(static_cast<float2*>(data));
  copy_float3<<<1, 32>>>(static_cast<float3*>(data));
  copy_uchar4<<<1, 32>>>(static_cast<uchar4*>(data));
  copy_double2<<<1, 32>>>(static_cast<double2*>(data));
  copy_half<<<1, 32>>>(static_cast<__half*>(data));
  copy_half2<<<1, 32>>>(static_cast<__half2*>(data));
  copy_vector<<<1, 32>>>(static_cast<Vector*>(data));
  copy_max_and_sum<<<1, 32>>>(static_cast<MaxAndSum*>(data));
  make_whole<<<1, 32>>>(static_cast<float4*>(data));
  halves_of_uint4<<<1, 32>>>(static_cast<__half*>(data));
  no_branches<<<1, 32>>>(static_cast<__half*>(data));
  special_functions<<<1, 32>>>(static_cast<float*>(data));
  shuffles<<<1, 32>>>(static_cast<double*>(data));
  reduces<<<1, 32>>>(static_cast<int*>(data));
  atomics<<<1, 32>>>(static_cast<unsigned*>(data));
  tensor<<<1, 32>>>(static_cast<const __half*>(data), static_cast<float*>(sums));
  cudaFree(data);
  cudaFree(sums);
  return finish();
}
