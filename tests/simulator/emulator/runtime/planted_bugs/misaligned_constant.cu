// Fills rows of a matrix with one vector. Planted bug: rows of 3 floats do not begin at multiples of 16 bytes.
#include <cuda_runtime.h>

#ifdef FIXED
constexpr int kStride = 4;
#else
constexpr int kStride = 3;
#endif

__global__ void fill(float* out) {
  float* row = out + kStride * threadIdx.x;
  *reinterpret_cast<float4*>(row) = make_float4(1, 2, 3, 4);  // BUG: misaligned-access
}

int main() {
  constexpr int kRows = 32;
  float* out;
  cudaMalloc(&out, (kRows * kStride + 1) * sizeof(float));
  fill<<<1, kRows>>>(out);
  cudaDeviceSynchronize();
  cudaFree(out);
  return 0;
}
