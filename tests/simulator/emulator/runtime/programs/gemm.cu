// C = alpha A B + beta C in fp32: tiles of 64 x 64 by 16, 4 x 4 numbers per thread, two stages of shared
// memory filled by cp.async from inline PTX; and a smaller one with the pipeline primitives. In C's style,
// macros and all.
#include <cuda_pipeline.h>
#include <cuda_runtime.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define BM 64
#define BN 64
#define BK 16
#define TM 4
#define TN 4
#define AT(row, col, ld) ((row) * (ld) + (col))
#define AS_FLOAT4(x) (*reinterpret_cast<float4*>(&(x)))
#define BLOCKS_FOR(n, tile) (((n) + (tile)-1) / (tile))

#define CHECKED(call) stop_on(call, __FILE__, __LINE__)
static void stop_on(cudaError_t error, const char* file, int line) {
  if (error != cudaSuccess) {
    fprintf(stderr, "%s:%d: %s\n", file, line, cudaGetErrorString(error));
    exit(EXIT_FAILURE);
  }
}

__device__ __forceinline__ void cp_async16(void* smem, const void* gmem) {
  unsigned s = static_cast<unsigned>(__cvta_generic_to_shared(smem));
  asm volatile("cp.async.cg.shared.global [%0], [%1], %2;\n" ::"r"(s), "l"(gmem), "n"(16));
}
__device__ __forceinline__ void cp_async_commit() { asm volatile("cp.async.commit_group;\n" ::); }
template <int N>
__device__ __forceinline__ void cp_async_wait() {
  asm volatile("cp.async.wait_group %0;\n" ::"n"(N));
}

__global__ void __launch_bounds__((BM / TM) * (BN / TN))
    gemm_two_stages(int M, int N, int K, float alpha, const float* __restrict__ A,
                    const float* __restrict__ B, float beta, float* __restrict__ C) {
  __shared__ __align__(16) float As[2][BM][BK];
  __shared__ __align__(16) float Bs[2][BK][BN];
  const int tid = threadIdx.x;
  const int tx = tid % (BN / TN), ty = tid / (BN / TN);
  const int aRow = tid / (BK / 4), aCol = tid % (BK / 4) * 4;
  const int bRow = tid / (BN / 4), bCol = tid % (BN / 4) * 4;
  A += blockIdx.y * BM * K;
  B += blockIdx.x * BN;
  C += blockIdx.y * BM * N + blockIdx.x * BN;
  float acc[TM][TN] = {0.f};
  float regM[TM], regN[TN];

  auto load = [&](int stage, int k0) {
    cp_async16(&As[stage][aRow][aCol], &A[AT(aRow, k0 + aCol, K)]);
    cp_async16(&Bs[stage][bRow][bCol], &B[AT(k0 + bRow, bCol, N)]);
    cp_async_commit();
  };
  load(0, 0);
  int stage = 0;
  for (int k0 = 0; k0 < K; k0 += BK) {
    if (k0 + BK < K) {
      load(stage ^ 1, k0 + BK);
      cp_async_wait<1>();
    } else {
      cp_async_wait<0>();
    }
    __syncthreads();
#pragma unroll
    for (int k = 0; k < BK; ++k) {
#pragma unroll
      for (int i = 0; i < TM; ++i) regM[i] = As[stage][ty * TM + i][k];
      AS_FLOAT4(regN[0]) = AS_FLOAT4(Bs[stage][k][tx * TN]);
#pragma unroll
      for (int i = 0; i < TM; ++i)
#pragma unroll
        for (int j = 0; j < TN; ++j) acc[i][j] += regM[i] * regN[j];
    }
    __syncthreads();
    stage ^= 1;
  }
  for (int i = 0; i < TM; ++i) {
    float4 tmp = reinterpret_cast<float4*>(&C[(ty * TM + i) * N + tx * TN])[0];
    tmp.x = alpha * acc[i][0] + beta * tmp.x;
    tmp.y = alpha * acc[i][1] + beta * tmp.y;
    tmp.z = alpha * acc[i][2] + beta * tmp.z;
    tmp.w = alpha * acc[i][3] + beta * tmp.w;
    reinterpret_cast<float4*>(&C[(ty * TM + i) * N + tx * TN])[0] = tmp;
  }
}

