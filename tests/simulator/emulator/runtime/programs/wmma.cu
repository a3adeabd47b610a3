// Half-precision C = A B on tensor cores by nvcuda::wmma: padded tiles in dynamic shared memory, 16-byte
// copies, one row of fragments per warp. The host side in modern C++: owning pointers, exceptions.
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#include <mma.h>

#include <cmath>
#include <iomanip>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>
using namespace nvcuda;

constexpr int WARP_SIZE = 32;

inline void check(cudaError_t e, const char* expr) {
  if (e != cudaSuccess) throw std::runtime_error(std::string(expr) + ": " + cudaGetErrorName(e));
}
#define CHECK(x) check((x), #x)

template <typename T>
struct DeviceDeleter {
  void operator()(T* p) const { cudaFree(p); }
};
template <typename T>
using device_ptr = std::unique_ptr<T[], DeviceDeleter<T>>;
template <typename T>
device_ptr<T> device_alloc(std::size_t n) {
  T* p = nullptr;
  CHECK(cudaMalloc(&p, n * sizeof(T)));
  return device_ptr<T>(p);
}

// All three matrices by rows.
template <int BLOCK_M, int BLOCK_N, int BLOCK_K, int WARPS>
__global__ __launch_bounds__(WARPS* WARP_SIZE) void gemm_wmma(const __half* __restrict__ A,
                                                              const __half* __restrict__ B,
                                                              __half* __restrict__ C, int M, int N, int K) {
  constexpr int PAD = 8;
  extern __shared__ __align__(128) unsigned char smem_raw[];
  auto As = reinterpret_cast<__half(*)[BLOCK_K + PAD]>(smem_raw);
  auto Bs = reinterpret_cast<__half(*)[BLOCK_N + PAD]>(smem_raw + sizeof(__half) * BLOCK_M * (BLOCK_K + PAD));
  const int warp = threadIdx.x / WARP_SIZE;
  wmma::fragment<wmma::accumulator, 16, 16, 16, float> acc[BLOCK_N / 16];
  for (auto& f : acc) wmma::fill_fragment(f, 0.f);
  for (int k0 = 0; k0 < K; k0 += BLOCK_K) {
    for (int i = threadIdx.x * 8; i < BLOCK_M * BLOCK_K; i += blockDim.x * 8)
      *reinterpret_cast<uint4*>(&As[i / BLOCK_K][i % BLOCK_K]) = __ldg(
          reinterpret_cast<const uint4*>(&A[(blockIdx.y * BLOCK_M + i / BLOCK_K) * K + k0 + i % BLOCK_K]));
    for (int i = threadIdx.x * 8; i < BLOCK_K * BLOCK_N; i += blockDim.x * 8)
      *reinterpret_cast<uint4*>(&Bs[i / BLOCK_N][i % BLOCK_N]) =
          *reinterpret_cast<const uint4*>(&B[(k0 + i / BLOCK_N) * N + blockIdx.x * BLOCK_N + i % BLOCK_N]);
    __syncthreads();
#pragma unroll
    for (int kk = 0; kk < BLOCK_K; kk += 16) {
      wmma::fragment<wmma::matrix_a, 16, 16, 16, __half, wmma::row_major> a;
      wmma::load_matrix_sync(a, &As[warp * 16][kk], BLOCK_K + PAD);
#pragma unroll
      for (int j = 0; j < BLOCK_N / 16; ++j) {
        wmma::fragment<wmma::matrix_b, 16, 16, 16, __half, wmma::row_major> b;
        wmma::load_matrix_sync(b, &Bs[kk][j * 16], BLOCK_N + PAD);
        wmma::mma_sync(acc[j], a, b, acc[j]);
      }
    }
    __syncthreads();
  }
  for (int j = 0; j < BLOCK_N / 16; ++j) {
    wmma::fragment<wmma::accumulator, 16, 16, 16, __half> out;
    for (int t = 0; t < out.num_elements; ++t) out.x[t] = __float2half(acc[j].x[t]);
    wmma::store_matrix_sync(&C[(blockIdx.y * BLOCK_M + warp * 16) * N + blockIdx.x * BLOCK_N + j * 16], out,
                            N, wmma::mem_row_major);
  }
}

// The larger one; NaN if either is.
static double larger(double a, double b) { return std::isnan(a) || a > b ? a : b; }

int main() try {
  const int M = 64, N = 64, K = 64;
  std::vector<half> a(M * K), b(K * N);
  for (int i = 0; i < M * K; ++i) a[i] = __float2half((i * 7 % 13 - 6) / 4.f);
  for (int i = 0; i < K * N; ++i) b[i] = __float2half((i * 5 % 11 - 5) / 4.f);
  auto da = device_alloc<half>(M * K), db = device_alloc<half>(K * N), dh = device_alloc<half>(M * N);
  CHECK(cudaMemcpy(da.get(), a.data(), a.size() * sizeof(half), cudaMemcpyHostToDevice));
  CHECK(cudaMemcpy(db.get(), b.data(), b.size() * sizeof(half), cudaMemcpyHostToDevice));
  auto kernel = gemm_wmma<32, 64, 32, 2>;
  const std::size_t smem = sizeof(half) * (32 * 40 + 32 * 72);
  CHECK(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)smem));
  kernel<<<dim3(N / 64, M / 32), 64, smem>>>(da.get(), db.get(), dh.get(), M, N, K);
  CHECK(cudaDeviceSynchronize());
  std::vector<half> h(M * N);
  CHECK(cudaMemcpy(h.data(), dh.get(), h.size() * sizeof(half), cudaMemcpyDeviceToHost));
  double worst = 0;
  for (int i = 0; i < M; ++i)
    for (int j = 0; j < N; ++j) {
      double s = 0;
      for (int k = 0; k < K; ++k) s += (double)(float)a[i * K + k] * (float)b[k * N + j];
      worst = larger(worst, std::abs(s - (double)__half2float(h[i * N + j])) / (1 + std::abs(s)));
    }
  std::cout << "gemm_wmma worst " << worst << std::endl;
  return worst < 1e-3 ? 0 : 2;
} catch (const std::exception& e) {
  std::cerr << e.what() << "\n";
  return 3;
}
