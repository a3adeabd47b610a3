// Lab 6: attention, backward: dq, dk and dv from q, k, v, o, lse and dout, without an N x N matrix in memory.
//   P = exp(q k^T / sqrt(D) - lse)      dv = P^T dout            delta_i = dout_i . o_i
//   dS = P (dout v^T - delta)           dk = dS^T q / sqrt(D)    dq = dS k / sqrt(D)
//
// Dao 2023, Algorithm 2, without atomics: a block owns 32 rows of its gradients. For dq it owns queries and walks over
// keys, for dk and dv the other way round: one text, "own" rows and "other" ones. P and dS are computed twice.
#include <cuda_runtime.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

constexpr int kTile = 32;                           // rows of a tile, and lanes of a warp
constexpr int kWarps = 8, kShare = kTile / kWarps;  // a warp's rows: y, y + kWarps, ... of the block's own

void fail(int code, const char* where, const char* why) {
  std::fprintf(stderr, "%s: %s\n", where, why);
  std::exit(code);
}
#define CHECK(call) \
  if (const cudaError_t error = (call); error != cudaSuccess) fail(1, #call, cudaGetErrorString(error))

struct Arrays {  // q, o, dout, dq: [heads][n][D]; k, v, dk, dv: [heads][n_kv][D]; lse, delta: [heads][n]
  float *q, *k, *v, *o, *lse, *dout, *delta, *dq, *dk, *dv;
  int n, n_kv, causal;
};

// tile[r] = row first + r of from [rows][D]; 0 behind the last. Lab 5's; with D = 1 for lse and delta.
template <int D>
__device__ void load_tile(float (*tile)[D + 1], const float* from, int first, int rows) {
  for (int e = threadIdx.y * 32 + threadIdx.x; e < kTile * D; e += 32 * kWarps) {
    const int r = e / D, c = e % D;
    tile[r][c] = first + r < rows ? from[(first + r) * D + c] : 0.0f;
  }
}

// dots[r] = own row r of this warp . other row x: lab 5's scores.
template <int D>
__device__ void row_dots(const float (*own)[D + 1], const float (*other)[D + 1], float (&dots)[kShare]) {
  for (int r = 0; r < kShare; ++r) dots[r] = 0;
  for (int t = 0; t < D; ++t) {
    const float right = other[threadIdx.x][t];
    for (int r = 0; r < kShare; ++r) dots[r] += own[threadIdx.y + kWarps * r][t] * right;
  }
}

// sums += w tile, of this warp's rows, columns x and x + 32: lab 5's P V.
template <int D>
__device__ void add_product(const float (*w)[kTile], const float (*tile)[D + 1],
                            float (&sums)[kShare][D / 32]) {
  for (int n = 0; n < kTile; ++n) {
    for (int c = 0; c < D / 32; ++c) {
      const float right = tile[n][threadIdx.x + 32 * c];
      for (int r = 0; r < kShare; ++r) sums[r][c] += w[threadIdx.y + kWarps * r][n] * right;
    }
  }
}

// delta of all rows of all heads: a warp for each row.
__global__ void row_sums(Arrays a, int rows, int d) {
  const int i = blockIdx.x * kWarps + threadIdx.y;
  // solution: delta[i] = dout_i . o_i, by the lanes together (lab 2's sum)
  // handout: if (i < rows && threadIdx.x == 0) a.delta[i] = 0.0f * static_cast<float>(d);  // wrong
  float sum = 0;
  for (int c = threadIdx.x; c < d && i < rows; c += 32) sum += a.dout[i * d + c] * a.o[i * d + c];
  for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, step);
  if (i < rows && threadIdx.x == 0) a.delta[i] = sum;
  // end
}

