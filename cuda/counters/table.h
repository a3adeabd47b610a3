// Tables of measurements on disk: CSV with a header, and comment lines "# key: value" before it.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace attnlab::cuda {

using Row = std::map<std::string, std::string>;  // by column

struct Table {
  std::map<std::string, std::string> about;  // the comment lines
  std::vector<Row> rows;
};

// Throws FileError for a file that cannot be read, or a line whose cells are not as many as the header's.
Table read_table(const std::filesystem::path& path);

}  // namespace attnlab::cuda