// the same with the pipeline primitives
template <const int TILE>
__global__ void gemm_pipeline(const float* A, const float* B, float* C, int n) {
  __shared__ float a[2][TILE][TILE];
  __shared__ float b[2][TILE][TILE];
  const int row = blockIdx.y * TILE + threadIdx.y, col = blockIdx.x * TILE + threadIdx.x;
  float sum = 0;
  auto fetch = [&](int s, int t) {
    __pipeline_memcpy_async(&a[s][threadIdx.y][threadIdx.x], &A[row * n + t * TILE + threadIdx.x],
                            sizeof(float));
    __pipeline_memcpy_async(&b[s][threadIdx.y][threadIdx.x], &B[(t * TILE + threadIdx.y) * n + col],
                            sizeof(float));
    __pipeline_commit();
  };
  fetch(0, 0);
  for (int t = 0; t < n / TILE; ++t) {
    if (t + 1 < n / TILE)
      fetch((t + 1) & 1, t + 1);
    else
      __pipeline_commit();
    __pipeline_wait_prior(1);
    __syncthreads();
    for (int k = 0; k < TILE; ++k) sum += a[t & 1][threadIdx.y][k] * b[t & 1][k][threadIdx.x];
    __syncthreads();
  }
  C[row * n + col] = sum;
}

void fill_at_random(float* x, int n) {
  for (int i = 0; i < n; i++) x[i] = (rand() % 2001 - 1000) / 500.f;
}
bool verify(const float* A, const float* B, const float* C0, const float* C, int M, int N, int K, float alpha,
            float beta) {
  for (int i = 0; i < M; ++i)
    for (int j = 0; j < N; ++j) {
      double s = 0;
      for (int k = 0; k < K; ++k) s += (double)A[i * K + k] * B[k * N + j];
      s = alpha * s + beta * C0[i * N + j];
      if (!(fabs(s - C[i * N + j]) <= 1e-3 * (1 + fabs(s)))) {
        printf("(%d, %d): %g, not %g\n", i, j, C[i * N + j], s);
        return false;
      }
    }
  return true;
}

int main() {
  srand(7);
  const int M = 128, N = 128, K = 64;
  const float alpha = 0.5f, beta = 3.0f;
  float *A, *B, *C, *C0, *dA, *dB, *dC;
  A = (float*)malloc(sizeof(float) * M * K);
  B = (float*)malloc(sizeof(float) * K * N);
  C = (float*)malloc(sizeof(float) * M * N);
  C0 = (float*)malloc(sizeof(float) * M * N);
  fill_at_random(A, M * K);
  fill_at_random(B, K * N);
  fill_at_random(C0, M * N);
  CHECKED(cudaMalloc((void**)&dA, sizeof(float) * M * K));
  CHECKED(cudaMalloc((void**)&dB, sizeof(float) * K * N));
  CHECKED(cudaMalloc((void**)&dC, sizeof(float) * M * N));
  CHECKED(cudaMemcpy(dA, A, sizeof(float) * M * K, cudaMemcpyHostToDevice));
  CHECKED(cudaMemcpy(dB, B, sizeof(float) * K * N, cudaMemcpyHostToDevice));
  CHECKED(cudaMemcpy(dC, C0, sizeof(float) * M * N, cudaMemcpyHostToDevice));
  cudaEvent_t beg, end;
  cudaEventCreate(&beg);
  cudaEventCreate(&end);
  dim3 gridDim(BLOCKS_FOR(N, BN), BLOCKS_FOR(M, BM));
  dim3 blockDim((BM / TM) * (BN / TN));
  cudaEventRecord(beg);
  gemm_two_stages<<<gridDim, blockDim>>>(M, N, K, alpha, dA, dB, beta, dC);
  cudaEventRecord(end);
  cudaEventSynchronize(beg);
  cudaEventSynchronize(end);
  float ms;
  cudaEventElapsedTime(&ms, beg, end);
  CHECKED(cudaGetLastError());
  cudaMemcpy(C, dC, sizeof(float) * M * N, cudaMemcpyDeviceToHost);
  if (!verify(A, B, C0, C, M, N, K, alpha, beta)) return 1;
  const int n = 64;
  gemm_pipeline<16><<<dim3(n / 16, n / 16), dim3(16, 16)>>>(dA, dB, dC, n);
  CHECKED(cudaDeviceSynchronize());
  cudaMemcpy(C, dC, sizeof(float) * n * n, cudaMemcpyDeviceToHost);
  if (!verify(A, B, C0, C, n, n, n, 1.f, 0.f)) return 2;
  puts("ok");
  cudaEventDestroy(beg);
  cudaEventDestroy(end);
  cudaFree(dA);
  cudaFree(dB);
  cudaFree(dC);
  free(A);
  free(B);
  free(C);
  free(C0);
  return 0;
}
