// FlashAttention-2 forward in bf16 by inline PTX alone: cp.async into swizzledd shared memory, ldmatrix,
// mma.sync; 16 rows of Q a warp, kept in registers.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cfloat>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <random>
#include <vector>

constexpr int WARP_SIZE = 32;
__host__ __device__ constexpr int blocks_of(int a, int b) { return (a + b - 1) / b; }

template <int STRIDE>
__device__ uint32_t swizzled(uint32_t index) {
  if constexpr (STRIDE == 16) return index;
  uint32_t row = (index / STRIDE) % 8;
  uint32_t moved = row / max(64 / STRIDE, 1);
  return index ^ (moved << 4);
}

template <int HEIGHT, int WIDTH, int THREADS>
__device__ inline void copy_tile(uint32_t dst, const nv_bfloat16* src, int src_stride, int tid) {
  constexpr int PER_COPY = 16 / sizeof(nv_bfloat16);
  constexpr int COPIES = HEIGHT * WIDTH / (THREADS * PER_COPY);
  for (int iter = 0; iter < COPIES; iter++) {
    const int idx = (iter * THREADS + tid) * PER_COPY;
    const int row = idx / WIDTH, col = idx % WIDTH;
    const uint32_t to =
        swizzled<WIDTH * sizeof(nv_bfloat16)>(dst + (row * WIDTH + col) * sizeof(nv_bfloat16));
    const nv_bfloat16* from = src + (row * src_stride + col);
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(from));
  }
}
__device__ inline void load_4_matrices(uint32_t regs[4], uint32_t addr) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(regs[0]), "=r"(regs[1]), "=r"(regs[2]), "=r"(regs[3])
               : "r"(addr));
}
__device__ inline void load_2_matrices(uint32_t regs[2], uint32_t addr) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
               : "=r"(regs[0]), "=r"(regs[1])
               : "r"(addr));
}
__device__ inline void load_2_transposed(uint32_t regs[2], uint32_t addr) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
               : "=r"(regs[0]), "=r"(regs[1])
               : "r"(addr));
}
__device__ inline void multiply_add(uint32_t A[4], uint32_t B[2], float D[4]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
      "{%0, %1, %2, %3}, "
      "{%4, %5, %6, %7}, "
      "{%8, %9}, "
      "{%10, %11, %12, %13};"
      : "=f"(D[0]), "=f"(D[1]), "=f"(D[2]), "=f"(D[3])
      : "r"(A[0]), "r"(A[1]), "r"(A[2]), "r"(A[3]), "r"(B[0]), "r"(B[1]), "f"(D[0]), "f"(D[1]), "f"(D[2]),
        "f"(D[3]));
}

