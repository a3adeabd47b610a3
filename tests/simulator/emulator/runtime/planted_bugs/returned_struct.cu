// A structure that a function returns goes straight to global memory. The function is not inlined, so the
// store belongs to its call. Planted bug: the last block writes past the end.
#include <cuda_runtime.h>

struct RowState {
  float m, l;
};

__device__ __noinline__ RowState merge(RowState a, float x) {
  const float m = fmaxf(a.m, x);
  return {m, a.l * expf(a.m - m) + expf(x - m)};
}

__global__ void row_states(RowState* states, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
#ifdef FIXED
  if (i >= n) return;
#endif
  states[i] = merge({0.0f, 1.0f}, static_cast<float>(i));  // BUG: out-of-bounds
}

int main() {
  constexpr int kSize = 40;
  RowState* states = nullptr;
  cudaMalloc(&states, kSize * sizeof(RowState));
  row_states<<<2, 32>>>(states, kSize);
  const cudaError_t error = cudaDeviceSynchronize();
  cudaFree(states);
  return error == cudaSuccess ? 0 : 1;
}
