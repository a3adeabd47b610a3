// A backend's memory and copies, for the common part of the library. Compiled once per backend, as the
// kernels.
#include "cuda/device/launch.cuh"
#include "cuda/host/backend.h"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

void golden_kernels(const GoldenParams&, void* stream);

namespace {

bool present() {
  int count = 0;
  return cudaGetDeviceCount(&count) == cudaSuccess && count > 0;
}

int attribute(cudaDeviceAttr which) {
  int device = 0, value = 0;
  ATTNLAB_CUDA_CHECK(cudaGetDevice(&device));
  ATTNLAB_CUDA_CHECK(cudaDeviceGetAttribute(&value, which, device));
  return value;
}

std::string device_name() {
  int device = 0;
  ATTNLAB_CUDA_CHECK(cudaGetDevice(&device));
  cudaDeviceProp properties;
  ATTNLAB_CUDA_CHECK(cudaGetDeviceProperties(&properties, device));
  return properties.name;
}

DeviceLimits limits() {
  return {10 * attribute(cudaDevAttrComputeCapabilityMajor) + attribute(cudaDevAttrComputeCapabilityMinor),
          static_cast<std::size_t>(attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin)),
          attribute(cudaDevAttrMultiProcessorCount)};
}

void* allocate(std::size_t bytes) {
  void* memory = nullptr;
  ATTNLAB_CUDA_CHECK(cudaMalloc(&memory, bytes));
  return memory;
}

void release(void* memory) noexcept { static_cast<void>(cudaFree(memory)); }

void copy_in(void* device, const void* host, std::size_t bytes) {
  ATTNLAB_CUDA_CHECK(cudaMemcpy(device, host, bytes, cudaMemcpyHostToDevice));
}

void copy_out(void* host, const void* device, std::size_t bytes) {
  ATTNLAB_CUDA_CHECK(cudaMemcpy(host, device, bytes, cudaMemcpyDeviceToHost));
}

void fill(void* device, int byte, std::size_t bytes) { ATTNLAB_CUDA_CHECK(cudaMemset(device, byte, bytes)); }

void synchronize() { ATTNLAB_CUDA_CHECK(cudaDeviceSynchronize()); }

}  // namespace

const BackendFunctions& functions() {
  static const BackendFunctions all{present, device_name, limits, allocate,    release,
                                    copy_in, copy_out,    fill,   synchronize, golden_kernels};
  return all;
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
