// A kernel that ends its launch: which way, the argument says. The exit code is 0 if the launch fails with
// the code that it should.
#include <curand_kernel.h>

#include <cassert>
#include <cstdio>
#include <cstring>

__global__ void assertion(int limit) { assert(static_cast<int>(threadIdx.x) < limit); }
__global__ void trap() {
  if (threadIdx.x == 3) __trap();
}
#ifndef ATTNLAB_ON_A_GPU
__global__ void division(int* out, int by) { out[threadIdx.x] = 12 / (static_cast<int>(threadIdx.x) - by); }
__global__ void generator() {
  curandState state;
  curand_init(1, threadIdx.x, 0, &state);
}
#endif
__global__ void print() { printf("thread %u of %s: %d %5.2f %c\n", threadIdx.x, "print", -7, 1.5, 'x'); }

int main(int count, char** arguments) {
  const char* which = count > 1 ? arguments[1] : "print";
  cudaError_t expected = cudaSuccess;
  assert(which != nullptr);
  if (std::strcmp(which, "assertion") == 0) {
    assertion<<<1, 32>>>(7);
    expected = cudaErrorAssert;
  } else if (std::strcmp(which, "trap") == 0) {
    trap<<<1, 32>>>();
    expected = cudaErrorLaunchFailure;
#ifndef ATTNLAB_ON_A_GPU
  } else if (std::strcmp(which, "generator") == 0) {
    generator<<<1, 32>>>();
    expected = cudaErrorNotSupported;
  } else if (std::strcmp(which, "division") == 0) {
    int* out;
    cudaMallocManaged(&out, 32 * sizeof *out);
    division<<<1, 32>>>(out, 5);
    expected = cudaErrorLaunchFailure;
#endif
  } else if (std::strcmp(which, "function") == 0) {
    void (*const not_launched)() = print;
    not_launched();
  } else {
    print<<<1, 2>>>();
  }
  const cudaError_t error = cudaDeviceSynchronize();
  if (error != expected) std::printf("%s\n", cudaGetErrorString(error));
  return error == expected ? 0 : 1;
}
