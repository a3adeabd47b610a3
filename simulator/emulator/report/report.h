// What a launch on the emulator did, as numbers: the counters under Nsight Compute's names, and the findings
// of the checks. runtime/ fills it; report/ writes it as JSON, text and HTML.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "simulator/emulator/device_calls.h"

namespace attnlab::emulator {

// One registry of counters: the enumerators, and metrics() with a line each in the same order.
enum class Metric {
  global_load_requests,
  global_load_sectors,
  global_load_bytes,  // useful: asked for by threads, each byte of a request once
  global_store_requests,
  global_store_sectors,
  global_store_bytes,
  global_atomic_requests,  // atomics with a result
  global_atomic_sectors,
  global_reduction_requests,  // atomics without
  global_reduction_sectors,
  local_load_requests,
  local_store_requests,
  shared_load_requests,  // as written
  shared_load_wavefronts,
  shared_load_conflicts,
  shared_store_requests,
  shared_store_wavefronts,
  shared_store_conflicts,
  shared_atomic_requests,
  shared_load_requests_fused,  // as issued, once neighbouring loads are fused into 64- and 128-bit ones
  shared_load_wavefronts_fused,
  shared_store_requests_fused,
  shared_store_wavefronts_fused,
  async_copy_requests,
  async_copy_sectors,
  async_copy_bytes,  // useful, zero fill left out
  barriers,          // warps arriving at a block barrier
  shuffles,          // warp instructions
  votes,
  reduces,
  branches,            // basic blocks that a warp entered
  divergent_branches,  // of these, with some of its running threads elsewhere
  thread_fma,
  thread_fadd,
  thread_fmul,
  thread_special,
  tensor_flops,
  l1_read_sectors,  // simulator/memory from here on; not known per line
  l1_read_hits,
  l2_to_l1_sectors,
  l1_to_l2_sectors,
  l2_read_hits,
  dram_read_bytes,
  dram_write_bytes,
  l2_dirty_bytes,  // written, still in L2 when the kernel ended
  count_,
};
inline constexpr std::size_t kMetricCount = static_cast<std::size_t>(Metric::count_);
using Counters = std::array<std::uint64_t, kMetricCount>;

struct MetricInfo {
  Metric metric;
  std::string_view name;         // Nsight Compute's where it has one, else attnlab__...
  std::string_view description;  // a line for readers
};
const std::array<MetricInfo, kMetricCount>& metrics();

enum class FindingKind {
  out_of_bounds,
  use_after_free,
  uninitialised_read,
  misaligned_access,
  shared_race,
  global_race,
  divergent_barrier,
  missing_arrival,  // a barrier that not every thread reaches
  read_before_wait,
  host_access,  // an address that is no device memory
  write_to_constant,
  deadlock,
  timeout,
  unsupported,
  assertion,
  trap,
  leak,
  refused_launch,
  refused_call,  // of the runtime API
  count_,
};
std::string_view name(FindingKind kind);

struct Finding {
  FindingKind kind;
  std::string kernel;
  std::string file;
  unsigned line = 0;
  Index3 block{}, thread{};
  std::uint64_t address = 0;
  std::string message;      // one line, complete: what, where, which variable or allocation
  std::uint64_t count = 1;  // how often this kind at this line
};

// What is no error by itself, though someone may want to know: memory that the program never freed.
inline bool is_note(const Finding& finding) { return finding.kind == FindingKind::leak; }

struct LineReport {
  std::string file;
  unsigned line;
  Counters counters{};
};

struct KernelReport {
  std::string name;
  Index3 grid{}, block{};
  std::uint64_t static_shared_bytes = 0, dynamic_shared_bytes = 0;
  unsigned resident_blocks = 0;  // per SM, as the model assumed
  std::string gpu;
  double seconds = 0;  // of emulation; says nothing about a GPU
  Counters counters{};
  std::vector<LineReport> lines;  // by file, then line
  std::vector<Finding> findings;
};

struct Report {
  std::string program;
  std::vector<KernelReport> kernels;  // in order of launch
  std::vector<Finding> findings;      // of no kernel: leaks, refused launches, bad arguments of the API
};

}  // namespace attnlab::emulator
