// One launch of one kernel, as a program: what `attnlab emulate --kernel` compiles together with the kernel's file.
//
//   program KERNEL problem results
//
// problem: the struct that the kernel is launched with, its pointers without meaning, and then the arrays they are to
// point to (arrays.h), each behind its size in bytes, an output's alone; 0: there is none. results: the outputs.
// ATTNLAB_KERNEL_HEADER and ATTNLAB_KERNEL_ROWS name the kernel's header and its array of rows.
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string_view>
#include <type_traits>
#include <vector>

#include "cuda/device/launch.cuh"
#include "cuda/single/arrays.h"

#include ATTNLAB_KERNEL_HEADER

namespace attnlab::cuda {
namespace {

struct Output {
  const void* data;
  std::size_t bytes;
};

class Launch {
 public:
  Launch(const Kernel& kernel, const char* problem) : kernel_(kernel), in_(problem, std::ios::binary) {
    in_.exceptions(std::ios::failbit | std::ios::badbit);
  }

  template <class Params>
  void run(const Launchers<Params>& launchers) {
    Params params;
    static_assert(std::is_trivially_copyable_v<Params>);
    in_.read(reinterpret_cast<char*>(&params), sizeof params);
    for_each_array(params, [&](auto& pointer, Role role) { read(pointer, role); });
    if constexpr (!std::is_same_v<Params, SoftmaxParams>) add_workspace(attention_of(params));
    launchers.emulator(params, nullptr);
    ATTNLAB_CUDA_CHECK(cudaDeviceSynchronize());
  }

  void write_results(const char* path) {
    std::ofstream out(path, std::ios::binary);
    out.exceptions(std::ios::failbit | std::ios::badbit);
    for (const Output& output : outputs_) {
      std::vector<char> host(output.bytes);
      ATTNLAB_CUDA_CHECK(cudaMemcpy(host.data(), output.data, output.bytes, cudaMemcpyDeviceToHost));
      out.write(host.data(), static_cast<std::streamsize>(host.size()));
    }
    for (void* memory : memory_) ATTNLAB_CUDA_CHECK(cudaFree(memory));
  }

 private:
  void* allocate(std::size_t bytes) {
    void* memory = nullptr;
    ATTNLAB_CUDA_CHECK(cudaMalloc(&memory, bytes));
    memory_.push_back(memory);
    return memory;
  }

  template <class Pointer>
  void read(Pointer& pointer, Role role) {
    std::uint64_t bytes = 0;
    in_.read(reinterpret_cast<char*>(&bytes), sizeof bytes);
    pointer = nullptr;
    if (bytes == 0) return;
    void* memory = allocate(bytes);
    pointer = static_cast<Pointer>(memory);
    if (role == Role::output) return outputs_.push_back({memory, bytes});
    std::vector<char> host(bytes);
    in_.read(host.data(), static_cast<std::streamsize>(bytes));
    ATTNLAB_CUDA_CHECK(cudaMemcpy(memory, host.data(), bytes, cudaMemcpyHostToDevice));
  }

  void add_workspace(AttentionParams& params) {
    params.workspace = nullptr;
    if (kernel_.workspace_bytes != nullptr)
      params.workspace = static_cast<float*>(allocate(kernel_.workspace_bytes(params)));
  }

  const Kernel& kernel_;
  std::ifstream in_;
  std::vector<Output> outputs_;
  std::vector<void*> memory_;
};

}  // namespace
}  // namespace attnlab::cuda

int main(int, char** words) {
  using namespace attnlab::cuda;
  try {
    for (const Kernel& kernel : ATTNLAB_KERNEL_ROWS) {
      if (std::string_view(kernel.name) != words[1]) continue;
      Launch launch(kernel, words[2]);
      std::visit([&](const auto& launchers) { launch.run(launchers); }, kernel.launchers);
      launch.write_results(words[3]);
      return 0;
    }
    std::fprintf(stderr, "%s: no row of that name in its header\n", words[1]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", words[1], error.what());
  }
  return 2;
}
