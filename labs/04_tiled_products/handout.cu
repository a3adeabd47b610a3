// Lab 4: S = A B^T through tiles in shared memory.
//
//   A [m][k], B [n][k]  ->  S [m][n],   S[i][j] = sum over t of A[i][t] * B[j][t]
//
// A block computes a square of kTile x kTile numbers of S. It walks along k: each step brings a square of A and
// a square of B into shared memory, and every number that was brought serves kTile products.
#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

constexpr int kTile = 32;               // side of the squares, and lanes of a warp
constexpr int kWarps = 8;               // rows of threads: a block is kTile x kWarps threads
constexpr int kShare = kTile / kWarps;  // numbers of S that one thread computes, kWarps rows apart
// YOUR CODE: the distance of two rows of a tile, in floats, such that a column can be read without conflicts
constexpr int kStride = kTile;

void fail(int code, const char* where, const char* why) {
  std::fprintf(stderr, "%s: %s\n", where, why);
  std::exit(code);
}
#define CHECK(call) \
  if (const cudaError_t error = (call); error != cudaSuccess) fail(1, #call, cudaGetErrorString(error))

// tile[r][c] = from[first_row + r][first_col + c], and 0 outside of from [rows][cols]; c is the thread's x.
__device__ void load_tile(float (*tile)[kStride], const float* from, int rows, int cols, int first_row,
                          int first_col) {
  for (int r = threadIdx.y; r < kTile; r += kWarps) {
    // YOUR CODE: one number of row r; neighbouring threads read neighbouring numbers
    tile[r][threadIdx.x] = first_row < rows && first_col < cols ? from[0] : 0.0f;  // wrong
  }
}

__global__ void scores(const float* a, const float* b, float* s, int m, int n, int k) {
  const int first_row = blockIdx.y * kTile, first_col = blockIdx.x * kTile;  // of the block's square of S
  const int x = threadIdx.x, y = threadIdx.y;
  float sum[kShare] = {};  // of the rows y, y + kWarps, y + 2 kWarps, ... of the square, column x
  // YOUR CODE: declare the two tiles; for each step along k: load both, wait, add kTile products to each sum, wait
  sum[0] = a[0] * b[0] * static_cast<float>(k);  // wrong
  for (int r = 0; r < kShare; ++r) {
    // YOUR CODE: store sum[r], if its row and its column are inside of S
    if (first_row + y < m && first_col + x < n) s[0] = sum[0];  // wrong
  }
}

// The next numbers of the file; without a file, numbers of our own.
std::vector<float> read(std::FILE* in, size_t count, float phase) {
  std::vector<float> x(count);
  for (size_t i = 0; i < count; ++i) x[i] = 2 * std::sin(0.7f * i + phase);
  if (in != nullptr && std::fread(x.data(), sizeof(float), count, in) != count) fail(2, "input", "too short");
  return x;
}

float* to_device(const std::vector<float>& x) {
  float* copy;
  CHECK(cudaMalloc(&copy, x.size() * sizeof(float)));
  CHECK(cudaMemcpy(copy, x.data(), x.size() * sizeof(float), cudaMemcpyHostToDevice));
  return copy;
}

std::vector<float> from_device(float* copy, size_t count) {
  std::vector<float> x(count);
  CHECK(cudaMemcpy(x.data(), copy, count * sizeof(float), cudaMemcpyDeviceToHost));
  CHECK(cudaFree(copy));
  return x;
}

int main(int argc, char** argv) {
  const bool files = argc == 5 && !std::strcmp(argv[1], "--input") && !std::strcmp(argv[3], "--output");
  if (argc != 1 && !files) fail(2, argv[0], "expected nothing, or --input FILE --output FILE");
  std::FILE* in = files ? std::fopen(argv[2], "rb") : nullptr;
  if (files && in == nullptr) fail(2, argv[2], "cannot be read");
  int m = 70, n = 50, k = 40;
  if (files && (std::fscanf(in, "scores %d %d %d", &m, &n, &k) != 3 || std::fgetc(in) != '\n' ||
                std::min({m, n, k}) < 1 || std::max({m, n, k}) > 4096)) {
    fail(2, argv[2], "expected 'scores M N K', each from 1 to 4096");
  }
  const auto a = read(in, size_t(m) * k, 0), b = read(in, size_t(n) * k, 1);

  float *da = to_device(a), *db = to_device(b), *ds;
  CHECK(cudaMalloc(&ds, size_t(m) * n * sizeof(float)));
  const dim3 block(kTile, kWarps);
  // YOUR CODE: as many blocks as cover S, x along its rows
  const dim3 grid(1, 1);
  scores<<<grid, block>>>(da, db, ds, m, n, k);
  CHECK(cudaGetLastError());
  const auto s = from_device(ds, size_t(m) * n);
  for (float* copy : {da, db}) CHECK(cudaFree(copy));

  if (files) {
    std::FILE* out = std::fopen(argv[4], "wb");
    if (out == nullptr) fail(2, argv[4], "cannot be written");
    std::fwrite(s.data(), sizeof(float), s.size(), out);
    return std::fclose(out) == 0 ? 0 : 2;
  }
  double worst = 0;
  for (int i = 0; i < m; ++i) {
    for (int j = 0; j < n; ++j) {
      double sum = 0;
      for (int t = 0; t < k; ++t) sum += a[i * k + t] * b[j * k + t];
      worst = std::fmax(worst, std::fabs(sum - s[i * n + j]));
    }
  }
  std::printf("S[0] = %.5f %.5f %.5f ...\n", s[0], s[1], s[2]);
  std::printf("largest difference to the CPU: %.2g (%s)\n", worst, worst < 1e-4 ? "right" : "wrong");
}
