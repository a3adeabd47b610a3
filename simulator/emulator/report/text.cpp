// Reports as text.
#include "simulator/emulator/report/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

#include "simulator/emulator/report/figures.h"

namespace attnlab::emulator {
namespace {

// Columns on a terminal: UTF-8 continuation bytes take none.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// At most so many bytes and "...".
std::string shortened(const std::string& text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (text[most] & 0xC0) == 0x80) --most;  // not inside a character
  return text.substr(0, most) + "...";
}

// Rows of cells; the first is the header. Columns are as wide as their widest cell; the first, and those in
// `left`, start at the left.
struct Layout {
  std::vector<std::vector<std::string>> rows;
  std::vector<std::size_t> left{0};

  void add(std::vector<std::string> row) { rows.push_back(std::move(row)); }

  std::string text(std::string_view indent) const {
    std::vector<std::size_t> widths(rows.front().size());
    for (const auto& row : rows)
      for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], width(row[c]));
    std::string result;
    for (const auto& row : rows) {
      std::string line(indent);
      for (std::size_t c = 0; c < row.size(); ++c) {
        const std::string padding(widths[c] - width(row[c]), ' ');
        const bool to_left = std::find(left.begin(), left.end(), c) != left.end();
        line += (c == 0 ? "" : "  ") + (to_left ? row[c] + padding : padding + row[c]);
      }
      line.resize(line.find_last_not_of(' ') + 1);
      result += line + "\n";
    }
    return result;
  }
};

// --- totals ----------------------------------------------------------------------------------------------

std::string global_memory(const Counters& c) {
  Layout layout;
  layout.add({"global memory", "requests", "sectors", "sectors/request", "moved", "useful", "useful/moved"});
  for (const GlobalRow& row : kGlobalRows) {
    const std::uint64_t requests = get(c, row.requests), sectors = get(c, row.sectors);
    if (requests == 0) continue;
    const std::uint64_t moved = sectors * kSectorBytes;
    std::string useful, share;
    if (row.useful_bytes != Metric::count_) {
      useful = bytes_text(get(c, row.useful_bytes));
      share = percent_text(get(c, row.useful_bytes), moved);
    }
    layout.add({fmt::format("  {}", row.label), count_text(requests), count_text(sectors),
                ratio_text(sectors, requests), bytes_text(moved), useful, share});
  }
  return layout.rows.size() > 1 ? layout.text("  ") : "";
}

std::string shared_memory(const Counters& c) {
  Layout layout;
  layout.add(
      {"shared memory", "requests", "wavefronts", "bank conflicts", "issued by nvcc", "its wavefronts"});
  for (const SharedRow& row : kSharedRows) {
    if (get(c, row.requests) == 0) continue;
    layout.add({fmt::format("  {}", row.label), count_text(get(c, row.requests)),
                count_text(get(c, row.wavefronts)), count_text(get(c, row.conflicts)),
                count_text(get(c, row.requests_issued)), count_text(get(c, row.wavefronts_issued))});
  }
  if (const auto atomics = get(c, Metric::shared_atomic_requests); atomics != 0)
    layout.add({"  atomics", count_text(atomics), "", "", count_text(atomics), ""});
  return layout.rows.size() > 1 ? layout.text("  ") : "";
}

