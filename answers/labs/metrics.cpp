#include "answers/labs/metrics.h"

#include <algorithm>
#include <ranges>
#include <variant>

#include "reference/core/errors.h"

namespace attnlab::answers::labs {
namespace {

using emulator::Metric;
using Special = std::uint64_t (*)(const emulator::Report&);

struct Row {
  const char* name;
  std::variant<std::vector<Metric>, Special> of;
};

std::uint64_t shared_bytes(const emulator::Report& report) {
  std::uint64_t most = 0;
  for (const emulator::KernelReport& kernel : report.kernels)
    most = std::max(most, kernel.static_shared_bytes + kernel.dynamic_shared_bytes);
  return most;
}

std::uint64_t launches(const emulator::Report& report) { return report.kernels.size(); }

const std::vector<Row>& rows() {
  using enum Metric;
  using Sum = std::vector<Metric>;
  static const std::vector<Row> table = {
      {"global_load_requests", Sum{global_load_requests}},
      {"global_load_sectors", Sum{global_load_sectors, async_copy_sectors}},
      {"global_load_bytes", Sum{global_load_bytes, async_copy_bytes}},
      {"global_store_requests", Sum{global_store_requests}},
      {"global_store_sectors", Sum{global_store_sectors}},
      {"global_store_bytes", Sum{global_store_bytes}},
      {"global_atomics", Sum{global_atomic_requests, global_reduction_requests}},
      {"local_requests", Sum{local_load_requests, local_store_requests}},
      {"shared_load_requests", Sum{shared_load_requests}},
      {"shared_load_wavefronts", Sum{shared_load_wavefronts}},
      {"shared_load_conflicts", Sum{shared_load_conflicts}},
      {"shared_store_requests", Sum{shared_store_requests}},
      {"shared_store_wavefronts", Sum{shared_store_wavefronts}},
      {"shared_store_conflicts", Sum{shared_store_conflicts}},
      {"barriers", Sum{barriers}},
      {"shuffles", Sum{shuffles}},
      {"thread_fma", Sum{thread_fma}},
      {"thread_fadd", Sum{thread_fadd}},
      {"thread_fmul", Sum{thread_fmul}},
      {"thread_special", Sum{thread_special}},
      {"divergent_branches", Sum{divergent_branches}},
      {"l2_to_l1_sectors", Sum{l2_to_l1_sectors}},
      {"dram_read_bytes", Sum{dram_read_bytes}},
      {"shared_bytes", shared_bytes},
      {"launches", launches},
  };
  return table;
}

}  // namespace

std::vector<std::string> metric_names() {
  std::vector<std::string> names;
  for (const Row& row : rows()) names.emplace_back(row.name);
  return names;
}

std::vector<std::string> finding_names() {
  std::vector<std::string> names;
  for (int n = 0; n < static_cast<int>(emulator::FindingKind::count_); ++n) {
    std::string name(emulator::name(static_cast<emulator::FindingKind>(n)));
    std::ranges::replace(name, '-', '_');
    names.push_back(name);
  }
  return names;
}

std::uint64_t metric_of(const emulator::Report& report, const std::string& name) {
  const auto row = std::ranges::find(rows(), name, [](const Row& r) { return std::string(r.name); });
  if (row == rows().end()) throw InvalidArgument("metric", name, "one of metric_names()");
  if (const Special* special = std::get_if<Special>(&row->of)) return (*special)(report);
  std::uint64_t sum = 0;
  for (const emulator::KernelReport& kernel : report.kernels) {
    for (const Metric metric : std::get<std::vector<Metric>>(row->of))
      sum += kernel.counters[static_cast<std::size_t>(metric)];
  }
  return sum;
}

}  // namespace attnlab::answers::labs
