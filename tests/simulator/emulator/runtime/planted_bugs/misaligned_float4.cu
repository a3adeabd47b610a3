// The sums of a matrix' rows, four numbers a load. Planted bug: rows of 33 floats do not begin at multiples
// of 16 bytes.
#include <cuda_runtime.h>

#include <cstdio>
#include <vector>

constexpr int kCols = 32;

__global__ void row_sums(const float* in, float* out, int stride) {
  const float* row = in + threadIdx.x * stride;
  float sum = 0;
  for (int c = 0; c < kCols; c += 4) {
    const float4 four = *reinterpret_cast<const float4*>(row + c);  // BUG: misaligned-access
    sum += four.x + four.y + four.z + four.w;
  }
  out[threadIdx.x] = sum;
}

int main() {
#ifdef FIXED
  constexpr int kStride = 36;
#else
  constexpr int kStride = 33;
#endif
  constexpr int kRows = 32;
  std::vector<float> host(kRows * kStride, 1.0f);
  float *in, *out;
  cudaMalloc(&in, host.size() * sizeof(float));
  cudaMalloc(&out, kRows * sizeof(float));
  cudaMemcpy(in, host.data(), host.size() * sizeof(float), cudaMemcpyHostToDevice);
  row_sums<<<1, kRows>>>(in, out, kStride);
  cudaMemcpy(host.data(), out, kRows * sizeof(float), cudaMemcpyDeviceToHost);
  std::printf("%g\n", host[0]);
  cudaFree(in);
  cudaFree(out);
  return 0;
}
