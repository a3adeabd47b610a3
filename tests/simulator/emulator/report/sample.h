// Reports for the tests: one with everything in it, small enough to check by hand, and one that is big.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>

#include "simulator/emulator/report/report.h"

namespace attnlab::emulator {

inline Counters counters(std::initializer_list<std::pair<Metric, std::uint64_t>> values) {
  Counters result{};
  for (const auto& [metric, count] : values) result[static_cast<std::size_t>(metric)] = count;
  return result;
}

// A kernel of two counted lines, 3 and 5, in `file`: 1,024 coalesced loads, and 64 stores of one sector per
// lane beside shared loads with 2-way conflicts. Line 5 has a race.
inline KernelReport sample_kernel(const std::string& name, const std::string& file) {
  KernelReport kernel;
  kernel.name = name;
  kernel.gpu = "h200";
  kernel.grid = {16, 8, 1};
  kernel.block = {128, 1, 1};
  kernel.static_shared_bytes = 16384;
  kernel.dynamic_shared_bytes = 512;
  kernel.resident_blocks = 7;
  kernel.seconds = 0.1;
  const Counters loads = counters({{Metric::global_load_requests, 1024},
                                   {Metric::global_load_sectors, 4096},
                                   {Metric::global_load_bytes, 131072},
                                   {Metric::thread_fma, 32768}});
  const Counters stores = counters({{Metric::global_store_requests, 64},
                                    {Metric::global_store_sectors, 2048},
                                    {Metric::global_store_bytes, 8192},
                                    {Metric::shared_load_requests, 100},
                                    {Metric::shared_load_wavefronts, 200},
                                    {Metric::shared_load_conflicts, 100},
                                    {Metric::shared_load_requests_fused, 25},
                                    {Metric::shared_load_wavefronts_fused, 50},
                                    {Metric::branches, 10},
                                    {Metric::divergent_branches, 1}});
  kernel.lines = {{file, 3, loads}, {file, 5, stores}};
  for (std::size_t i = 0; i < kMetricCount; ++i) kernel.counters[i] = loads[i] + stores[i];
  kernel.counters[static_cast<std::size_t>(Metric::dram_read_bytes)] = 98304;
  kernel.findings = {{.kind = FindingKind::shared_race,
                      .kernel = name,
                      .file = file,
                      .line = 5,
                      .block = {3, 0, 0},
                      .thread = {17, 0, 0},
                      .address = 0xffff'ffff'ffff'ffff,
                      .message = "reads tile[12] that thread (49,0,0) wrote",
                      .count = 4096}};
  return kernel;
}

inline Report sample_report(const std::string& file) {
  return {.program = "flash.cu",
          .kernels = {sample_kernel("flash2_forward<float, 64>", file)},
          .findings = {{.kind = FindingKind::leak,
                        .kernel = "",
                        .file = file,
                        .line = 8,
                        .message = "4,096 bytes never freed",
                        .count = 1}}};
}

}  // namespace attnlab::emulator
