#include "cuda/counters/measurements.h"

#include <cstdlib>
#include <fstream>

#include "reference/core/errors.h"

namespace attnlab::cuda {
namespace {

// A line's cells; those with commas stand in quotes.
std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  for (const char letter : line) {
    if (letter == '"')
      quoted = !quoted;
    else if (letter == ',' && !quoted)
      cells.emplace_back();
    else
      cells.back() += letter;
  }
  return cells;
}

ElementType type_of(const std::string& text, const std::string& path) {
  for (const ElementType type : kElementTypes)
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

const Measurement* Measurements::find(const Kernel& kernel, const Shape& shape) const {
  for (const Measurement& run : runs)
    if (run.kernel == &kernel && same(run.shape, shape)) return &run;
  return nullptr;
}

std::map<std::string, unsigned> Measurements::registers() const {
  std::map<std::string, unsigned> all;
  for (const Measurement& run : runs)
    for (const MeasuredLaunch& launch : run.launches)
      if (const auto at = launch.counters.find("launch__registers_per_thread"); at != launch.counters.end())
        all[launch.cuda_kernel] = static_cast<unsigned>(at->second);
  return all;
}

Measurements read_measurements(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) throw FileError(path.string(), "cannot be read");
  Measurements result;
  std::vector<std::string> columns;
  for (std::string line; std::getline(file, line);) {
    if (line.empty()) continue;
    if (line[0] == '#') {
      if (const auto colon = line.find(": "); colon != std::string::npos && colon > 2)
        result.about[line.substr(2, colon - 2)] = line.substr(colon + 2);
      continue;
    }
    const auto cells = cells_of(line);
    if (columns.empty()) {
      columns = cells;
      continue;
    }
    if (cells.size() != columns.size())
      throw FileError(path.string(), "a line of " + std::to_string(cells.size()) + " cells, expected " +
                                         std::to_string(columns.size()) + ": " + line);
    std::map<std::string, std::string> row;
    for (std::size_t n = 0; n < columns.size(); ++n) row[columns[n]] = cells[n];
    const auto number = [&](const char* column) {
      return static_cast<Index>(std::strtoll(row[column].c_str(), nullptr, 10));
    };
    if (row["step"] == "0" || result.runs.empty()) {
      Shape shape;
      shape.seqlen_q = number("seqlen_q"), shape.seqlen_kv = number("seqlen_kv"),
      shape.head_dim = number("head_dim");
      shape.batch = number("batch"), shape.heads = number("heads"), shape.kv_heads = number("kv_heads");
      shape.causal = row["causal"] == "1";
      shape.type = type_of(row["dtype"], path.string());
      result.runs.push_back({&find_kernel(row["kernel"]), shape, {}});
    }
    MeasuredLaunch launch;
    launch.cuda_kernel = row["cuda_kernel"];
    if (launch.cuda_kernel.rfind("void ", 0) == 0) launch.cuda_kernel.erase(0, 5);
    for (const auto& [column, text] : row) {
      char* end = nullptr;
      const double value = std::strtod(text.c_str(), &end);
      if (column.find("__") != std::string::npos && end != text.c_str() && *end == '\0')
        launch.counters[column] = value;
    }
    result.runs.back().launches.push_back(std::move(launch));
  }
  return result;
}

}  // namespace attnlab::cuda