std::string caches(const Counters& c) {
  Layout layout;
  layout.add({"caches", "sectors", "bytes", ""});
  layout.left.push_back(3);
  const auto add = [&](const char* label, std::uint64_t sectors, std::string remark = "") {
    if (sectors == 0) return;
    layout.add({std::string("  ") + label, count_text(sectors), bytes_text(sectors * kSectorBytes),
                std::move(remark)});
  };
  const std::uint64_t l1_reads = get(c, Metric::l1_read_sectors);
  const std::uint64_t l2_reads = get(c, Metric::l2_to_l1_sectors);
  const std::uint64_t dirty = get(c, Metric::l2_dirty_bytes);
  add("read through L1", l1_reads, percent_text(get(c, Metric::l1_read_hits), l1_reads) + " hits");
  add("L2 to SM", l2_reads, percent_text(get(c, Metric::l2_read_hits), l2_reads) + " hits");
  add("SM to L2", get(c, Metric::l1_to_l2_sectors));
  add("DRAM read", get(c, Metric::dram_read_bytes) / kSectorBytes);
  const std::uint64_t written = get(c, Metric::dram_write_bytes);
  if (written != 0 || dirty != 0) {
    layout.add({"  DRAM written", count_text(written / kSectorBytes), bytes_text(written),
                dirty == 0 ? "" : bytes_text(dirty) + " more are still in L2"});
  }
  return layout.rows.size() > 1 ? layout.text("  ") : "";
}

// "fp32: 65,536 FMA; ..." and "8 warps at barriers; ...": what is not zero of one group, on one line.
std::string list(std::string_view title,
                 const std::vector<std::pair<std::uint64_t, std::string_view>>& parts) {
  std::string line;
  for (const auto& [count, what] : parts)
    if (count != 0) line += fmt::format("{}{} {}", line.empty() ? "" : ", ", count_text(count), what);
  return line.empty() ? "" : fmt::format("  {:<15}{}\n", title, line);
}

std::string instructions(const Counters& c) {
  const auto of = [&](Metric metric) { return get(c, metric); };
  std::string text = list("arithmetic", {{thread_flops(c), "fp32 FLOPs"},
                                         {of(Metric::thread_fma), "FMA"},
                                         {of(Metric::thread_fadd), "additions"},
                                         {of(Metric::thread_fmul), "products"},
                                         {of(Metric::thread_special), "special functions"},
                                         {of(Metric::tensor_flops), "tensor FLOPs"}});
  text += list("warps", {{of(Metric::barriers), "at barriers"},
                         {of(Metric::shuffles), "shuffles"},
                         {of(Metric::votes), "votes"},
                         {of(Metric::reduces), "reductions"}});
  text += list("local memory",
               {{of(Metric::local_load_requests), "loads"}, {of(Metric::local_store_requests), "stores"}});
  if (const auto blocks = of(Metric::branches); blocks != 0) {
    text += fmt::format("  {:<15}{} of {} basic blocks\n", "divergent",
                        percent_text(of(Metric::divergent_branches), blocks), count_text(blocks));
  }
  return text;
}

// --- lines and findings --------------------------------------------------------------------------------

std::string trimmed(std::string_view line) {
  const auto begin = line.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  line.remove_prefix(begin);
  std::string text(line.substr(0, line.find_last_not_of(" \t") + 1));
  std::replace(text.begin(), text.end(), '\t', ' ');
  return shortened(text, 90);
}

std::string lines_text(const KernelReport& kernel, std::size_t most, SourceText& source) {
  const std::vector<const LineReport*> lines = hottest_lines(kernel, most);
  if (lines.empty()) return "";

  Layout layout;
  layout.add(
      {"hottest lines", "of bytes", "global sectors", "/request", "shared wavefronts", "conflicts", ""});
  layout.left.push_back(6);
  const std::uint64_t all = bytes_through_sm(kernel.counters);
  for (const LineReport* line : lines) {
    const Counters& c = line->counters;
    const std::uint64_t sectors = global_sectors(c), wavefronts = shared_wavefronts(c);
    layout.add({fmt::format("  {}:{}", std::filesystem::path(line->file).filename().string(), line->line),
                percent_text(bytes_through_sm(c), all), sectors == 0 ? "" : count_text(sectors),
                sectors == 0 ? "" : ratio_text(sectors, global_requests(c)),
                wavefronts == 0 ? "" : count_text(wavefronts),
                wavefronts == 0 ? "" : count_text(bank_conflicts(c)),
                trimmed(source.line(line->file, line->line))});
  }
  return layout.text("  ");
}

