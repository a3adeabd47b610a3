// Lab 5: FlashAttention, forward: o = softmax(q k^T / sqrt(D)) v and lse, without an N x N matrix in memory.
//
// Dao et al. 2022, Algorithm 1, in the order of Dao 2023: a block owns kBr queries and walks over tiles of kBc
// keys. A query carries m (its largest score so far), l (the sum of exp(score - m)) and out (that of
// exp(score - m) v). A larger m rescales l and out; out is divided by l once, at the end.
#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

constexpr int kBr = 32, kBc = 32;  // queries and keys of a tile; kBc: one key for each lane of a warp
constexpr int kWarps = 8, kShare = kBr / kWarps;  // a warp's queries: rows y, y + kWarps, ... of the tile

void fail(int code, const char* where, const char* why) {
  std::fprintf(stderr, "%s: %s\n", where, why);
  std::exit(code);
}
#define CHECK(call) \
  if (const cudaError_t error = (call); error != cudaSuccess) fail(1, #call, cudaGetErrorString(error))

__device__ float warp_max(float x) {
  for (int d = 16; d > 0; d /= 2) x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, d));
  return x;
}
__device__ float warp_sum(float x) {
  for (int d = 16; d > 0; d /= 2) x += __shfl_xor_sync(0xffffffffu, x, d);
  return x;
}

// tile[r] = row first + r of from [rows][D], for 32 rows; 0 behind the last. Lab 4's, with a padding of 1.
template <int D>
__device__ void load_tile(float (*tile)[D + 1], const float* from, int first, int rows) {
  for (int e = threadIdx.y * 32 + threadIdx.x; e < 32 * D; e += 32 * kWarps) {
    const int r = e / D, c = e % D;
    tile[r][c] = first + r < rows ? from[(first + r) * D + c] : 0.0f;
  }
}

template <int D>
__global__ void flash(const float* q, const float* k, const float* v, float* o, float* lse, int seqlen_q,
                      int seqlen_kv, int causal) {
  __shared__ float q_tile[kBr][D + 1], k_tile[kBc][D + 1], v_tile[kBc][D + 1], p_tile[kBr][kBc];
  const int x = threadIdx.x, y = threadIdx.y, head = blockIdx.y, first_row = blockIdx.x * kBr;
  q += head * seqlen_q * D, o += head * seqlen_q * D, lse += head * seqlen_q;
  k += head * seqlen_kv * D, v += head * seqlen_kv * D;
  const int offset = seqlen_kv - seqlen_q;  // causal: query i sees the keys j <= i + offset
  const float scale = 1 / sqrtf(D);
  load_tile<D>(q_tile, q, first_row, seqlen_q);
  float m[kShare], l[kShare], out[kShare][D / 32] = {};  // out: columns x, x + 32
  for (int r = 0; r < kShare; ++r) m[r] = -INFINITY, l[r] = 0;
  // YOUR CODE: how many keys the block must visit: those that its last query sees; 0 or less: none
  const int past = 0;  // wrong: no key at all
  for (int first_key = 0; first_key < past; first_key += kBc) {
    float s[kShare] = {};  // of the warp's queries with key first_key + x
    // YOUR CODE: bring K and V's tiles in (mind who still reads the last ones), then s[r] = q_row . k_x
    k_tile[y][x] = v_tile[y][x] = 0;  // wrong
    for (int r = 0; r < kShare; ++r) {
      const int i = first_row + y + kWarps * r, j = first_key + x;
      const bool visible = j < seqlen_kv && (!causal || j <= i + offset);
      // YOUR CODE: new maximum m[r]; p = exp(s - m), 0 if not visible, into p_tile; rescale and add: l[r], out[r]
      p_tile[y + kWarps * r][x] = visible ? s[r] * scale : 0.0f;  // wrong
    }
    // YOUR CODE: out += P V: each row of P was written by this warp's own lanes
  }
  for (int r = 0; r < kShare; ++r) {
    const int i = first_row + y + kWarps * r;
    if (i >= seqlen_q) continue;
    // YOUR CODE: store o = out / l and lse = m + log(l); a query without keys has o = 0, lse = -inf
    if (x == 0) lse[i] = m[r] + l[r];
    for (int c = 0; c < D / 32; ++c) o[i * D + x + 32 * c] = out[r][c];  // wrong
  }
}

// Memory that host and device share, filled from the file or, without one, with numbers of our own.
float* numbers(size_t count, std::FILE* in, float phase) {
  float* x;
  CHECK(cudaMallocManaged(&x, count * sizeof(float)));
  for (size_t i = 0; i < count; ++i) x[i] = 2 * std::sin(0.7f * i + phase);
  if (in != nullptr && std::fread(x, sizeof(float), count, in) != count) fail(2, "input", "too short");
  return x;
}

int main(int argc, char** argv) {
  const bool files = argc == 5 && !std::strcmp(argv[1], "--input") && !std::strcmp(argv[3], "--output");
  if (argc != 1 && !files) fail(2, argv[0], "expected nothing, or --input FILE --output FILE");
  std::FILE* in = files ? std::fopen(argv[2], "rb") : nullptr;
  int heads = 1, n = 40, n_kv = 70, d = 32, causal = 1;
  if (files && (!in || std::fscanf(in, "attention %d %d %d %d %d", &heads, &n, &n_kv, &d, &causal) != 5 ||
                std::fgetc(in) != '\n' || (d != 32 && d != 64) || std::min({heads, n, n_kv}) < 1)) {
    fail(2, argv[2], "expected 'attention HEADS SEQLEN_Q SEQLEN_KV HEAD_DIM CAUSAL', HEAD_DIM 32 or 64");
  }
  const size_t rows = size_t(heads) * n, keys = size_t(heads) * n_kv;
  float *q = numbers(rows * d, in, 0), *k = numbers(keys * d, in, 1), *v = numbers(keys * d, in, 2);
  float *o = numbers(rows * d, nullptr, 3), *lse = numbers(rows, nullptr, 4);

  const dim3 grid((n + kBr - 1) / kBr, heads), block(32, kWarps);
  (d == 32 ? flash<32> : flash<64>)<<<grid, block>>>(q, k, v, o, lse, n, n_kv, causal);
  CHECK(cudaGetLastError());
  CHECK(cudaDeviceSynchronize());

  std::FILE* out = files ? std::fopen(argv[4], "wb") : nullptr;
  if (files && (!out || std::fwrite(o, sizeof(float), rows * d, out) != rows * d ||
                std::fwrite(lse, sizeof(float), rows, out) != rows || std::fclose(out) != 0)) {
    fail(2, argv[4], "cannot be written");
  }
  double worst = 0, sum[65] = {};  // the last query, which sees every key: of exp(score) v, and of exp(score)
  for (int j = 0; j < n_kv; ++j) {
    double score = 0;
    for (int t = 0; t < d; ++t) score += q[(n - 1) * d + t] * k[j * d + t] / std::sqrt(d);
    for (int t = 0; t <= d; ++t) sum[t] += std::exp(score) * (t < d ? v[j * d + t] : 1);
  }
  for (int t = 0; t < d; ++t) worst = std::fmax(worst, std::fabs(sum[t] / sum[d] - o[(n - 1) * d + t]));
  if (!files) std::printf("last query: o = %.5f ..., lse = %.5f\n", o[(n - 1) * d], lse[n - 1]);
  if (!files) std::printf("difference to the CPU: %.2g and %.2g\n", worst, std::log(sum[d]) - lse[n - 1]);
  for (float* x : {q, k, v, o, lse}) CHECK(cudaFree(x));
}
