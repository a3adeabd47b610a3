#include "cuda/counters/table.h"

#include <fstream>

#include "reference/core/errors.h"

namespace attnlab::cuda {
namespace {

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

}  // namespace

Table read_table(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) throw FileError(path.string(), "cannot be read");
  Table table;
  std::vector<std::string> columns;
  for (std::string line; std::getline(file, line);) {
    if (line.empty()) continue;
    if (line[0] == '#') {
      if (const auto colon = line.find(": "); colon != std::string::npos && colon > 2)
        table.about[line.substr(2, colon - 2)] = line.substr(colon + 2);
      continue;
    }
    const auto cells = cells_of(line);
    if (columns.empty()) {
      columns = cells;
      continue;
    }
    if (cells.size() != columns.size()) {
      throw FileError(path.string(), "a line of " + std::to_string(cells.size()) + " cells, expected " +
                                         std::to_string(columns.size()) + ": " + line);
    }
    Row& row = table.rows.emplace_back();
    for (std::size_t n = 0; n < columns.size(); ++n) row[columns[n]] = cells[n];
  }
  return table;
}

}  // namespace attnlab::cuda
