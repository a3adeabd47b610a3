// Numbers, sums and source lines for the reports.
#include "simulator/emulator/report/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <tuple>
#include <utility>

namespace attnlab::emulator {
namespace {

bool equal(const Index3& a, const Index3& b) { return a.x == b.x && a.y == b.y && a.z == b.z; }

bool same_shape(const KernelSum::Shape& shape, const KernelReport& kernel) {
  return equal(shape.grid, kernel.grid) && equal(shape.block, kernel.block) &&
         shape.static_shared_bytes == kernel.static_shared_bytes &&
         shape.dynamic_shared_bytes == kernel.dynamic_shared_bytes;
}

void add_shape(KernelSum& sum, const KernelReport& kernel) {
  const auto known = std::find_if(sum.shapes.begin(), sum.shapes.end(),
                                  [&](const auto& shape) { return same_shape(shape, kernel); });
  if (known != sum.shapes.end()) {
    ++known->launches;
  } else {
    sum.shapes.push_back({kernel.grid, kernel.block, kernel.static_shared_bytes, kernel.dynamic_shared_bytes,
                          kernel.resident_blocks, 1});
  }
}

void add_findings(std::vector<Finding>& sum, const std::vector<Finding>& findings) {
  for (const Finding& finding : findings) {
    const auto same = std::find_if(sum.begin(), sum.end(), [&](const Finding& other) {
      return std::tie(other.kind, other.line, other.file) ==
             std::tie(finding.kind, finding.line, finding.file);
    });
    if (same == sum.end())
      sum.push_back(finding);
    else
      same->count += finding.count;
  }
}

using LineSums = std::map<std::pair<std::string, unsigned>, Counters>;

}  // namespace

void add(Counters& sum, const Counters& other) {
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += other[i];
}

std::uint64_t global_requests(const Counters& c) {
  return get(c, Metric::global_load_requests) + get(c, Metric::global_store_requests) +
         get(c, Metric::global_atomic_requests) + get(c, Metric::global_reduction_requests) +
         get(c, Metric::async_copy_requests);
}

std::uint64_t global_sectors(const Counters& c) {
  return get(c, Metric::global_load_sectors) + get(c, Metric::global_store_sectors) +
         get(c, Metric::global_atomic_sectors) + get(c, Metric::global_reduction_sectors) +
         get(c, Metric::async_copy_sectors);
}

std::uint64_t shared_wavefronts(const Counters& c) {
  return get(c, Metric::shared_load_wavefronts) + get(c, Metric::shared_store_wavefronts);
}

std::uint64_t bank_conflicts(const Counters& c) {
  return get(c, Metric::shared_load_conflicts) + get(c, Metric::shared_store_conflicts);
}

std::uint64_t bytes_through_sm(const Counters& c) {
  return global_sectors(c) * kSectorBytes + shared_wavefronts(c) * kWavefrontBytes;
}

std::uint64_t thread_flops(const Counters& c) {
  return 2 * get(c, Metric::thread_fma) + get(c, Metric::thread_fadd) + get(c, Metric::thread_fmul);
}

std::string count_text(std::uint64_t count) {
  std::string text = std::to_string(count);
  for (std::size_t i = text.size(); i > 3; i -= 3) text.insert(i - 3, ",");
  return text;
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array<const char*, 6> kPrefixes{"k", "M", "G", "T", "P", "E"};
  if (bytes < 1000) return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes) / 1000;
  std::size_t p = 0;
  for (; value >= 999.5 && p + 1 < kPrefixes.size(); ++p) value /= 1000;  // 999.5 would print as 1000
  return fmt::format("{:.{}f} {}B", value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0, kPrefixes[p]);
}

std::string ratio_text(std::uint64_t numerator, std::uint64_t denominator) {
  if (denominator == 0) return "-";
  return fmt::format("{:.2f}", static_cast<double>(numerator) / static_cast<double>(denominator));
}

std::string percent_text(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return "-";
  return fmt::format("{:.1f}%", 100 * static_cast<double>(part) / static_cast<double>(whole));
}

std::string extent_text(const Index3& extent) {
  std::string text = std::to_string(extent.x);
  if (extent.y != 1 || extent.z != 1) text += fmt::format(" x {}", extent.y);
  if (extent.z != 1) text += fmt::format(" x {}", extent.z);
  return text;
}

