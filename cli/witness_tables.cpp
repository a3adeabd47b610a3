// The emulator's predictions beside an H200's counters as the tables of docs/results/counters.md, and alone
// as the table on disk, cuda/counters/emulated.csv.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "answers/quantity.h"
#include "cli/witness_report.h"

namespace attnlab::cli {

using answers::format_count;

namespace {

using emulator::Metric;

// A prediction beside the run that it is of.
struct Pair {
  const cuda::Measurement* predicted;
  const cuda::Measurement* measured;
  std::string problem() const { return cuda::problem_text(*predicted->kernel, predicted->shape); }
};

bool is_dram_writes(const cuda::Bar& bar) { return std::string_view(bar.title) == "DRAM bytes written"; }

Table setup(const std::vector<Pair>& pairs, const cuda::Measurements& measurements) {
  return {{"Nsight Compute", "GPU", "date", "driver", "CUDA", "runs measured", "of them emulated"},
          {{measurements.fact("ncu"), measurements.fact("gpu"), measurements.fact("date"),
            measurements.fact("driver"), measurements.fact("nvcc"), std::to_string(measurements.runs.size()),
            std::to_string(pairs.size())}}};
}

std::vector<std::string> summary_row(const cuda::Bar& bar, const std::vector<Pair>& pairs) {
  unsigned runs = 0, equal = 0, inside = 0;
  double worst = 0;
  std::string worst_run = "none";
  for (const Pair& pair : pairs) {
    const auto c = cuda::compare(bar, *pair.predicted, *pair.measured);
    if (!c) continue;
    ++runs;
    equal += c->predicted == c->measured;
    inside += cuda::meets(bar, *c);
    const double off = c->measured == 0
                           ? INFINITY
                           : static_cast<double>(c->predicted) / static_cast<double>(c->measured) - 1;
    if (std::abs(off) > std::abs(worst)) {
      worst = off;
      worst_run = fmt::format("{} ({}, {})", c->deviation(), pair.predicted->kernel->name, pair.problem());
    }
  }
  return {bar.title, std::to_string(runs), std::to_string(equal), std::to_string(inside),
          is_dram_writes(bar) ? "-" : worst_run};
}

Table summary(const std::vector<Pair>& pairs) {
  Table table{{"counter", "runs", "equal", "in bounds", "largest deviation"}, {}};
  for (const cuda::Bar& bar : cuda::bars()) table.rows.push_back(summary_row(bar, pairs));
  return table;
}

Table out_of_bounds(const std::vector<cuda::Exception>& exceptions) {
  Table table{{"kernel", "problem", "counter", "difference", "cause"}, {}};
  for (const cuda::Exception& e : exceptions)
    table.rows.push_back({e.kernel, e.problem, e.counter, e.deviation, e.cause});
  return table;
}

Table hbm_bytes(const std::vector<Pair>& pairs, const cuda::Measurements& measurements) {
  const auto bytes = [](const std::optional<io::Count>& n) {
    return n ? format_count(static_cast<std::uint64_t>(*n)) : std::string("-");
  };
  Table table{{"kernel", "problem", "closed form", "metered reference", "emulator"}, {}};
  for (const Pair& pair : pairs) {
    const answers::Witness w = answers::witness(*pair.predicted, measurements);
    if (!w.closed) continue;
    table.rows.push_back(
        {w.kernel->name, pair.problem(), bytes(w.closed), bytes(w.metered), format_count(w.useful_bytes())});
  }
  return table;
}

Table counter_table(const cuda::Bar& bar, const std::vector<Pair>& pairs) {
  const bool writes = is_dram_writes(bar);
  Table table{{"kernel", "problem", "emulator"}, {}};
  if (writes) table.header.emplace_back("left dirty in L2");
  table.header.insert(table.header.end(), {"H200", "difference", "in bounds"});
  for (const Pair& pair : pairs) {
    const auto c = cuda::compare(bar, *pair.predicted, *pair.measured);
    if (!c) continue;
    std::vector<std::string> cells{pair.predicted->kernel->name, pair.problem(), format_count(c->predicted)};
    if (writes) cells.push_back(format_count(c->dirty));
    cells.insert(cells.end(), {format_count(c->measured), writes ? "" : c->deviation(),
                               cuda::meets(bar, *c) ? "yes" : "**no**"});
    table.rows.push_back(std::move(cells));
  }
  return table;
}

}  // namespace

std::vector<NamedTable> witness_tables(const std::vector<cuda::Measurement>& predictions,
                                       const cuda::Measurements& measurements,
                                       const std::vector<cuda::Exception>& exceptions) {
  std::vector<Pair> pairs;
  for (const cuda::Measurement& prediction : predictions) {
    if (const auto* measured = measurements.find(*prediction.kernel, prediction.shape))
      pairs.push_back({&prediction, measured});
  }
  std::vector<NamedTable> tables{{"setup", setup(pairs, measurements)},
                                 {"summary", summary(pairs)},
                                 {"out of bounds", out_of_bounds(exceptions)},
                                 {"HBM bytes", hbm_bytes(pairs, measurements)}};
  for (const cuda::Bar& bar : cuda::bars()) tables.push_back({bar.title, counter_table(bar, pairs)});
  return tables;
}

std::string to_csv(const std::vector<cuda::Measurement>& predictions) {
  std::string text =
      "# made by: attnlab witness --measured --csv --yes\n"
      "kernel,step,dtype,batch,heads,kv_heads,seqlen_q,seqlen_kv,head_dim,causal,cuda_kernel";
  // What the page shows.
  std::vector<std::string> columns;
  for (const cuda::Bar& bar : cuda::bars()) columns.emplace_back(bar.counter);
  for (const Metric metric : {Metric::l2_dirty_bytes, Metric::global_load_bytes, Metric::global_store_bytes,
                              Metric::async_copy_bytes})
    columns.emplace_back(emulator::metrics()[static_cast<std::size_t>(metric)].name);
  for (const std::string& column : columns) text += "," + column;
  text += "\n";
  for (const cuda::Measurement& run : predictions) {
    const cuda::Shape& s = run.shape;
    text += fmt::format("{},0,{},{},{},{},{},{},{},{},all", run.kernel->name, name(s.type), s.batch, s.heads,
                        s.kv_heads, s.seqlen_q, s.seqlen_kv, s.head_dim, s.causal ? 1 : 0);
    for (const std::string& column : columns) text += fmt::format(",{}", run.sum(column).value_or(0));
    text += "\n";
  }
  return text;
}

}  // namespace attnlab::cli
