// GPUs as data: the figures of a device that this project computes with, each with its source.
//
// simulator/device/data holds one JSON file a device. A file of the user's own is accepted by the same rules:
// every figure is a number, or an object {"value": number, "source": text}.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "reference/core/dtype.h"

namespace attnlab::device {

// The arithmetic a rate is given for. fp8 stands for both of its formats.
enum class Arithmetic { fp64, fp32, tf32, fp16, bf16, fp8, int8 };

std::string_view name(Arithmetic arithmetic);

// The arithmetic that multiplies operands of a storage type; fp32 stays fp32, so tf32 must be asked for.
// Throws InvalidArgument("dtype", ...) for a type that no unit here multiplies.
Arithmetic arithmetic_of(DType type);

struct Device {
  std::string name;                  // "a100-40gb"
  std::vector<std::string> aliases;  // "a100"
  std::string description;

  std::uint64_t hbm_bytes = 0;               // capacity
  double hbm_bandwidth = 0;                  // bytes per second, read and write together
  std::uint64_t l2_bytes = 0;                // whole GPU
  std::uint64_t sms = 0;                     // streaming multiprocessors
  double clock_hz = 0;                       // boost, of the tensor cores' and exponentials' rates
  std::uint64_t sram_bytes_per_sm = 0;       // L1 cache and shared memory together
  std::uint64_t shared_bytes_per_sm = 0;     // the most of it that can be shared memory
  std::uint64_t shared_bytes_per_block = 0;  // the most one thread block may ask for
  std::uint64_t register_bytes_per_sm = 0;
  std::uint64_t threads_per_sm = 0;           // resident at most
  std::uint64_t warps_per_sm = 0;             // resident at most
  double interconnect_bandwidth = 0;          // bytes per second to other GPUs, both directions together
  double exp_rate = 0;                        // special functions (exp2) per second
  std::map<Arithmetic, double> tensor_flops;  // tensor cores, dense; absent: no such unit
  std::map<Arithmetic, double> vector_flops;  // ordinary cores, multiply-add = 2; fp32 is always there

  std::map<std::string, std::string> sources;  // of a figure, by its key in the file ("tensor_flops.fp16")
};

// A device by its name or alias ("a100" is the A100 40GB, the GPU of the FlashAttention paper), or, when the
// text ends in .json or contains a '/', from that file. Throws InvalidArgument("device", ...) with the known
// names, and FileError for a file that is not a device: an unknown key, a missing one, a figure that is not
// positive, or figures that contradict each other.
Device load(const std::string& name_or_path);

// The devices that ship with the project, in order of their names.
std::vector<Device> list();

}  // namespace attnlab::device
