// The four witnesses as a table: text, Markdown, JSON.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "cli/table.h"
#include "cli/witness.h"

namespace attnlab::cli {
namespace {

using simt::Metric;

// What is compared with a GPU, the short name of its column, and the bound that the project sets itself.
struct Column {
  const char* title;
  Metric metric;
  double relative;
  double bytes;  // or this much, whatever the share
};

constexpr Column columns[] = {
    {"load requests", Metric::global_load_requests, 0, 0},
    {"load sectors", Metric::global_load_sectors, 0, 0},
    {"store requests", Metric::global_store_requests, 0, 0},
    {"store sectors", Metric::global_store_sectors, 0, 0},
    {"L2 to SM sectors", Metric::l2_to_l1_sectors, 0.03, 0},
    {"SM to L2 sectors", Metric::l1_to_l2_sectors, 0.03, 0},
    {"DRAM bytes read", Metric::dram_read_bytes, 0.05, 65536},
    {"DRAM bytes written", Metric::dram_write_bytes, 0.05, 0},
    {"shared load wavefronts", Metric::shared_load_wavefronts_fused, 0.05, 0},
    {"shared store wavefronts", Metric::shared_store_wavefronts_fused, 0.05, 0},
};

// What the emulator and the GPU counted.
struct Pair {
  std::uint64_t emulated, measured, dirty;
};

bool in_bounds(const Column& column, const Pair& pair) {
  const auto e = static_cast<double>(pair.emulated), m = static_cast<double>(pair.measured);
  if (column.metric == Metric::dram_write_bytes)  // what is dirty in the L2 may have been written back or not
    return m <= (e + static_cast<double>(pair.dirty)) * (1 + column.relative);
  return std::abs(e - m) <= std::max(column.relative * m, column.bytes);
}

// Nothing if it was not measured, or does not occur.
std::optional<Pair> pair_of(const Column& column, const Witness& w) {
  const auto measured = w.on_gpu(column.metric);
  if (!measured || (*measured == 0 && w[column.metric] == 0)) return std::nullopt;
  return Pair{w[column.metric], *measured, w[Metric::l2_dirty_bytes]};
}

std::string shape_text(const cuda::Shape& s, bool softmax) {
  if (softmax) return fmt::format("{} x {} {}", s.heads, s.seqlen_kv, cuda::name(s.type));
  const std::string length = s.seqlen_q == s.seqlen_kv ? fmt::format("N {}", s.seqlen_q)
                                                       : fmt::format("N {} x {}", s.seqlen_q, s.seqlen_kv);
  return fmt::format(
      "{}, d {}{}, {}{}", length, s.head_dim, s.causal ? ", causal" : "", cuda::name(s.type),
      s.batch * s.heads == 2 ? "" : fmt::format(", {} x {}/{} heads", s.batch, s.heads, s.kv_heads));
}

std::string count(std::uint64_t n) {  // 1234567 -> 1,234,567
  std::string digits = std::to_string(n);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

std::string count(const std::optional<io::Count>& n) {
  return n ? count(static_cast<std::uint64_t>(*n)) : std::string("-");
}

std::uint64_t useful_bytes(const Witness& w) {
  return w[Metric::global_load_bytes] + w[Metric::global_store_bytes] + w[Metric::async_copy_bytes];
}

std::string deviation(std::uint64_t emulated, std::uint64_t measured) {
  if (emulated == measured) return "=";
  if (measured == 0) return "not 0";
  return fmt::format("{:+.2f} %", 100 * (static_cast<double>(emulated) / static_cast<double>(measured) - 1));
}

std::string about(const cuda::Measurements& measurements, const char* key) {
  const auto at = measurements.about.find(key);
  return at == measurements.about.end() ? "unknown" : at->second;
}

}  // namespace

std::string to_text(const std::vector<Witness>& witnesses, const cuda::Measurements& measurements) {
  Table bytes{{"kernel", "problem", "closed form", "metered reference", "emulator, asked for"}, {}};
  Table counters{{"kernel", "counter", "emulator", "H200", "difference"}, {}};
  for (const Witness& w : witnesses) {
    const bool softmax = w.kernel->pass == cuda::Pass::softmax;
    bytes.rows.push_back({w.kernel->name, shape_text(w.shape, softmax), count(w.closed), count(w.metered),
                          count(useful_bytes(w))});
    for (const Column& column : columns) {
      const auto measured = w.on_gpu(column.metric);
      const std::uint64_t emulated = w[column.metric];
      if (emulated == 0 && measured.value_or(0) == 0) continue;
      counters.rows.push_back({w.kernel->name, column.title, count(emulated),
                               measured ? count(*measured) : "not measured",
                               measured ? deviation(emulated, *measured) : ""});
    }
  }
  return fmt::format(
      "HBM bytes, with the kernel's own tiles\n\n{}\nCounters\n\n{}\nH200: Nsight Compute {} on one {}, {}, "
      "CUDA {}. DRAM: the H200 also "
      "reads the launch's code and constants.\n",
      bytes.text(), counters.text(), about(measurements, "ncu"), about(measurements, "gpu"),
      about(measurements, "date"), about(measurements, "nvcc"));
}

std::string to_markdown(const std::vector<Witness>& witnesses, const cuda::Measurements& measurements) {
  std::string text = fmt::format(
      "<!-- Made by `attnlab witness --measured --markdown`; do not edit. -->\n"
      "# Four witnesses: what a kernel moves\n\n"
      "Closed form, metered reference, emulator, and an H200's own counters (Nsight Compute {} on one {}, "
      "{}, driver {}, "
      "CUDA {}; `cuda/counters/measure.sh` measures, `cuda/counters/h200.csv` holds every counter). A run is "
      "two heads "
      "of one sequence unless its line says otherwise; counters are sums over the CUDA kernels that a rung "
      "launches.\n\n"
      "The emulator is told one thing that a GPU's compiler decides: how many registers a thread takes, "
      "which limits the "
      "blocks that share an SM's L1. Everything else follows from the source.\n\n",
      about(measurements, "ncu"), about(measurements, "gpu"), about(measurements, "date"),
      about(measurements, "driver"), about(measurements, "nvcc"));

  text +=
      "## Summary\n\nBounds: requests and sectors equal; sectors between L2 and SMs within 3 %; DRAM reads "
      "within 5 % or 64 KB; DRAM "
      "writes at most 5 % above what the model writes and leaves dirty in the L2; wavefronts within 5 %. Not "
      "in the model: a "
      "launch's code and constants, which DRAM reads beside the tensors, and the merging of partly written "
      "sectors.\n\n"
      "| counter | runs | equal | in bounds | largest deviation |\n|---|---|---|---|---|\n";
  for (const Column& column : columns) {
    unsigned runs = 0, equal = 0, inside = 0;
    double worst = 0;
    std::string worst_run = "none";
    for (const Witness& w : witnesses) {
      const auto pair = pair_of(column, w);
      if (!pair) continue;
      ++runs;
      equal += pair->emulated == pair->measured;
      inside += in_bounds(column, *pair);
      const double off = pair->measured == 0
                             ? INFINITY
                             : static_cast<double>(pair->emulated) / static_cast<double>(pair->measured) - 1;
      if (std::abs(off) > std::abs(worst)) {
        worst = off;
        worst_run = fmt::format("{} ({}, {})", deviation(pair->emulated, pair->measured), w.kernel->name,
                                shape_text(w.shape, w.kernel->pass == cuda::Pass::softmax));
      }
    }
    if (column.metric == Metric::dram_write_bytes) worst_run = "see below";
    text += fmt::format("| {} | {} | {} | {} | {} |\n", column.title, runs, equal, inside, worst_run);
  }

  text +=
      "\n## HBM bytes\n\nThe formula and the metered run use the kernel's own tiles. The emulator's column "
      "is what the "
      "kernel's requests ask for, each byte of a request once. Where a tile is fetched once into shared "
      "memory the "
      "three agree; rungs that ask again for every product rely on caches. Reductions into dQ are counted by "
      "the formula as a load and a store, and are no loads or stores of the kernel; in 16-bit types rungs 03 "
      "and 06 keep O and dQ in fp32 between steps, and rung 03 writes lse, which Algorithm 1 does not.\n\n"
      "| kernel | problem | closed form | metered reference | emulator |\n|---|---|---|---|---|\n";
  for (const Witness& w : witnesses)
    if (w.closed)
      text += fmt::format("| {} | {} | {} | {} | {} |\n", w.kernel->name, shape_text(w.shape, false),
                          count(w.closed), count(w.metered), count(useful_bytes(w)));

  for (const Column& column : columns) {
    const bool writes = column.metric == Metric::dram_write_bytes;
    text += fmt::format(
        "\n## {}\n\n`{}`\n\n| kernel | problem | emulator |{} H200 | difference | in bounds "
        "|\n|---|---|---|{}---|---|---|\n",
        column.title, simt::metrics()[static_cast<std::size_t>(column.metric)].name,
        writes ? " left dirty in L2 |" : "", writes ? "---|" : "");
    for (const Witness& w : witnesses)
      if (const auto pair = pair_of(column, w))
        text += fmt::format("| {} | {} | {} |{} {} | {} | {} |\n", w.kernel->name,
                            shape_text(w.shape, w.kernel->pass == cuda::Pass::softmax), count(pair->emulated),
                            writes ? " " + count(pair->dirty) + " |" : "", count(pair->measured),
                            writes ? "" : deviation(pair->emulated, pair->measured),
                            in_bounds(column, *pair) ? "yes" : "**no**");
  }
  return text;
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
    one["emulator_useful_bytes"] = useful_bytes(w);
    for (const auto& metric : simt::metrics()) {
      const auto measured = w.on_gpu(metric.metric);
      one["emulator"][std::string(metric.name)] = w[metric.metric];
      if (measured) one["h200"][std::string(metric.name)] = *measured;
    }
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace attnlab::cli
