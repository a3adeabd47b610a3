// Online softmax, one thread per row: the largest number and the sum of exponentials in one pass. Planted
// bug: the sum so far is not rescaled when a larger number comes. Every access is in order; only the answer
// is wrong, and main says so by its exit code.
#include <cuda_runtime.h>

#include <cmath>
#include <cstdio>
#include <vector>

__global__ void softmax(const float* in, float* out, int rows, int cols) {
  const int row = blockIdx.x * blockDim.x + threadIdx.x;
  if (row >= rows) return;
  float largest = -INFINITY, sum = 0;
  for (int c = 0; c < cols; ++c) {
    const float x = in[row * cols + c], larger = fmaxf(largest, x);
#ifdef FIXED
    sum = sum * expf(largest - larger) + expf(x - larger);
#else
    sum = sum + expf(x - larger);  // BUG: wrong-answer
#endif
    largest = larger;
  }
  for (int c = 0; c < cols; ++c) out[row * cols + c] = expf(in[row * cols + c] - largest) / sum;
}

int main() {
  constexpr int kRows = 40, kCols = 33;
  std::vector<float> x(kRows * kCols), y(x.size());
  for (int i = 0; i < kRows * kCols; ++i) x[i] = static_cast<float>(i * 7 % 11) - 5;
  float *in, *out;
  cudaMalloc(&in, x.size() * sizeof(float));
  cudaMalloc(&out, x.size() * sizeof(float));
  cudaMemcpy(in, x.data(), x.size() * sizeof(float), cudaMemcpyHostToDevice);
  softmax<<<2, 32>>>(in, out, kRows, kCols);
  cudaMemcpy(y.data(), out, y.size() * sizeof(float), cudaMemcpyDeviceToHost);
  cudaFree(in);
  cudaFree(out);
  double worst = 0;
  for (int r = 0; r < kRows; ++r) {
    double sum = 0;
    for (int c = 0; c < kCols; ++c) sum += y[r * kCols + c];
    worst = std::fmax(worst, std::fabs(sum - 1));
  }
  std::printf("a row's weights miss 1 by up to %.3g\n", worst);
  return worst < 1e-5 ? 0 : 1;  // 33 numbers of a softmax, each right to a few 2^-24
}
