#include "answers/battery_process.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <optional>

#include "os/process.h"
#include "reference/core/errors.h"

namespace attnlab::answers {
namespace {

// The last line with anything on it, of the file's last bytes.
std::string last_line(const std::filesystem::path& path) {
  constexpr std::streamoff kTail = 4096;
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return "";
  file.seekg(std::max<std::streamoff>(0, static_cast<std::streamoff>(file.tellg()) - kTail));
  std::string line, last;
  while (std::getline(file, line)) {
    if (line.find_first_not_of(" \t\r") != std::string::npos) last = line;
  }
  return last;
}

}  // namespace

std::vector<std::string> split_command(const std::string& field, const std::string& command) {
  std::vector<std::string> words;
  char quote = 0;
  bool in_word = false;
  for (std::size_t n = 0; n < command.size(); ++n) {
    const char c = command[n];
    if (quote == 0 && (c == ' ' || c == '\t' || c == '\n')) {
      in_word = false;
      continue;
    }
    if (!in_word) words.emplace_back(), in_word = true;
    if (c == '\\' && quote != '\'' && n + 1 < command.size()) {
      words.back() += command[++n];
    } else if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == quote && quote != 0) {
      quote = 0;
    } else {
      words.back() += c;
    }
  }
  if (quote != 0) throw InvalidArgument(field, command, "a closing " + std::string(1, quote));
  if (words.empty() || words[0].empty()) throw InvalidArgument(field, "'" + command + "'", "a command");
  return words;
}

void require_program(const std::string& word) {
  const char* path = std::getenv("PATH");
  std::string folders = word.find('/') != std::string::npos || path == nullptr ? "" : path;
  for (std::size_t begin = 0; begin <= folders.size();) {
    const std::size_t end = std::min(folders.find(':', begin), folders.size());
    const std::filesystem::path candidate = std::filesystem::path(folders.substr(begin, end - begin)) / word;
    std::error_code ignored;
    if (access(candidate.c_str(), X_OK) == 0 && !std::filesystem::is_directory(candidate, ignored)) return;
    begin = end + 1;
  }
  throw FileError(word, "cannot be run: no such program");
}

ProcessEnd run_program(const std::vector<std::string>& words, double limit_s,
                       const std::filesystem::path& errors) {
  os::Child child(
      {.words = words, .input = "/dev/null", .output = "/dev/null", .errors = errors, .own_group = true});
  const std::optional<int> code = child.wait_for(limit_s);
  if (!code) child.kill();
  return {!code, child.wait(), last_line(errors)};
}

}  // namespace attnlab::answers
