// What the kernels of this lesson share: the problem, small helpers, and a main() that runs the
// kernel on each folder it is given. A folder holds q.f32, k.f32 and v.f32, [heads, seqlen, 32], and
// problem.txt; o.f32 and lse.f32 are written there.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

constexpr int kTile = 32, kDim = 32;

struct Problem {
  const float *q, *k, *v;
  float *o, *lse;
  int heads, nq, nkv;
  float scale;
  bool causal;
};

__global__ void attention(Problem p);

// Rows begin .. begin + kTile of one head; zeros beyond the end.
__device__ inline void load(float (*tile)[kDim], const float* from, int head, int begin, int rows) {
  for (int t = threadIdx.x; t < kTile * kDim; t += kTile) {
    const int row = begin + t / kDim;
    tile[t / kDim][t % kDim] = row < rows ? from[(head * rows + row) * kDim + t % kDim] : 0;
  }
}

__device__ inline float dot(const float* a, const float* b) {
  float sum = 0;
  for (int c = 0; c < kDim; ++c) sum += a[c] * b[c];
  return sum;
}

__device__ inline void store(const Problem& p, int head, int row, const float* o, float m, float l) {
  for (int c = 0; c < kDim; ++c) p.o[(head * p.nq + row) * kDim + c] = l == 0 ? 0 : o[c] / l;
  p.lse[head * p.nq + row] = m + logf(l);
}

inline float* on_device(const std::string& file, size_t size) {
  std::vector<float> values(size);
  FILE* stream = fopen(file.c_str(), "rb");
  if (stream == nullptr || fread(values.data(), sizeof(float), size, stream) != size) exit(2);
  fclose(stream);
  float* device = nullptr;
  cudaMalloc(&device, size * sizeof(float));
  cudaMemcpy(device, values.data(), size * sizeof(float), cudaMemcpyHostToDevice);
  return device;
}

inline void to_file(const std::string& file, float* device, size_t size) {
  std::vector<float> values(size);
  cudaMemcpy(values.data(), device, size * sizeof(float), cudaMemcpyDeviceToHost);
  FILE* stream = fopen(file.c_str(), "wb");
  if (stream == nullptr || fwrite(values.data(), sizeof(float), size, stream) != size) exit(2);
  fclose(stream);
  cudaFree(device);
}

int main(int argc, char** argv) {
  for (int n = 1; n < argc; ++n) {
    const std::string folder = argv[n];
    Problem p{};
    int causal = 0;
    FILE* sizes = fopen((folder + "/problem.txt").c_str(), "r");
    if (sizes == nullptr || fscanf(sizes, "%d %d %d %d", &p.heads, &p.nq, &p.nkv, &causal) != 4) return 2;
    fclose(sizes);
    p.causal = causal != 0;
    p.scale = 1 / sqrtf(kDim);
    const size_t queries = size_t(p.heads) * p.nq, keys = size_t(p.heads) * p.nkv;
    p.q = on_device(folder + "/q.f32", queries * kDim);
    p.k = on_device(folder + "/k.f32", keys * kDim);
    p.v = on_device(folder + "/v.f32", keys * kDim);
    cudaMalloc(&p.o, queries * kDim * sizeof(float));
    cudaMalloc(&p.lse, queries * sizeof(float));
    attention<<<dim3((p.nq + kTile - 1) / kTile, p.heads), kTile>>>(p);
    to_file(folder + "/o.f32", p.o, queries * kDim);
    to_file(folder + "/lse.f32", p.lse, queries);
    for (const float* input : {p.q, p.k, p.v}) cudaFree(const_cast<float*>(input));
  }
}
