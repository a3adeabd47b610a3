// Attention's scores, S = Q K^T / sqrt(d): a thread a score, K through shared memory, 32 rows at a time.
//
//   -DPAD=1             rows of the tile begin in different banks
//   -DFORGET_BARRIER    reads the tile before its rows are all there
#include <cuda_runtime.h>

#include <cmath>
#include <cstdio>
#include <vector>

#ifndef PAD
#define PAD 0
#endif

constexpr int kTile = 32, kDim = 64;

__global__ void scores(const float* q, const float* k, float* s, int n) {
  __shared__ float k_tile[kTile][kDim + PAD];
  const int row = blockIdx.y * kTile + threadIdx.y, col = blockIdx.x * kTile;
  for (int t = threadIdx.x; t < kDim; t += kTile) {
    k_tile[threadIdx.y][t] = k[(col + threadIdx.y) * kDim + t];
  }
#ifndef FORGET_BARRIER
  __syncthreads();
#endif
  float dot = 0;
  for (int t = 0; t < kDim; ++t) dot += q[row * kDim + t] * k_tile[threadIdx.x][t];
  s[row * n + col + threadIdx.x] = dot * rsqrtf(kDim);
}

int main() {
  const int n = 128;
  std::vector<float> q(n * kDim), k(n * kDim), s(n * n);
  for (int i = 0; i < n * kDim; ++i) {
    q[i] = std::sin(0.1f * i);
    k[i] = std::cos(0.2f * i);
  }
  float *dq, *dk, *ds;
  cudaMalloc(&dq, q.size() * sizeof(float));
  cudaMalloc(&dk, k.size() * sizeof(float));
  cudaMalloc(&ds, s.size() * sizeof(float));
  cudaMemcpy(dq, q.data(), q.size() * sizeof(float), cudaMemcpyHostToDevice);
  cudaMemcpy(dk, k.data(), k.size() * sizeof(float), cudaMemcpyHostToDevice);

  scores<<<dim3(n / kTile, n / kTile), dim3(kTile, kTile)>>>(dq, dk, ds, n);

  cudaMemcpy(s.data(), ds, s.size() * sizeof(float), cudaMemcpyDeviceToHost);
  double error = 0;
  for (int i = 0; i < n; ++i) {
    for (int j = 0; j < n; ++j) {
      double dot = 0;
      for (int t = 0; t < kDim; ++t) dot += double(q[i * kDim + t]) * k[j * kDim + t];
      error = std::fmax(error, std::fabs(dot / 8 - s[i * n + j]));
    }
  }
  std::printf("%s\n", error < 1e-5 ? "scores are right" : "scores are wrong");
  cudaFree(dq);
  cudaFree(dk);
  cudaFree(ds);
}
