// What text and HTML share: numbers as a reader wants them, sums over counters, launches of one kernel put
// together, and the source text.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "simulator/emulator/report/report.h"

namespace attnlab::emulator {

inline constexpr std::uint64_t kSectorBytes = 32;
inline constexpr std::uint64_t kWavefrontBytes = 128;  // a pass through 32 banks of 4 bytes

inline std::uint64_t get(const Counters& counters, Metric metric) {
  return counters[static_cast<std::size_t>(metric)];
}
void add(Counters& sum, const Counters& other);

// Requests to global memory and the sectors they touch: loads, stores, atomics, reductions, asynchronous
// copies.
std::uint64_t global_requests(const Counters& counters);
std::uint64_t global_sectors(const Counters& counters);
// Of shared memory, as the source writes its accesses.
std::uint64_t shared_wavefronts(const Counters& counters);
std::uint64_t bank_conflicts(const Counters& counters);
// What went through an SM's L1 and shared memory: the order of lines from hot to cold.
std::uint64_t bytes_through_sm(const Counters& counters);
// fp32 operations by threads, a multiply-add being two.
std::uint64_t thread_flops(const Counters& counters);

// The kinds of requests that have a row in the tables of totals. Metric::count_ stands for "not counted".
struct GlobalRow {
  std::string_view label;
  Metric requests, sectors, useful_bytes;
};
inline constexpr GlobalRow kGlobalRows[] = {
    {"loads", Metric::global_load_requests, Metric::global_load_sectors, Metric::global_load_bytes},
    {"stores", Metric::global_store_requests, Metric::global_store_sectors, Metric::global_store_bytes},
    {"atomics", Metric::global_atomic_requests, Metric::global_atomic_sectors, Metric::count_},
    {"reductions", Metric::global_reduction_requests, Metric::global_reduction_sectors, Metric::count_},
    {"async copies", Metric::async_copy_requests, Metric::async_copy_sectors, Metric::async_copy_bytes},
};
struct SharedRow {
  std::string_view label;
  Metric requests, wavefronts, conflicts;     // as written
  Metric requests_issued, wavefronts_issued;  // by nvcc, neighbours fused
};
inline constexpr SharedRow kSharedRows[] = {
    {"loads", Metric::shared_load_requests, Metric::shared_load_wavefronts, Metric::shared_load_conflicts,
     Metric::shared_load_requests_fused, Metric::shared_load_wavefronts_fused},
    {"stores", Metric::shared_store_requests, Metric::shared_store_wavefronts, Metric::shared_store_conflicts,
     Metric::shared_store_requests_fused, Metric::shared_store_wavefronts_fused},
};

// 34816 as "34,816"; 6291456 bytes as "6.29 MB" (MB = 10^6); a quotient as "5.65", "-" over 0; a share as
// "16.7%".
std::string count_text(std::uint64_t count);
std::string bytes_text(std::uint64_t bytes);
std::string ratio_text(std::uint64_t numerator, std::uint64_t denominator);
std::string percent_text(std::uint64_t part, std::uint64_t whole);
// (64,1,1) as "64", (8,4,1) as "8 x 4".
std::string extent_text(const Index3& extent);
// "block (3,0,0) thread (17,0,0), 12 times": of the first one. A launch that was refused has its
// kernel's name, what happened outside kernels no place; may be empty.
std::string place_text(const Finding& finding);
// The path as seen from the working folder when it is below it, else as it is.
std::string path_text(const std::string& path);

// A report's findings of no kernel, in two lists: errors, and notes (is_note).
struct OutsideKernels {
  std::vector<Finding> errors, notes;
};
OutsideKernels outside_kernels(const Report& report);

// All launches of one kernel of a report: their sum. `total` bears the name of them all and the launch shape
// of the first; its resident blocks and GPU too.
struct KernelSum {
  KernelReport total;
  std::string label;  // its name without namespaces, where no other kernel has the same
  struct Shape {
    Index3 grid, block;
    std::uint64_t static_shared_bytes, dynamic_shared_bytes;
    unsigned resident_blocks;
    std::uint64_t launches;
  };
  std::vector<Shape> shapes;  // in order of first launch
  std::uint64_t launches = 0;
};
// In order of first launch. Lines are sorted by file and number; findings of one kind at one line are
// put together, and the first one speaks for them.
std::vector<KernelSum> sum_launches(const Report& report);

// "flash2_kernel<float, 64>" of "attnlab::cuda::flash2_kernel<float, 64>".
std::string without_namespaces(const std::string& kernel);

// The lines through which most bytes went, at most so many, hottest first.
std::vector<const LineReport*> hottest_lines(const KernelReport& kernel, std::size_t most);

// Lines of source files, read when first asked for.
class SourceText {
 public:
  // The file's lines, without their ends; nothing when it cannot be read.
  const std::optional<std::vector<std::string>>& file(const std::string& path);
  // Line 1, 2, ...; empty when there is none.
  std::string_view line(const std::string& path, unsigned number);

 private:
  std::map<std::string, std::optional<std::vector<std::string>>> files_;
};

}  // namespace attnlab::emulator
