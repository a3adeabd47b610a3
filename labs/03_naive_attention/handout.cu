// Lab 3: attention as its formula is written, three kernels: S = Q K^T / sqrt(d), P = softmax(S), O = P V.
// S, and then P in its place, lie in HBM: [heads, seqlen_q, seqlen_kv]. head_dim is 32 or 64.
//   solution                              a small problem of its own, compared with a loop on the CPU
//   solution --input FILE --output FILE   `attention HEADS SEQLEN_Q SEQLEN_KV HEAD_DIM CAUSAL\n`, then q, k, v
#include <cuda_runtime.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#define CHECK(call)                                                                     \
  if (const cudaError_t error = (call); error != cudaSuccess) {                         \
    std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, cudaGetErrorString(error)); \
    std::exit(1);                                                                       \
  }

struct Shape {
  int heads, seqlen_q, seqlen_kv, head_dim, causal;
};

// S. Thread (x, y, z) of the grid: key j = x, query i = y, head z. A warp's lanes have neighbouring keys.
__global__ void scores(Shape p, const float* q, const float* k, float* s) {
  const int j = blockIdx.x * blockDim.x + threadIdx.x, i = blockIdx.y * blockDim.y + threadIdx.y;
  if (i >= p.seqlen_q || j >= p.seqlen_kv) return;
  const float* q_row = q + (blockIdx.z * p.seqlen_q + i) * p.head_dim;
  const float* k_row = k + (blockIdx.z * p.seqlen_kv + j) * p.head_dim;
  float* s_row = s + (blockIdx.z * p.seqlen_q + i) * p.seqlen_kv;
  // YOUR CODE: q_i . k_j / sqrt(head_dim); -inf if the problem is causal and key j is hidden from query i
  s_row[j] = q_row[0] * k_row[0];
}

// Of lab 2: (m, l) of a set of numbers, and of a union.
struct State {
  float m, l;
};
__device__ float weight(float x, float m) { return x == -INFINITY ? 0.0f : expf(x - m); }
__device__ State merge(State a, State b) {
  const float m = fmaxf(a.m, b.m);
  return {m, a.l * weight(a.m, m) + b.l * weight(b.m, m)};
}

// P in place of S. Thread (x, y, z): lane x of the warp of query i = y, head z.
__global__ void softmax(Shape p, float* s) {
  const int lane = threadIdx.x, i = blockIdx.y * blockDim.y + threadIdx.y;
  if (i >= p.seqlen_q) return;  // the whole warp
  float* s_row = s + (blockIdx.z * p.seqlen_q + i) * p.seqlen_kv;
  // YOUR CODE: your lab 2, in place; a row of -inf alone becomes zeros
  if (lane < p.seqlen_kv) s_row[lane] = weight(s_row[lane], merge({0.0f, 1.0f}, {0.0f, 1.0f}).m);
}

// O. Thread (x, y, z): column c = x of V and O, query i = y, head z. A warp's lanes have neighbouring columns.
__global__ void output(Shape p, const float* weights, const float* v, float* o) {
  const int c = blockIdx.x * blockDim.x + threadIdx.x, i = blockIdx.y * blockDim.y + threadIdx.y;
  if (i >= p.seqlen_q || c >= p.head_dim) return;
  const float* p_row = weights + (blockIdx.z * p.seqlen_q + i) * p.seqlen_kv;
  const float* v_head = v + blockIdx.z * p.seqlen_kv * p.head_dim;
  float* o_row = o + (blockIdx.z * p.seqlen_q + i) * p.head_dim;
  // YOUR CODE: the sum over j of P[i][j] V[j][c]
  o_row[c] = p_row[0] * v_head[c];
}