template <int BLOCK_Q, int BLOCK_KV, int DIM, int NUM_WARPS>
__launch_bounds__(NUM_WARPS* WARP_SIZE) __global__
    void attention(const nv_bfloat16* Q, const nv_bfloat16* K, const nv_bfloat16* V, nv_bfloat16* O, int bs,
                   int len_q, int len_kv) {
  constexpr int THREADS = NUM_WARPS * WARP_SIZE;
  const int bid = blockIdx.x, tid = threadIdx.x, warp_id = tid / WARP_SIZE, lane_id = tid % WARP_SIZE;
  const int q_blocks = blocks_of(len_q, BLOCK_Q), bs_id = bid / q_blocks, q_block_id = bid % q_blocks;
  Q += (bs_id * q_blocks + q_block_id) * BLOCK_Q * DIM;
  K += bs_id * len_kv * DIM;
  V += bs_id * len_kv * DIM;
  O += (bs_id * q_blocks + q_block_id) * BLOCK_Q * DIM;

  extern __shared__ nv_bfloat16 smem[];
  const uint32_t Q_shared = __cvta_generic_to_shared(smem);
  const uint32_t K_shared = Q_shared;  // Q lives in registers: shared memory is reused
  const uint32_t V_shared = K_shared + BLOCK_KV * DIM * sizeof(nv_bfloat16);
  constexpr int WARP_Q = BLOCK_Q / NUM_WARPS, MMA_M = 16, MMA_N = 8, MMA_K = 16;

  uint32_t Q_reg[WARP_Q / MMA_M][DIM / MMA_K][4];
  uint32_t K_reg[BLOCK_KV / MMA_N][DIM / MMA_K][2];
  uint32_t P_reg[WARP_Q / MMA_M][BLOCK_KV / MMA_K][4];
  uint32_t V_reg[BLOCK_KV / MMA_K][DIM / MMA_N][2];
  float O_reg[WARP_Q / MMA_M][DIM / MMA_N][4] = {};

  const float scale = rsqrtf(static_cast<float>(DIM));
  float maxima[WARP_Q / MMA_M][2];
  float sums[WARP_Q / MMA_M][2] = {};
  for (int i = 0; i < WARP_Q / MMA_M; i++) maxima[i][0] = maxima[i][1] = -FLT_MAX;

  copy_tile<BLOCK_Q, DIM, THREADS>(Q_shared, Q, DIM, tid);
  asm volatile("cp.async.commit_group;");
  asm volatile("cp.async.wait_all;");
  __syncthreads();
  for (int i = 0; i < WARP_Q / MMA_M; i++)
    for (int k = 0; k < DIM / MMA_K; k++) {
      const int row = warp_id * WARP_Q + i * MMA_M + (lane_id % 16), col = k * MMA_K + (lane_id / 16 * 8);
      load_4_matrices(Q_reg[i][k], swizzled<DIM * sizeof(nv_bfloat16)>(Q_shared + (row * DIM + col) *
                                                                                      sizeof(nv_bfloat16)));
    }
  __syncthreads();

  const int kv_blocks = blocks_of(len_kv, BLOCK_KV);
  for (int kv = 0; kv < kv_blocks; kv++) {
    float S_reg[WARP_Q / MMA_M][BLOCK_KV / MMA_N][4] = {};
    copy_tile<BLOCK_KV, DIM, THREADS>(K_shared, K, DIM, tid);
    asm volatile("cp.async.commit_group;");
    copy_tile<BLOCK_KV, DIM, THREADS>(V_shared, V, DIM, tid);
    asm volatile("cp.async.commit_group;");
    asm volatile("cp.async.wait_group 1;");
    __syncthreads();
    for (int j = 0; j < BLOCK_KV / MMA_N; j++)
      for (int k = 0; k < DIM / MMA_K; k++) {
        const int row = j * MMA_N + (lane_id % 8), col = k * MMA_K + (lane_id / 8 % 2 * 8);
        load_2_matrices(K_reg[j][k], swizzled<DIM * sizeof(nv_bfloat16)>(K_shared + (row * DIM + col) *
                                                                                        sizeof(nv_bfloat16)));
      }
    for (int i = 0; i < WARP_Q / MMA_M; i++)
      for (int j = 0; j < BLOCK_KV / MMA_N; j++)
        for (int k = 0; k < DIM / MMA_K; k++) multiply_add(Q_reg[i][k], K_reg[j][k], S_reg[i][j]);

    for (int i = 0; i < WARP_Q / MMA_M; i++) {
      for (int j = 0; j < BLOCK_KV / MMA_N; j++)
        for (int r = 0; r < 4; r++) S_reg[i][j][r] *= scale;
      float row_max[2] = {-FLT_MAX, -FLT_MAX};
      for (int j = 0; j < BLOCK_KV / MMA_N; j++) {
        float* regs = S_reg[i][j];
        row_max[0] = max(row_max[0], max(regs[0], regs[1]));
        row_max[1] = max(row_max[1], max(regs[2], regs[3]));
      }
      for (int h = 0; h < 2; ++h) {
        row_max[h] = max(row_max[h], __shfl_xor_sync(0xFFFFFFFF, row_max[h], 1));
        row_max[h] = max(row_max[h], __shfl_xor_sync(0xFFFFFFFF, row_max[h], 2));
        row_max[h] = max(row_max[h], maxima[i][h]);
      }
      float rescale[2] = {__expf(maxima[i][0] - row_max[0]), __expf(maxima[i][1] - row_max[1])};
      for (int n = 0; n < DIM / MMA_N; n++)
        for (int r = 0; r < 4; ++r) O_reg[i][n][r] *= rescale[r / 2];
      maxima[i][0] = row_max[0];
      maxima[i][1] = row_max[1];
      float row_sum[2] = {};
      for (int j = 0; j < BLOCK_KV / MMA_N; j++) {
        float* regs = S_reg[i][j];
        for (int r = 0; r < 4; ++r) row_sum[r / 2] += regs[r] = __expf(regs[r] - maxima[i][r / 2]);
        nv_bfloat162* P = reinterpret_cast<nv_bfloat162*>(P_reg[i][j / 2]);
        P[(j % 2) * 2] = __float22bfloat162_rn({regs[0], regs[1]});
        P[(j % 2) * 2 + 1] = __float22bfloat162_rn({regs[2], regs[3]});
      }
      for (int h = 0; h < 2; ++h) {
        row_sum[h] += __shfl_xor_sync(0xFFFFFFFF, row_sum[h], 1);
        row_sum[h] += __shfl_xor_sync(0xFFFFFFFF, row_sum[h], 2);
        sums[i][h] = sums[i][h] * rescale[h] + row_sum[h];
      }
    }
    asm volatile("cp.async.wait_group 0;");
    __syncthreads();
    for (int k = 0; k < BLOCK_KV / MMA_K; k++)
      for (int n = 0; n < DIM / MMA_N; n++) {
        const int row = k * MMA_K + (lane_id % 16), col = n * MMA_N;
        load_2_transposed(V_reg[k][n], swizzled<DIM * sizeof(nv_bfloat16)>(
                                           V_shared + (row * DIM + col) * sizeof(nv_bfloat16)));
      }
    for (int i = 0; i < WARP_Q / MMA_M; i++)
      for (int n = 0; n < DIM / MMA_N; n++)
        for (int k = 0; k < BLOCK_KV / MMA_K; k++) multiply_add(P_reg[i][k], V_reg[k][n], O_reg[i][n]);
    K += BLOCK_KV * DIM;
    V += BLOCK_KV * DIM;
    __syncthreads();
  }
  for (int i = 0; i < WARP_Q / MMA_M; i++)
    for (int n = 0; n < DIM / MMA_N; n++) {
      const int row = warp_id * WARP_Q + i * MMA_M + (lane_id / 4), col = n * MMA_N + (lane_id % 4) * 2;
      float* regs = O_reg[i][n];
      reinterpret_cast<nv_bfloat162*>(O + (row + 0) * DIM + col)[0] =
          __float22bfloat162_rn({regs[0] / sums[i][0], regs[1] / sums[i][0]});
      reinterpret_cast<nv_bfloat162*>(O + (row + 8) * DIM + col)[0] =
          __float22bfloat162_rn({regs[2] / sums[i][1], regs[3] / sums[i][1]});
    }
}

