#include "cli/table.h"

#include <fmt/format.h>

#include <algorithm>

namespace attnlab::cli {
namespace {

// Columns on a terminal: UTF-8 continuation bytes take none.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string quoted(const std::string& cell) {
  if (cell.find_first_of(",\"\n") == std::string::npos) return cell;
  std::string result = "\"";
  for (char c : cell) result += c == '"' ? std::string("\"\"") : std::string(1, c);
  return result + '"';
}

std::string markdown_line(const std::vector<std::string>& cells) {
  std::string line = "|";
  for (const std::string& cell : cells) {
    line += ' ';
    for (const char c : cell) line += c == '|' ? std::string("\\|") : std::string(1, c);
    line += " |";
  }
  return line + "\n";
}

}  // namespace

std::string Table::text() const {
  std::vector<std::size_t> widths(header.size());
  const auto measure = [&](const std::vector<std::string>& row) {
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], width(row[c]));
  };
  measure(header);
  for (const auto& row : rows) measure(row);

  std::string text;
  const auto append = [&](const std::vector<std::string>& row) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      const std::string padding(widths[c] - width(row[c]), ' ');
      line += c == 0 ? row[c] + padding : "  " + padding + row[c];
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  };
  append(header);
  std::size_t total = 0;
  for (std::size_t w : widths) total += w + 2;
  text += std::string(total - 2, '-') + "\n";
  for (const auto& row : rows) append(row);
  return text;
}

Table Table::columns(std::size_t begin, std::size_t end) const {
  const auto cut = [&](const std::vector<std::string>& row) {
    std::vector<std::string> cells{row.front()};
    cells.insert(cells.end(), row.begin() + static_cast<std::ptrdiff_t>(begin),
                 row.begin() + static_cast<std::ptrdiff_t>(end));
    return cells;
  };
  Table part{cut(header), {}};
  for (const auto& row : rows) part.rows.push_back(cut(row));
  return part;
}

std::string Table::csv() const {
  std::string csv;
  const auto append = [&](const std::vector<std::string>& row) {
    for (std::size_t c = 0; c < row.size(); ++c) csv += (c == 0 ? "" : ",") + quoted(row[c]);
    csv += "\n";
  };
  append(header);
  for (const auto& row : rows) append(row);
  return csv;
}

std::string Table::markdown() const {
  std::string text = markdown_line(header) + "|";
  for (std::size_t c = 0; c < header.size(); ++c) text += "---|";
  text += "\n";
  for (const auto& row : rows) text += markdown_line(row);
  return text;
}

std::string markdown(const std::vector<NamedTable>& tables) {
  std::string text;
  for (const NamedTable& one : tables)
    text += (text.empty() ? "## " : "\n## ") + one.name + "\n\n" + one.table.markdown();
  return text;
}

}  // namespace attnlab::cli
