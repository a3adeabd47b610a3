// Variables in every memory of the device, in every form of their declaration. Exit code 0: each holds what
// it should, where it should.
#include <cstdio>
#include <cstdlib>

template <class T, int n>
struct Array {
  T values[n];
  __device__ T& operator[](int i) { return values[i]; }
};

__device__ int counter = 3;
__device__ float zeros[4];
__device__ const float table[4] = {1, 2, 3, 4};
static __device__ int hidden = 5;
__device__ static int hidden_too{6};
__device__ constexpr int primes[] = {2, 3, 5, 7};
inline __device__ int shared_by_files = 8;
__device__ Array<int, 2> wrapped = {{9, 10}};
__device__ struct { int a, b; } pair = {11, 12};
__device__ int (*function_pointer)(int) = nullptr;
__managed__ int managed = 13;
__device__ __managed__ int managed_too = 14;
__constant__ float coefficients[4];
static __constant__ __device__ int constant = 15;
namespace {
__constant__ double in_namespace = 16;
}
extern __device__ int declared;
__device__ int declared = 20;

__device__ int next() {
  static int calls = 0;
  static const int steps[2] = {1, 2};
  return calls += steps[0];
}

__global__ void read(float* out) {
  int i = 0;
  out[i++] = counter;
  out[i++] = zeros[1];
  out[i++] = table[1];
  out[i++] = hidden;
  out[i++] = hidden_too;
  out[i++] = primes[blockIdx.x + 1];
  out[i++] = shared_by_files;
  out[i++] = wrapped[1];
  out[i++] = pair.b;
  out[i++] = function_pointer == nullptr;
  out[i++] = managed;
  out[i++] = managed_too;
  out[i++] = coefficients[2];
  out[i++] = constant;
  out[i++] = in_namespace;
  out[i++] = declared;
  next();
  out[i++] = next();
  counter = 100;
}

extern __shared__ __align__(16) unsigned char of_namespace[];
__shared__ int static_of_namespace[32];

__global__ void dynamic(int* out) {
  extern __shared__ __align__(1024) int numbers[];
  numbers[threadIdx.x] = static_cast<int>(threadIdx.x);
  static_of_namespace[threadIdx.x] = 1;
  __syncthreads();
  const int other = reinterpret_cast<int*>(of_namespace)[31 - threadIdx.x];
  const auto get = [&](int i) { return numbers[i]; };
  out[threadIdx.x] = other + get(0) + static_of_namespace[31 - threadIdx.x];
}
__global__ void rows(int* out) {
  extern __shared__ volatile float matrix[][4];
  matrix[threadIdx.x][1] = static_cast<float>(threadIdx.x);
  __syncthreads();
  out[threadIdx.x] = static_cast<int>(matrix[31 - threadIdx.x][1]);
}
__device__ int through_function(int i) {
  __shared__ int scratch[32];
  scratch[i] = i;
  __syncthreads();
  return scratch[31 - i];
}
template <class T, int n>
__global__ void fixed(T* out) {
  __shared__ T buffer[n], grid[2][n];
  static __shared__ T one;
  __shared__ volatile T flag;
  alignas(128) __shared__ T aligned[n];
  __shared__ __align__(64) unsigned char bytes[n];
  __shared__ Array<T, n> array;
  __shared__ union {
    float f;
    unsigned bits;
  } number;
  __shared__ struct Local { T a, b; } local;
  __shared__ float4 vectors[4];
  __shared__ T* pointer;
  const int i = static_cast<int>(threadIdx.x);
  buffer[i] = i;
  grid[1][i] = 2 * i;
  aligned[i] = i;
  bytes[i] = static_cast<unsigned char>(i);
  array[i] = i;
  if (i == 0) {
    one = 7;
    flag = 8;
    number.f = 1.0f;
    local.a = 1;
    local.b = 2;
    vectors[3] = make_float4(1, 2, 3, 4);
    pointer = buffer;
  }
  __syncthreads();
  const int j = n - 1 - i;
  bool good = buffer[j] == j && grid[1][j] == 2 * j && one == 7 && flag == 8 && number.bits == 0x3f800000u &&
              local.a + local.b == 3 && aligned[j] == j && bytes[j] == j && array[j] == j &&
              vectors[3].w == 4 && pointer[j] == j;
  good = good && reinterpret_cast<unsigned long long>(aligned) % 128 == 0;
  good = good && reinterpret_cast<unsigned long long>(bytes) % 64 == 0;
  good = good && sizeof(buffer) == n * sizeof(T) && sizeof(grid) == 2 * n * sizeof(T);
  out[i] = good + through_function(i);
}

void expect(bool good, const char* what, int i) {
  if (!good) std::printf("%s %d\n", what, i), std::exit(1);
}

// Floats as int4 and back, in registers and in memory: not C++, but every vectorised kernel does it.
__global__ void as_vectors(const float* from, float* to) {
  float sums[2][4] = {};
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 4; ++j) sums[i][j] += from[4 * i + j] * 2;
  for (int i = 0; i < 2; ++i) {
    int4 old = *reinterpret_cast<const int4*>(to + 4 * i);
    const int4 mine = *reinterpret_cast<const int4*>(&sums[i][0]);
    for (int j = 0; j < 4; ++j)
      reinterpret_cast<float*>(&old)[j] =
          reinterpret_cast<const float*>(&mine)[j] + 3 * reinterpret_cast<const float*>(&old)[j];
    *reinterpret_cast<int4*>(to + 4 * i) = old;
  }
}

int main() {
  float host[17], *out;
  const float expected[17] = {3, 0, 2, 5, 6, 3, 8, 10, 12, 1, 13, 14, 23, 15, 16, 20, 2};
  const float given[4] = {21, 22, 23, 24};
  cudaMalloc(&out, sizeof host);
  cudaMemcpyToSymbol(coefficients, given, sizeof given);
  read<<<1, 1>>>(out);
  cudaMemcpy(host, out, sizeof host, cudaMemcpyDeviceToHost);
  for (int i = 0; i < 17; ++i) expect(host[i] == expected[i], "variable", i);
  int back = 0;
  cudaMemcpyFromSymbol(&back, counter, sizeof back);
  expect(back == 100, "counter", back);

  int results[32], *more;
  cudaMalloc(&more, sizeof results);
  dynamic<<<1, 32, 32 * sizeof(int)>>>(more);
  cudaMemcpy(results, more, sizeof results, cudaMemcpyDeviceToHost);
  for (int i = 0; i < 32; ++i) expect(results[i] == 32 - i, "dynamic", i);
  rows<<<1, 32, 32 * 4 * sizeof(float)>>>(more);
  cudaMemcpy(results, more, sizeof results, cudaMemcpyDeviceToHost);
  for (int i = 0; i < 32; ++i) expect(results[i] == 31 - i, "rows", i);
  fixed<int, 32><<<1, 32>>>(more);
  cudaMemcpy(results, more, sizeof results, cudaMemcpyDeviceToHost);
  for (int i = 0; i < 32; ++i) expect(results[i] == 32 - i, "fixed", i);
  float* floats;
  cudaMallocManaged(&floats, 16 * sizeof *floats);
  for (int i = 0; i < 16; ++i) floats[i] = static_cast<float>(i);
  as_vectors<<<1, 1>>>(floats, floats + 8);
  cudaDeviceSynchronize();
  for (int i = 0; i < 8; ++i) expect(floats[8 + i] == static_cast<float>(2 * i + 3 * (8 + i)), "vectors", i);
  cudaFree(floats);
  expect(cudaGetLastError() == cudaSuccess, "error", 0);
  cudaFree(out);
  cudaFree(more);
}