template <typename T, typename... Args>
void launch(T* kernel, int num_blocks, int block_size, int smem_size, Args... args) {
  if (smem_size > 48'000)
    cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, smem_size);
  kernel<<<num_blocks, block_size, smem_size>>>(args...);
  if (auto e = cudaGetLastError(); e != cudaSuccess) printf("%s\n", cudaGetErrorString(e)), exit(1);
}

// The larger one; NaN if either is.
static double larger(double a, double b) { return std::isnan(a) || a > b ? a : b; }

int main() {
  const int bs = 2, len_q = 128, len_kv = 128;
  constexpr int DIM = 64, BLOCK_Q = 64, BLOCK_KV = 32, NUM_WARPS = 4;
  std::mt19937 rng(5);
  std::normal_distribution<float> normal;
  auto make = [&](int n) {
    std::vector<nv_bfloat16> v(n);
    for (auto& x : v) x = __float2bfloat16(normal(rng));
    return v;
  };
  auto q = make(bs * len_q * DIM), k = make(bs * len_kv * DIM), v = make(bs * len_kv * DIM);
  std::vector<nv_bfloat16> o(q.size());
  nv_bfloat16 *dq, *dk, *dv, *d_o;
  cudaMalloc(&dq, q.size() * 2);
  cudaMalloc(&dk, k.size() * 2);
  cudaMalloc(&dv, v.size() * 2);
  cudaMalloc(&d_o, o.size() * 2);
  cudaMemcpy(dq, q.data(), q.size() * 2, cudaMemcpyHostToDevice);
  cudaMemcpy(dk, k.data(), k.size() * 2, cudaMemcpyHostToDevice);
  cudaMemcpy(dv, v.data(), v.size() * 2, cudaMemcpyHostToDevice);
  const int smem = max(BLOCK_Q, BLOCK_KV * 2) * DIM * sizeof(nv_bfloat16);
  launch(attention<BLOCK_Q, BLOCK_KV, DIM, NUM_WARPS>, bs * blocks_of(len_q, BLOCK_Q), NUM_WARPS * WARP_SIZE,
         smem, dq, dk, dv, d_o, bs, len_q, len_kv);
  cudaMemcpy(o.data(), d_o, o.size() * 2, cudaMemcpyDeviceToHost);
  double worst = 0;
  for (int b = 0; b < bs; ++b)
    for (int i = 0; i < len_q; ++i) {
      std::vector<double> p(len_kv);
      double mx = -1e300, sum = 0;
      for (int j = 0; j < len_kv; ++j) {
        double s = 0;
        for (int x = 0; x < DIM; ++x)
          s += (double)(float)q[(b * len_q + i) * DIM + x] * (float)k[(b * len_kv + j) * DIM + x];
        mx = std::max(mx, p[j] = s / std::sqrt((double)DIM));
      }
      for (auto& x : p) sum += x = std::exp(x - mx);
      for (int x = 0; x < DIM; ++x) {
        double r = 0;
        for (int j = 0; j < len_kv; ++j) r += p[j] / sum * (float)v[(b * len_kv + j) * DIM + x];
        worst = larger(worst, std::fabs(r - (float)o[(b * len_q + i) * DIM + x]));
      }
    }
  printf("worst %.2e\n", worst);
  cudaFree(dq);
  cudaFree(dk);
  cudaFree(dv);
  cudaFree(d_o);
  return worst < 2e-2 ? 0 : 1;
}
