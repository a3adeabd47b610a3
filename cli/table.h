// Tables of text, and the same rows as CSV.
#pragma once

#include <string>
#include <vector>

namespace attnlab::cli {

struct Table {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;

  // Columns padded to their widest cell; the first to the left, the others to the right.
  std::string text() const;
  // The same rows with the first column and those of [begin, end).
  Table columns(std::size_t begin, std::size_t end) const;
  // As RFC 4180: cells with a comma, a quote or a line break are quoted.
  std::string csv() const;
  // As a table of Markdown.
  std::string markdown() const;
};

// A table with the name under which a page asks for it (tests/docs.py).
struct NamedTable {
  std::string name;
  Table table;
};
// Each under its name as a heading.
std::string markdown(const std::vector<NamedTable>& tables);

}  // namespace attnlab::cli
