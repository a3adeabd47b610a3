// The four witnesses as a table for a terminal, and as JSON.
#include "cli/witness_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "answers/quantity.h"
#include "cli/table.h"

namespace attnlab::cli {

using answers::format_count;

namespace {

using emulator::Metric;

std::string count(const std::optional<io::Count>& n) {
  return n ? format_count(static_cast<std::uint64_t>(*n)) : std::string("-");
}

Metric metric_of(const cuda::Bar& bar) {
  const auto& all = emulator::metrics();
  return std::find_if(all.begin(), all.end(), [&](const auto& info) { return info.name == bar.counter; })
      ->metric;
}

constexpr const char* kWhyTheyDiffer =
    "\nAsked for is less than the closed form where lanes of a warp share a number, which counts once per "
    "request,\n"
    "and where gradients are added by atomics, which are not in it; more where a block loads a tile or a row "
    "again.\n";

std::string problem_text(const answers::Witness& w) { return cuda::problem_text(*w.kernel, w.shape); }

}  // namespace

std::string to_text(const std::vector<answers::Witness>& witnesses, const cuda::Measurements& measurements) {
  Table bytes{{"kernel", "problem", "closed form", "metered reference", "emulator, asked for"}, {}};
  Table counters{{"kernel", "counter", "emulator", "H200", "difference"}, {}};
  for (const answers::Witness& w : witnesses) {
    bytes.rows.push_back(
        {w.kernel->name, problem_text(w), count(w.closed), count(w.metered), format_count(w.useful_bytes())});
    for (const cuda::Bar& bar : cuda::bars()) {
      const Metric metric = metric_of(bar);
      const auto measured = w.on_gpu(metric);
      const std::uint64_t emulated = w[metric];
      if (emulated == 0 && measured.value_or(0) == 0) continue;
      counters.rows.push_back({w.kernel->name, bar.title, format_count(emulated),
                               measured ? format_count(*measured) : "not measured",
                               measured ? cuda::Comparison{emulated, *measured, 0}.deviation() : ""});
    }
  }
  const bool differ = std::ranges::any_of(
      witnesses, [](const answers::Witness& w) { return w.closed && *w.closed != w.useful_bytes(); });
  return fmt::format(
      "HBM bytes, with the kernel's own tiles\n\n{}{}\nCounters\n\n{}\nH200: Nsight Compute {} on one {}, "
      "{}, "
      "CUDA {}.\n",
      bytes.text(), differ ? kWhyTheyDiffer : "", counters.text(), measurements.fact("ncu"),
      measurements.fact("gpu"), measurements.fact("date"), measurements.fact("nvcc"));
}

}  // namespace attnlab::cli