// o of qkv: q, k and v one after the other.
std::vector<float> attention(Shape p, const std::vector<float>& qkv) {
  std::vector<float> o(size_t(p.heads) * p.seqlen_q * p.head_dim);
  float *q = nullptr, *s = nullptr, *o_device = nullptr;
  CHECK(cudaMalloc(&q, qkv.size() * sizeof(float)));
  CHECK(cudaMalloc(&s, sizeof(float) * p.heads * p.seqlen_q * p.seqlen_kv));
  CHECK(cudaMalloc(&o_device, o.size() * sizeof(float)));
  CHECK(cudaMemcpy(q, qkv.data(), qkv.size() * sizeof(float), cudaMemcpyHostToDevice));
  const float *k = q + o.size(), *v = k + size_t(p.heads) * p.seqlen_kv * p.head_dim;
  const dim3 block(32, 4);
  const unsigned rows = (p.seqlen_q + 3) / 4;
  // YOUR CODE: the three launches, each with as many blocks as its kernel's x, y and z need
  output<<<dim3(1, rows, p.heads), block>>>(p, k, v, o_device);
  CHECK(cudaGetLastError());
  CHECK(cudaMemcpy(o.data(), o_device, o.size() * sizeof(float), cudaMemcpyDeviceToHost));
  for (float* array : {q, s, o_device}) CHECK(cudaFree(array));
  return o;
}

// Number (i, c) of O of one causal head, in double.
double on_the_cpu(Shape p, const float* q, int i, int c) {
  const float *k = q + p.seqlen_q * p.head_dim, *v = k + p.seqlen_kv * p.head_dim;
  double sum = 0, o = 0;
  for (int j = 0; j <= i + p.seqlen_kv - p.seqlen_q; ++j) {
    double dot = 0;
    for (int t = 0; t < p.head_dim; ++t) dot += double(q[i * p.head_dim + t]) * k[j * p.head_dim + t];
    sum += std::exp(dot / std::sqrt(p.head_dim));
    o += std::exp(dot / std::sqrt(p.head_dim)) * v[j * p.head_dim + c];
  }
  return o / sum;
}

int main(int argc, char** argv) {
  Shape p = {1, 6, 40, 32, 1};
  std::vector<float> qkv((6 + 40 + 40) * 32);
  for (size_t i = 0; i < qkv.size(); ++i) qkv[i] = std::sin(float(i * i % 1000));
  if (argc == 1) {
    const std::vector<float> o = attention(p, qkv);
    double largest = 0;
    for (int i = 0; i < 6 * 32; ++i) {
      const double difference = std::fabs(o[i] - on_the_cpu(p, qkv.data(), i / 32, i % 32));
      if (!(difference <= largest)) largest = difference;  // NaN stays
    }
    std::printf("o: %.5f %.5f %.5f ...\nlargest difference to the CPU: %.1e\n", o[0], o[1], o[2], largest);
    return 0;
  }
  const bool named = argc == 5 && !std::strcmp(argv[1], "--input") && !std::strcmp(argv[3], "--output");
  std::FILE* file = named ? std::fopen(argv[2], "rb") : nullptr;
  bool good = file && std::fscanf(file, "attention %d %d %d %d %d", &p.heads, &p.seqlen_q, &p.seqlen_kv,
                                  &p.head_dim, &p.causal) == 5;
  good = good && std::fgetc(file) == '\n' && p.heads > 0 && p.seqlen_q > 0 && p.seqlen_kv > 0;
  good = good && (p.head_dim == 32 || p.head_dim == 64) && 1LL * p.heads * p.seqlen_q * p.seqlen_kv < 1 << 24;
  qkv.resize(good ? size_t(p.heads) * (p.seqlen_q + 2 * p.seqlen_kv) * p.head_dim : 0);
  good = good && std::fread(qkv.data(), sizeof(float), qkv.size(), file) == qkv.size();
  if (file) std::fclose(file);
  std::FILE* result = good ? std::fopen(argv[4], "wb") : nullptr;
  if (!result) {
    std::fprintf(stderr, "expected --input FILE --output FILE, and a file of attention with its numbers\n");
    return 2;
  }
  const std::vector<float> o = attention(p, qkv);
  const bool written = std::fwrite(o.data(), sizeof(float), o.size(), result) == o.size();
  return std::fclose(result) == 0 && written ? 0 : 2;
}
