#include "cuda/counters/measurements.h"

#include <cstdlib>

#include "cuda/counters/table.h"
#include "reference/core/errors.h"

namespace attnlab::cuda {
namespace {

DType type_of(const Kernel& kernel, const std::string& text, const std::string& path) {
  for (const DType type : kernel.needs.dtypes)
    if (text == name(type)) return type;
  throw FileError(path, "dtype: got " + text);
}

bool same(const Shape& a, const Shape& b) {
  return a.seqlen_q == b.seqlen_q && a.seqlen_kv == b.seqlen_kv && a.head_dim == b.head_dim &&
         a.causal == b.causal && a.type == b.type && a.batch == b.batch && a.heads == b.heads &&
         a.kv_heads == b.kv_heads;
}

}  // namespace

std::optional<std::uint64_t> Measurement::sum(std::string_view counter) const {
  double total = 0;
  for (const MeasuredLaunch& launch : launches) {
    const auto at = launch.counters.find(std::string(counter));
    if (at == launch.counters.end()) return std::nullopt;
    total += at->second;
  }
  return static_cast<std::uint64_t>(total);
}

std::string Measurements::fact(const std::string& key) const {
  const auto at = about.find(key);
  return at == about.end() ? "unknown" : at->second;
}

const Measurement* Measurements::find(const Kernel& kernel, const Shape& shape) const {
  for (const Measurement& run : runs)
    if (run.kernel == &kernel && same(run.shape, shape)) return &run;
  return nullptr;
}

std::map<std::string, unsigned> Measurements::registers() const {
  std::map<std::string, unsigned> all;
  for (const Measurement& run : runs) {
    for (const MeasuredLaunch& launch : run.launches) {
      if (const auto at = launch.counters.find("launch__registers_per_thread"); at != launch.counters.end())
        all[launch.cuda_kernel] = static_cast<unsigned>(at->second);
    }
  }
  return all;
}

std::map<std::string, std::uint64_t> Measurements::code_bytes() const {
  std::map<std::string, std::uint64_t> all;
  for (const Measurement& run : runs) {
    for (const MeasuredLaunch& launch : run.launches)
      if (launch.code_bytes != 0) all[launch.cuda_kernel] = launch.code_bytes;
  }
  return all;
}

Measurements read_measurements(const std::filesystem::path& path) {
  const Table table = read_table(path);
  Measurements result;
  result.about = table.about;
  for (const Row& row : table.rows) {
    const auto text = [&](const char* column) -> const std::string& {
      const auto at = row.find(column);
      if (at == row.end()) throw FileError(path.string(), std::string("has no column ") + column);
      return at->second;
    };
    const auto number = [&](const char* column) {
      return static_cast<Index>(std::strtoll(text(column).c_str(), nullptr, 10));
    };
    if (text("step") == "0" || result.runs.empty()) {
      Shape shape;
      shape.seqlen_q = number("seqlen_q"), shape.seqlen_kv = number("seqlen_kv"),
      shape.head_dim = number("head_dim");
      shape.batch = number("batch"), shape.heads = number("heads"), shape.kv_heads = number("kv_heads");
      shape.causal = text("causal") == "1";
      const Kernel& kernel = find_kernel(text("kernel"));
      shape.type = type_of(kernel, text("dtype"), path.string());
      result.runs.push_back({&kernel, shape, {}});
    }
    MeasuredLaunch launch;
    launch.cuda_kernel = text("cuda_kernel");
    if (launch.cuda_kernel.rfind("void ", 0) == 0) launch.cuda_kernel.erase(0, 5);
    if (row.contains("code_bytes")) launch.code_bytes = static_cast<std::uint64_t>(number("code_bytes"));
    for (const auto& [column, value_text] : row) {
      char* end = nullptr;
      const double value = std::strtod(value_text.c_str(), &end);
      if (column.find("__") != std::string::npos && end != value_text.c_str() && *end == '\0')
        launch.counters[column] = value;
    }
    result.runs.back().launches.push_back(std::move(launch));
  }
  return result;
}

}  // namespace attnlab::cuda