std::string findings_text(const std::vector<Finding>& findings, std::string_view indent) {
  std::string text;
  for (const Finding& finding : findings) {
    const std::string where =
        finding.file.empty() ? "" : fmt::format("{}:{}: ", path_text(finding.file), finding.line);
    const std::string place = place_text(finding);
    text += fmt::format("{}{}{}: {}{}\n", indent, where, name(finding.kind), finding.message,
                        place.empty() ? "" : " (" + place + ")");
  }
  return text;
}

// --- kernels -------------------------------------------------------------------------------------------

std::string shape_text(const KernelSum::Shape& shape) {
  std::string text = fmt::format("grid {}, block {}", extent_text(shape.grid), extent_text(shape.block));
  const std::uint64_t shared = shape.static_shared_bytes + shape.dynamic_shared_bytes;
  if (shared != 0) text += fmt::format(", {} bytes of shared memory", count_text(shared));
  if (shape.resident_blocks != 0) {
    text +=
        fmt::format(", {} {} per SM", shape.resident_blocks, shape.resident_blocks == 1 ? "block" : "blocks");
  }
  return text;
}

std::string kernel_text(const KernelSum& kernel, const TextOptions& options, SourceText& source) {
  const KernelReport& total = kernel.total;
  std::string text = kernel.label + (total.gpu.empty() ? "" : " on " + total.gpu) + "\n";
  constexpr std::size_t kMostShapes = 4;
  for (std::size_t i = 0; i < std::min(kernel.shapes.size(), kMostShapes); ++i) {
    const KernelSum::Shape& shape = kernel.shapes[i];
    text += "  " + shape_text(shape);
    text += kernel.launches == 1 ? "\n" : fmt::format(", launched {} times\n", count_text(shape.launches));
  }
  if (kernel.shapes.size() > kMostShapes)
    text += fmt::format("  and {} other shapes\n", kernel.shapes.size() - kMostShapes);
  const std::string parts[] = {global_memory(total.counters), shared_memory(total.counters),
                               caches(total.counters), instructions(total.counters),
                               lines_text(total, options.hottest_lines, source)};
  for (const std::string& part : parts)
    if (!part.empty()) text += "\n" + part;
  if (!total.findings.empty()) text += "\n  findings\n" + findings_text(total.findings, "    ");
  return text;
}

std::string summary(const std::vector<KernelSum>& kernels) {
  Layout layout;
  layout.add({"kernel", "launches", "global sectors", "/request", "shared wavefronts", "L2 to SM",
              "DRAM read", "DRAM written", "findings"});
  for (const KernelSum& kernel : kernels) {
    const Counters& c = kernel.total.counters;
    layout.add({shortened(kernel.label, 40), count_text(kernel.launches), count_text(global_sectors(c)),
                ratio_text(global_sectors(c), global_requests(c)), count_text(shared_wavefronts(c)),
                bytes_text(get(c, Metric::l2_to_l1_sectors) * kSectorBytes),
                bytes_text(get(c, Metric::dram_read_bytes)), bytes_text(get(c, Metric::dram_write_bytes)),
                count_text(kernel.total.findings.size())});
  }
  return layout.text("");
}

}  // namespace

std::string text(const Report& report, const TextOptions& options) {
  const std::vector<KernelSum> kernels = sum_launches(report);
  SourceText source;
  std::string text;
  if (kernels.empty()) text += "no kernel was launched\n";
  if (kernels.size() > 1) text += summary(kernels) + "\n";
  for (std::size_t i = 0; i < kernels.size(); ++i)
    text += (i == 0 ? "" : "\n") + kernel_text(kernels[i], options, source);
  const OutsideKernels outside = outside_kernels(report);
  if (!outside.errors.empty()) text += "\noutside kernels\n" + findings_text(outside.errors, "  ");
  if (!outside.notes.empty())
    text += "\nnotes: no errors, unless --leaks asks for them\n" + findings_text(outside.notes, "  ");
  return text;
}

}  // namespace attnlab::emulator
