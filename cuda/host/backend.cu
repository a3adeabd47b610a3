// A backend's memory, copies and launchers, for the common part of the library. Compiled once a backend, as
// the kernels.
#include "cuda/device/launch.cuh"
#include "cuda/host/backend.h"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

// The rungs, each from its own file.
void softmax_01(const SoftmaxParams&, void* stream);
void softmax_02(const SoftmaxParams&, void* stream);
void softmax_03(const SoftmaxParams&, void* stream);
void softmax_04(const SoftmaxParams&, void* stream);
void naive_01(const AttentionParams&, void* stream);
void tiled_02(const AttentionParams&, void* stream);
void flash1_03(const AttentionParams&, void* stream);
void flash2_04(const AttentionParams&, void* stream);
void flash2_05(const AttentionParams&, void* stream);
void flash1_backward_01(const BackwardParams&, void* stream);
void flash2_backward_02(const BackwardParams&, void* stream);
void flash2_backward_deterministic_02(const BackwardParams&, void* stream);
void golden_kernels(const GoldenParams&, void* stream);

namespace {

constexpr Launcher<SoftmaxParams> kSoftmax[] = {
    {"softmax-01", softmax_01},
    {"softmax-02", softmax_02},
    {"softmax-03", softmax_03},
    {"softmax-04", softmax_04},
};
constexpr Launcher<AttentionParams> kForward[] = {
    {"naive-01", naive_01},   {"tiled-02", tiled_02},   {"flash1-03", flash1_03},
    {"flash2-04", flash2_04}, {"flash2-05", flash2_05},
};
constexpr Launcher<BackwardParams> kBackwardLaunchers[] = {
    {"flash1-backward-01", flash1_backward_01},
    {"flash2-backward-02", flash2_backward_02},
    {"flash2-backward-deterministic-02", flash2_backward_deterministic_02},
};

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

std::size_t shared_bytes_a_block() {
  return static_cast<std::size_t>(attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin));
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
  static const BackendFunctions all{
      present,       device_name, shared_bytes_a_block, allocate, release,  copy_in,
      copy_out,      fill,        synchronize,          kSoftmax, kForward, kBackwardLaunchers,
      golden_kernels};
  return all;
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
