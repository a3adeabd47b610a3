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

constexpr int kBr = 64, kBc = 32;  // a block is kBr threads: one for each query

void fail(int code, const char* where, const char* why) {
  std::fprintf(stderr, "%s: %s\n", where, why);
  std::exit(code);
}
#define CHECK(call) \
  if (const cudaError_t error = (call); error != cudaSuccess) fail(1, #call, cudaGetErrorString(error))

template <int D>
__global__ void flash(const float* q, const float* k, const float* v, float* o, float* lse, int seqlen_q,
                      int seqlen_kv, int causal) {
  __shared__ float q_tile[kBr][D + 1], k_tile[kBc][D], v_tile[kBc][D];
  const int head = blockIdx.y, first_row = blockIdx.x * kBr, thread = threadIdx.x, i = first_row + thread;
  q += head * seqlen_q * D, o += head * seqlen_q * D, lse += head * seqlen_q;
  k += head * seqlen_kv * D, v += head * seqlen_kv * D;
  const int offset = seqlen_kv - seqlen_q;
  for (int e = thread; e < kBr * D; e += kBr) {
    q_tile[e / D][e % D] = first_row + e / D < seqlen_q ? q[first_row * D + e] / sqrtf(D) : 0.0f;
  }
  float m = -INFINITY, l = 0, out[D] = {}, s[kBc];
  const int past = causal ? min(first_row + kBr, seqlen_q) + offset : seqlen_kv;
  for (int first_key = 0; first_key < past; first_key += kBc) {
    __syncthreads();
    for (int e = thread; e < kBc * D; e += kBr) {
      const bool inside = first_key + e / D < seqlen_kv;
      k_tile[e / D][e % D] = inside ? k[first_key * D + e] : 0.0f;
      v_tile[e / D][e % D] = inside ? v[first_key * D + e] : 0.0f;
    }
    __syncthreads();
    float m_new = m;
    for (int j = 0; j < kBc; ++j) {
      s[j] = 0;
      for (int t = 0; t < D; ++t) s[j] += q_tile[thread][t] * k_tile[j][t];
      const int key = first_key + j;
      if (key >= seqlen_kv || (causal && key > i + offset)) s[j] = -INFINITY;
      m_new = fmaxf(m_new, s[j]);
    }
    if (m_new == -INFINITY) continue;
    const float rescale = expf(m - m_new);
    m = m_new, l *= rescale;
    for (int t = 0; t < D; ++t) out[t] *= rescale;
    for (int j = 0; j < kBc; ++j) {
      const float p = expf(s[j] - m);
      l += p;
      for (int t = 0; t < D; ++t) out[t] += p * v_tile[j][t];
    }
  }
  if (i >= seqlen_q) return;
  const float norm = l > 0 ? 1 / l : 0;
  for (int t = 0; t < D; t += 4) {
    *reinterpret_cast<float4*>(o + i * D + t) =
        make_float4(out[t] * norm, out[t + 1] * norm, out[t + 2] * norm, out[t + 3] * norm);
  }
  lse[i] = m + logf(l);
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

  const dim3 grid((n + kBr - 1) / kBr, heads), block(kBr);
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
