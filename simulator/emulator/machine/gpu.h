// The GPU that the emulator stands for: a device of simulator/device, what its compute capability adds, and
// the two questions that launches ask of it: is this launch possible, and how many blocks fit on an SM.
#pragma once

#include <cstddef>
#include <string>

#include "simulator/device/device.h"
#include "simulator/emulator/launch.h"

namespace attnlab::emulator {

struct Gpu {
  device::Device device;
  int major = 0, minor = 0;    // compute capability
  unsigned blocks_per_sm = 0;  // resident at most
  bool clusters = false;       // has thread block clusters
};

// The same for every GPU that this project knows, compute capabilities 8.0 to 10.0. CUDA C++ Programming
// Guide, "Technical Specifications per Compute Capability".
inline constexpr unsigned kMaxThreadsPerBlock = 1024;
inline constexpr Index3 kMaxBlock{1024, 1024, 64};
inline constexpr Index3 kMaxGrid{2147483647u, 65535, 65535};
inline constexpr std::size_t kStaticSharedLimit = 48 * 1024;  // dynamic too, unless the kernel asks for more
inline constexpr std::size_t kReservedSharedPerBlock = 1024;  // kept by the system
inline constexpr std::size_t kConstantBytes = 64 * 1024;
inline constexpr unsigned kRegistersPerBlock = 65536;
inline constexpr unsigned kMaxClusterBlocks = 8;  // portable; 16 if the kernel allows it

// A GPU by its device's name or file. Throws what device::load throws, and InvalidArgument("gpu", ...) for a
// device whose compute capability is not known here.
Gpu find_gpu(const std::string& name_or_path);

// The chosen one: what choose_gpu said last, else the environment's ATTNLAB_EMULATOR_GPU, else h200. Throws
// as find_gpu. The reference stays valid for ever; choose only while no kernel runs.
const Gpu& gpu();
void choose_gpu(const std::string& name_or_path);

// How many blocks of one kernel are resident on an SM at once: what threads, warps, blocks, shared memory
// (static and dynamic together, in bytes; the system's kilobyte is added here) and registers per thread (0:
// not known, no limit) allow. 0 if not even one fits.
unsigned resident_blocks(const Gpu& gpu, unsigned threads, std::size_t shared_bytes, unsigned registers = 0);
unsigned resident_blocks(unsigned threads, std::size_t shared_bytes, unsigned registers = 0);

// The cudaError_t with which the chosen GPU would refuse this launch; 0: it would run. kernel: the address by
// which cudaFuncSetAttribute knows it; null if unknown: then what was allowed to any kernel is.
// static_shared_bytes: of its __shared__ variables.
int check_launch(const LaunchShape& shape, const void* kernel, std::size_t static_shared_bytes);

// The same, with the sentence that tells why; empty for 0.
struct Refusal {
  int error = 0;
  std::string why;
};
Refusal explain_launch(const LaunchShape& shape, const void* kernel, std::size_t static_shared_bytes);

}  // namespace attnlab::emulator