template <int D, bool Keys>  // Keys: the block owns keys
__global__ void gradients(Arrays a) {
  __shared__ float own0[kTile][D + 1], own1[kTile][D + 1], other0[kTile][D + 1], other1[kTile][D + 1];
  __shared__ float lse[kTile][2], delta[kTile][2], p_tile[kTile][kTile], ds_tile[kTile][kTile];
  const int x = threadIdx.x, y = threadIdx.y, first = blockIdx.x * kTile;
  const int at = blockIdx.y * a.n, at_kv = blockIdx.y * a.n_kv, offset = a.n_kv - a.n;  // at: the head's rows
  float *q = a.q + at * D, *k = a.k + at_kv * D, *v = a.v + at_kv * D, *dout = a.dout + at * D;
  const int own_rows = Keys ? a.n_kv : a.n, other_rows = Keys ? a.n : a.n_kv;
  load_tile<D>(own0, Keys ? k : q, first, own_rows);
  load_tile<D>(own1, Keys ? v : dout, first, own_rows);
  if (!Keys) load_tile<1>(lse, a.lse + at, first, a.n), load_tile<1>(delta, a.delta + at, first, a.n);
  float s[kShare], dp[kShare], sum0[kShare][D / 32] = {}, sum1[kShare][D / 32] = {};  // dq; or dk and dv
  // solution: where the walk begins and ends: causal queries see no late keys, keys no early queries
  // handout: const int begin = 0, end = 0 * offset * other_rows;  // wrong: no walk at all
  const int begin = a.causal && Keys ? max(first - offset, 0) / kTile * kTile : 0;
  const int end = a.causal && !Keys ? min(first + kTile, a.n) + offset : other_rows;
  // end
  for (int other = begin; other < end; other += kTile) {
    // solution: bring the other tiles in (for keys lse and delta, too), then s = own0 other0^T, dp = own1 other1^T
    // handout: other0[y][x] = other1[y][x] = s[0] = dp[0] = 0;  // wrong
    __syncthreads();  // everybody is done with the last tiles
    load_tile<D>(other0, Keys ? q : k, other, other_rows);
    load_tile<D>(other1, Keys ? dout : v, other, other_rows);
    if (Keys) load_tile<1>(lse, a.lse + at, other, a.n), load_tile<1>(delta, a.delta + at, other, a.n);
    __syncthreads();  // these are whole, and the first time the own ones
    row_dots<D>(own0, other0, s);
    row_dots<D>(own1, other1, dp);
    // end
    for (int r = 0; r < kShare; ++r) {
      const int own_row = y + kWarps * r, query = Keys ? x : own_row;  // rows of the tiles
      const int i = Keys ? other + x : first + own_row, j = Keys ? first + own_row : other + x;
      const bool visible = i < a.n && j < a.n_kv && (!a.causal || j <= i + offset);
      // solution: P and dS of query i and key j into the tiles, 0 if not visible
      // handout: p_tile[own_row][x] = ds_tile[own_row][x] = visible ? s[r] * dp[r] * lse[query][0] : 0;  // wrong
      const float p = visible ? expf(s[r] / sqrtf(D) - lse[query][0]) : 0;
      p_tile[own_row][x] = p;
      ds_tile[own_row][x] = p * (dp[r] - delta[query][0]);
      // end
    }
    // solution: sum0 += dS other0, and for keys sum1 += P other1; a warp reads only the rows that it wrote
    __syncwarp();
    add_product<D>(ds_tile, other0, sum0);
    if (Keys) add_product<D>(p_tile, other1, sum1);
    // end
  }
  float *own_gradient = Keys ? a.dk + at_kv * D : a.dq + at * D, *dv = a.dv + at_kv * D;
  for (int n = 0; n < kShare * D / 32; ++n) {
    const int r = n % kShare, c = n / kShare, row = first + y + kWarps * r;
    if (row < own_rows) own_gradient[row * D + x + 32 * c] = sum0[r][c] / sqrtf(D);
    if (row < own_rows && Keys) dv[row * D + x + 32 * c] = sum1[r][c];
  }
}

// Memory that host and device share, from the file or, without one, with numbers of our own.
float* numbers(size_t count, std::FILE* in, float phase) {
  float* x;
  CHECK(cudaMallocManaged(&x, count * sizeof(float)));
  for (size_t i = 0; i < count; ++i) x[i] = std::sin(0.7f * i + phase);
  if (in != nullptr && std::fread(x, sizeof(float), count, in) != count) fail(2, "input", "too short");
  return x;
}

int main(int argc, char** argv) {
  const bool files = argc == 5 && !std::strcmp(argv[1], "--input") && !std::strcmp(argv[3], "--output");
  if (argc != 1 && !files) fail(2, argv[0], "expected nothing, or --input FILE --output FILE");
  std::FILE* in = files ? std::fopen(argv[2], "rb") : nullptr;
  int heads = 1, n = 40, n_kv = 70, d = 32, causal = 1;
  if (files && (!in || std::fscanf(in, "backward %d %d %d %d %d", &heads, &n, &n_kv, &d, &causal) != 5 ||
                std::fgetc(in) != '\n' || (d != 32 && d != 64) || heads < 1 || n < 1 || n_kv < 1))
    fail(2, argv[2], "expected 'backward HEADS SEQLEN_Q SEQLEN_KV HEAD_DIM CAUSAL', HEAD_DIM 32 or 64");
  const size_t rows = size_t(heads) * n, of_q = rows * d, of_k = size_t(heads) * n_kv * d;
  float *q = numbers(of_q, in, 0), *k = numbers(of_k, in, 1), *v = numbers(of_k, in, 2), *delta;
  float *o = numbers(of_q, in, 3), *lse = numbers(rows, in, 4), *dout = numbers(of_q, in, 5);
  float *dq = numbers(of_q, nullptr, 6), *dk = numbers(of_k, nullptr, 7), *dv = numbers(of_k, nullptr, 8);
  CHECK(cudaMalloc(&delta, rows * sizeof(float)));
  const Arrays a = {q, k, v, o, lse, dout, delta, dq, dk, dv, n, n_kv, causal};
  const dim3 block(32, kWarps), queries((n + 31) / kTile, heads), keys((n_kv + 31) / kTile, heads);
  row_sums<<<(heads * n + kWarps - 1) / kWarps, block>>>(a, heads * n, d);
  (d == 32 ? gradients<32, false> : gradients<64, false>)<<<queries, block>>>(a);
  (d == 32 ? gradients<32, true> : gradients<64, true>)<<<keys, block>>>(a);
  CHECK(cudaGetLastError());
  CHECK(cudaDeviceSynchronize());
  std::FILE* out = files ? std::fopen(argv[4], "wb") : nullptr;
  if (files && (!out || std::fwrite(dq, sizeof(float), of_q, out) != of_q ||
                std::fwrite(dk, sizeof(float), of_k, out) != of_k ||
                std::fwrite(dv, sizeof(float), of_k, out) != of_k || std::fclose(out) != 0))
    fail(2, argv[4], "cannot be written");
  double q_dq = 0, k_dk = 0;  // both are the sum of dS S, whatever lse is
  for (size_t e = 0; e < of_q; ++e) q_dq += q[e] * dq[e];
  for (size_t e = 0; e < of_k; ++e) k_dk += k[e] * dk[e];
  if (!files) std::printf("dq = %.3f ... q . dq = %.7g, k . dk = %.7g: must be equal\n", dq[0], q_dq, k_dk);
  for (float* x : {q, k, v, o, lse, dout, delta, dq, dk, dv}) CHECK(cudaFree(x));
}
