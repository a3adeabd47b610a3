// Lab 5's probe: what FlashAttention-2's forward pass loads and computes, without its arithmetic.
//
//   attnlab emulate probe.cu -- full 32         loads at N = 256, head_dim 64, Br = 32, no mask
//   attnlab emulate probe.cu -- causal 48       loads at N = 256, head_dim 64, Br = 32, Bc = 48, causal
//   attnlab emulate probe.cu -- online 100 16   exponentials of one query with 100 keys in tiles of 16
#include <cuda_runtime.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#define CHECK(call)                                                     \
  if (const cudaError_t error = (call); error != cudaSuccess) {         \
    std::fprintf(stderr, "%s: %s\n", #call, cudaGetErrorString(error)); \
    std::exit(1);                                                       \
  }

constexpr int kN = 256, kD = 64;

// The sum of the rows first ... end - 1 of a matrix [kN][kD], by one warp: all that matters is that they are read.
__device__ float read_rows(const float* from, int first, int end) {
  float sum = 0;
  for (int e = first * kD + threadIdx.x; e < end * kD; e += 32) sum += from[e];
  return sum;
}

// One warp in place of FlashAttention-2's block: br queries, then tiles of bc keys and values.
__global__ void loads(const float* q, const float* k, const float* v, float* to, int br, int bc,
                      bool causal) {
  const int first = blockIdx.x * br, past = min(first + br, kN);
  float sum = read_rows(q, first, past);
  for (int key = 0; key < (causal ? past : kN); key += bc) {
    sum += read_rows(k, key, min(key + bc, kN)) + read_rows(v, key, min(key + bc, kN));
  }
  to[blockIdx.x * 32 + threadIdx.x] = sum;
}

// One thread takes the online softmax of keys scores, bc at a time: m and l, as a row of a tile does.
__global__ void online(const float* score, float* to, int keys, int bc) {
  float m = -INFINITY, l = 0;
  for (int first = 0; first < keys; first += bc) {
    float m_new = m;
    for (int j = first; j < min(first + bc, keys); ++j) m_new = fmaxf(m_new, score[j]);
    l *= expf(m - m_new);
    for (int j = first; j < min(first + bc, keys); ++j) l += expf(score[j] - m_new);
    m = m_new;
  }
  to[0] = l;
}

int main(int argc, char** argv) {
  const char* what = argc > 2 ? argv[1] : "";
  const int first = argc > 2 ? std::atoi(argv[2]) : 0, second = argc > 3 ? std::atoi(argv[3]) : 1;
  const bool full = !std::strcmp(what, "full"), causal = !std::strcmp(what, "causal");
  if ((!full && !causal && std::strcmp(what, "online") != 0) || first < 1 || first > kN || second < 1) {
    std::fprintf(stderr, "%s: expected full BR, causal BC or online KEYS BC\n", argv[0]);
    return 2;
  }
  float *in, *to;  // in: q, k and v
  CHECK(cudaMalloc(&in, 3 * kN * kD * sizeof(float)));
  CHECK(cudaMalloc(&to, 32 * kN * sizeof(float)));
  CHECK(cudaMemset(in, 0, 3 * kN * kD * sizeof(float)));
  const int br = full ? first : 32, bc = causal ? first : 32;
  if (full || causal) {
    loads<<<(kN + br - 1) / br, 32>>>(in, in + kN * kD, in + 2 * kN * kD, to, br, bc, causal);
  } else {
    online<<<1, 1>>>(in, to, first, second);
  }
  CHECK(cudaGetLastError());
  CHECK(cudaDeviceSynchronize());
  CHECK(cudaFree(in));
  CHECK(cudaFree(to));
}
