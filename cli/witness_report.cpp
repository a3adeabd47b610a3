// The four witnesses as a table for a terminal, and as JSON.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "cli/quantity.h"
#include "cli/table.h"
#include "cli/witness.h"

namespace attnlab::cli {
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

std::string problem_text(const Witness& w) { return cuda::problem_text(*w.kernel, w.shape); }

}  // namespace

std::string to_text(const std::vector<Witness>& witnesses, const cuda::Measurements& measurements) {
  Table bytes{{"kernel", "problem", "closed form", "metered reference", "emulator, asked for"}, {}};
  Table counters{{"kernel", "counter", "emulator", "H200", "difference"}, {}};
  for (const Witness& w : witnesses) {
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
  return fmt::format(
      "HBM bytes, with the kernel's own tiles\n\n{}\nCounters\n\n{}\nH200: Nsight Compute {} on one {}, {}, "
      "CUDA {}.\n",
      bytes.text(), counters.text(), measurements.fact("ncu"), measurements.fact("gpu"),
      measurements.fact("date"), measurements.fact("nvcc"));
}

Json to_json(const std::vector<Witness>& witnesses) {
  Json all = Json::array();
  for (const Witness& w : witnesses) {
    Json one;
    one["kernel"] = w.kernel->name;
    one["dtype"] = cuda::name(w.shape.type);
    one["batch"] = w.shape.batch, one["heads"] = w.shape.heads, one["kv_heads"] = w.shape.kv_heads;
    one["seqlen_q"] = w.shape.seqlen_q, one["seqlen_kv"] = w.shape.seqlen_kv,
    one["head_dim"] = w.shape.head_dim;
    one["causal"] = w.shape.causal;
    if (w.closed) one["closed_form_bytes"] = json_count(*w.closed);
    if (w.metered) one["metered_bytes"] = json_count(*w.metered);
    one["emulator_useful_bytes"] = w.useful_bytes();
    for (const auto& metric : emulator::metrics()) {
      const auto measured = w.on_gpu(metric.metric);
      one["emulator"][std::string(metric.name)] = w[metric.metric];
      if (measured) one["h200"][std::string(metric.name)] = *measured;
    }
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace attnlab::cli