std::string place_text(const Finding& finding) {
  const Index3 &b = finding.block, &t = finding.thread;
  const bool in_thread = finding.kind != FindingKind::refused_launch && !finding.kernel.empty();
  std::string text = in_thread ? "" : finding.kernel;
  if (in_thread) text = fmt::format("block ({},{},{}) thread ({},{},{})", b.x, b.y, b.z, t.x, t.y, t.z);
  if (finding.count > 1)
    text += fmt::format("{}{} times", text.empty() ? "" : ", ", count_text(finding.count));
  return text;
}

OutsideKernels outside_kernels(const Report& report) {
  OutsideKernels result;
  for (const Finding& finding : report.findings)
    (is_note(finding) ? result.notes : result.errors).push_back(finding);
  return result;
}

std::string path_text(const std::string& path) {
  std::error_code error;
  const std::filesystem::path here = std::filesystem::current_path(error);
  const std::filesystem::path relative = std::filesystem::path(path).lexically_relative(here);
  const bool below = !error && !relative.empty() && *relative.begin() != "..";
  return below ? relative.string() : path;
}

std::vector<KernelSum> sum_launches(const Report& report) {
  std::vector<KernelSum> sums;
  std::vector<LineSums> lines;
  std::map<std::string, std::size_t> index;
  for (const KernelReport& kernel : report.kernels) {
    const auto [known, is_new] = index.emplace(kernel.name, sums.size());
    if (is_new) {
      KernelReport& total = sums.emplace_back().total;
      total.name = kernel.name;
      total.grid = kernel.grid;
      total.block = kernel.block;
      total.static_shared_bytes = kernel.static_shared_bytes;
      total.dynamic_shared_bytes = kernel.dynamic_shared_bytes;
      total.resident_blocks = kernel.resident_blocks;
      total.gpu = kernel.gpu;
      lines.emplace_back();
    }
    KernelSum& sum = sums[known->second];
    ++sum.launches;
    add_shape(sum, kernel);
    add(sum.total.counters, kernel.counters);
    for (const LineReport& line : kernel.lines)
      add(lines[known->second][{line.file, line.line}], line.counters);
    add_findings(sum.total.findings, kernel.findings);
  }
  for (std::size_t i = 0; i < sums.size(); ++i) {
    for (const auto& [place, counters] : lines[i])
      sums[i].total.lines.push_back({place.first, place.second, counters});
  }
  std::map<std::string, int> users;
  for (const KernelSum& sum : sums) ++users[without_namespaces(sum.total.name)];
  for (KernelSum& sum : sums) {
    sum.label = without_namespaces(sum.total.name);
    if (users.at(sum.label) > 1) sum.label = sum.total.name;
  }
  return sums;
}

std::string without_namespaces(const std::string& kernel) {
  std::size_t begin = 0;
  int depth = 0;  // of template arguments, parameters, "(anonymous namespace)"
  for (std::size_t i = 0; i + 2 < kernel.size(); ++i) {
    if (kernel[i] == '<' || kernel[i] == '(') ++depth;
    if (kernel[i] == '>' || kernel[i] == ')') --depth;
    if (kernel[i] == '<' || (kernel[i] == '(' && i > begin)) break;  // what follows are arguments
    if (depth == 0 && kernel.compare(i, 2, "::") == 0) begin = i + 2;
  }
  return kernel.substr(begin);
}

std::vector<const LineReport*> hottest_lines(const KernelReport& kernel, std::size_t most) {
  std::vector<const LineReport*> lines;
  for (const LineReport& line : kernel.lines)
    if (bytes_through_sm(line.counters) != 0) lines.push_back(&line);
  std::stable_sort(lines.begin(), lines.end(), [](const LineReport* a, const LineReport* b) {
    return bytes_through_sm(a->counters) > bytes_through_sm(b->counters);
  });
  if (lines.size() > most) lines.resize(most);
  return lines;
}

const std::optional<std::vector<std::string>>& SourceText::file(const std::string& path) {
  const auto known = files_.find(path);
  if (known != files_.end()) return known->second;
  auto& lines = files_[path];
  std::error_code error;
  std::ifstream stream;
  if (std::filesystem::is_regular_file(path, error)) stream.open(path, std::ios::binary);
  if (stream.is_open()) {
    lines.emplace();
    for (std::string line; std::getline(stream, line);) {
      if (!line.empty() && line.back() == '\r') line.pop_back();
      lines->push_back(std::move(line));
    }
  }
  return lines;
}

std::string_view SourceText::line(const std::string& path, unsigned number) {
  const auto& lines = file(path);
  if (!lines || number == 0 || number > lines->size()) return {};
  return (*lines)[number - 1];
}

}  // namespace attnlab::emulator
