// Lab 2: softmax on the GPU, one warp per row. The 32 lanes read neighbouring numbers, each keeps an online
// state (m, l) of the numbers that it has seen, and the states meet by shuffles, without shared memory.
//
//   solution                              a small problem of its own, compared with a loop on the CPU
//   solution --input FILE --output FILE   a problem from a file: `softmax ROWS COLS\n`, then float32 numbers
#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#define CHECK(call)                                                                       \
  do {                                                                                    \
    const cudaError_t error = (call);                                                     \
    if (error != cudaSuccess) {                                                           \
      std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, cudaGetErrorString(error)); \
      std::exit(1);                                                                       \
    }                                                                                     \
  } while (0)

constexpr int kThreads = 128, kWarpsPerBlock = kThreads / 32;
constexpr unsigned kAllLanes = 0xffffffffu;

// As in lab 1: the maximum m of a set of numbers, and l = sum exp(x_j - m). {-inf, 0} is the empty set's.
struct State {
  float m, l;
};

// exp(x - m), and 0 for x = -inf: -inf - -inf would be NaN.
__device__ float weight(float x, float m) { return x == -INFINITY ? 0.0f : expf(x - m); }

__device__ State merge(State a, State b) {
  const float m = fmaxf(a.m, b.m);
  return {m, a.l * weight(a.m, m) + b.l * weight(b.m, m)};
}

__global__ void softmax(const float* x, float* y, int rows, int cols) {  // both [rows, cols]
  const int lane = threadIdx.x % 32;
  // YOUR CODE: the row of this warp; a warp behind the last row returns as a whole
  const int row = blockIdx.x / kWarpsPerBlock;
  if (blockIdx.x > 0 || threadIdx.x >= 32) return;
  const float* x_row = x + static_cast<size_t>(row) * cols;
  float* y_row = y + static_cast<size_t>(row) * cols;

  State all = {-INFINITY, 0.0f};
  // YOUR CODE: this lane's numbers into its state; at each step the warp reads 32 neighbours
  all = merge(all, {x_row[0] * float(rows), 1.0f});

  // YOUR CODE: log2(32) exchanges, after which every lane holds the state of the whole row
  all.l = __shfl_sync(kAllLanes, all.l, 0);

  const float norm = all.l > 0.0f ? 1.0f / all.l : 0.0f;  // a row of -inf alone gives zeros
  // YOUR CODE: the second pass: y of this lane's numbers
  if (lane < cols) y_row[lane] = norm;
}

// y, computed on the device.
std::vector<float> softmax_on_device(const std::vector<float>& x, int rows, int cols) {
  const size_t bytes = x.size() * sizeof(float);
  std::vector<float> y(x.size());
  if (y.empty()) return y;
  float *x_device = nullptr, *y_device = nullptr;
  CHECK(cudaMalloc(&x_device, bytes));
  CHECK(cudaMalloc(&y_device, bytes));
  CHECK(cudaMemcpy(x_device, x.data(), bytes, cudaMemcpyHostToDevice));
  // YOUR CODE: how many blocks the rows need
  const int blocks = 1;
  softmax<<<blocks, kThreads>>>(x_device, y_device, rows, cols);
  CHECK(cudaGetLastError());
  CHECK(cudaMemcpy(y.data(), y_device, bytes, cudaMemcpyDeviceToHost));
  CHECK(cudaFree(x_device));
  CHECK(cudaFree(y_device));
  return y;
}

// A small problem, its first numbers, and the largest difference to a loop on the CPU.
int show() {
  const int rows = 5, cols = 70;
  std::vector<float> x(rows * cols);
  for (int i = 0; i < rows * cols; ++i) x[i] = 4.0f * std::sin(0.7f * i);
  const std::vector<float> y = softmax_on_device(x, rows, cols);
  double largest = 0;
  for (int row = 0; row < rows; ++row) {
    const float* x_row = &x[row * cols];
    double sum = 0;
    for (int j = 0; j < cols; ++j) sum += std::exp(double(x_row[j]));
    for (int j = 0; j < cols; ++j) {
      const double difference = std::fabs(y[row * cols + j] - std::exp(double(x_row[j])) / sum);
      if (!(difference <= largest)) largest = difference;  // NaN stays
    }
    std::printf("row %d: %.5f %.5f %.5f %.5f ...\n", row, y[row * cols], y[row * cols + 1], y[row * cols + 2],
                y[row * cols + 3]);
  }
  std::printf("largest difference to the CPU: %.1e\n", largest);
  return 0;
}

int refuse(const char* what, const char* value) {
  std::fprintf(stderr, "%s: %s\n", what, value);
  return 2;
}

int main(int argc, char** argv) {
  const char *input = nullptr, *output = nullptr;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--input") == 0) input = argv[i + 1];
    if (std::strcmp(argv[i], "--output") == 0) output = argv[i + 1];
  }
  if (argc == 1) return show();
  if (argc != 5 || !input || !output) return refuse("expected --input FILE --output FILE, got", argv[1]);

  std::FILE* file = std::fopen(input, "rb");
  if (!file) return refuse("cannot be read", input);
  int rows = 0, cols = 0;
  bool good = std::fscanf(file, "softmax %d %d", &rows, &cols) == 2 && std::fgetc(file) == '\n' &&
              rows >= 0 && cols >= 0 && 1LL * rows * cols <= 1 << 24;
  std::vector<float> x(good ? size_t(rows) * cols : 0);
  good = good && std::fread(x.data(), sizeof(float), x.size(), file) == x.size();
  std::fclose(file);
  if (!good) return refuse("not a file `softmax ROWS COLS` with its numbers", input);

  const std::vector<float> y = softmax_on_device(x, rows, cols);
  file = std::fopen(output, "wb");
  if (!file) return refuse("cannot be written", output);
  std::fwrite(y.data(), sizeof(float), y.size(), file);
  return std::fclose(file) == 0 ? 0 : refuse("cannot be written", output);
}
