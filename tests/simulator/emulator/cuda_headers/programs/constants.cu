// Kernels of one warp that store vectors whose numbers the compiler knows, or one of two vectors.
// counts_test.cpp has the numbers.
#include "expect.h"

template <class T>
__global__ void braces(T* y) {
  y[threadIdx.x] = T{};
}

__global__ void made_float4(float4* y) { y[threadIdx.x] = make_float4(0, 0, 0, 0); }
__global__ void made_uint4(uint4* y) { y[threadIdx.x] = make_uint4(1, 2, 3, 4); }
__global__ void made_float2(float2* y) { y[threadIdx.x] = make_float2(0, 1); }
__global__ void made_double2(double2* y) { y[threadIdx.x] = make_double2(0, 0); }
__global__ void empty_braces(float4* y) { y[threadIdx.x] = {}; }
__global__ void parentheses(float4* y) { y[threadIdx.x] = float4(); }
__global__ void variable(float4* y) {
  const float4 zero = {0, 0, 0, 0};
  y[threadIdx.x] = zero;
}

__device__ float4 zero() { return {}; }
__global__ void by_function(float4* y) { y[threadIdx.x] = zero(); }

__global__ void chosen(float4* y, unsigned n) {
  y[threadIdx.x] = threadIdx.x < n ? y[threadIdx.x + 32] : make_float4(0, 0, 0, 0);
}
__global__ void chosen_variable(float4* y, unsigned n) {
  const float4 zero = make_float4(0, 0, 0, 0);
  float4* const at = y + threadIdx.x;
  *at = threadIdx.x < n ? y[threadIdx.x + 32] : zero;
}
struct Tile {
  float4 rows[32];
};
__global__ void chosen_member(Tile* tile, unsigned n) {
  tile->rows[threadIdx.x] = threadIdx.x < n ? tile[1].rows[threadIdx.x] : float4{};
}

__global__ void in_shared_memory(float4* y) {
  __shared__ float4 tile[32];
  tile[threadIdx.x] = make_float4(0, 0, 0, 0);
  __syncthreads();
  y[threadIdx.x] = tile[31 - threadIdx.x];
}

int main() {
  void* data;
  cudaMalloc(&data, 4096);
  cudaMemset(data, 0, 4096);
  const auto float4s = static_cast<float4*>(data);
  braces<float4><<<1, 32>>>(float4s);
  braces<double4><<<1, 32>>>(static_cast<double4*>(data));
  braces<short4><<<1, 32>>>(static_cast<short4*>(data));
  braces<char2><<<1, 32>>>(static_cast<char2*>(data));
  made_float4<<<1, 32>>>(float4s);
  made_uint4<<<1, 32>>>(static_cast<uint4*>(data));
  made_float2<<<1, 32>>>(static_cast<float2*>(data));
  made_double2<<<1, 32>>>(static_cast<double2*>(data));
  empty_braces<<<1, 32>>>(float4s);
  parentheses<<<1, 32>>>(float4s);
  variable<<<1, 32>>>(float4s);
  by_function<<<1, 32>>>(float4s);
  chosen<<<1, 32>>>(float4s, 20u);
  chosen_variable<<<1, 32>>>(float4s, 20u);
  chosen_member<<<1, 32>>>(static_cast<Tile*>(data), 20u);
  in_shared_memory<<<1, 32>>>(float4s);
  cudaFree(data);
  return finish();
}
