// Students' tests: rows of numbers that show which of the lab's softmax functions are wrong. mutants.cpp has them: 0 is
// right, 1 to `mutants --mutants` are wrong; a mutant is killed by a row on which it is wrong.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>

#include "answers/labs/grading.h"
#include "oracle/softmax_rows.h"
#include "os/process.h"
#include "reference/core/errors.h"

namespace attnlab::answers::labs {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostRows = 5, kMostNumbers = 4096;

float number_of(const fs::path& path, const std::string& word) {
  if (word == "inf" || word == "-inf") return word[0] == '-' ? -INFINITY : INFINITY;
  float value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc{} || end != word.data() + word.size() || std::isnan(value))
    throw FileError(path.string(), "has \"" + word + "\", expected a number, inf or -inf");
  return value;
}

std::vector<std::vector<float>> read_rows(const fs::path& path) {
  constexpr std::uintmax_t kMostBytes = 1 << 20;
  require_plain_file(path, kMostBytes);
  std::ifstream file(path);
  if (!file) throw FileError(path.string(), "cannot be read");
  std::vector<std::vector<float>> rows;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::vector<float> row;
    for (std::string word; words >> word;) {
      row.push_back(number_of(path, word));
      if (row.size() > kMostNumbers)
        throw FileError(path.string(), fmt::format("has a row of more than {} numbers", kMostNumbers));
    }
    if (!row.empty()) rows.push_back(row);
  }
  if (rows.size() > kMostRows)
    throw FileError(path.string(), fmt::format("has {} rows, expected at most {}", rows.size(), kMostRows));
  return rows;
}

class Mutants {
 public:
  Mutants(const fs::path& folder, std::size_t ways) : ways_(ways) {
    // An installation has the program: its source would say what is right.
    if (const fs::path built = folder / "mutants"; fs::exists(built)) {
      program_ = built.string();
      return;
    }
    program_ = (work_.path() / "mutants").string();
    const std::string source = (folder / "mutants.cpp").string();
    const std::vector<std::string> words = {"g++",  "-std=c++17", "-O1",   "-I" + folder.string(),
                                            source, "-o",         program_};
    if (os::run({.words = words}) != 0) throw FileError(source, "does not compile");
  }
  int count() const { return std::stoi(os::output_of({.words = {program_, "--mutants"}})); }

  // Whether mutant `number` is wrong on the row, in any of the ways.
  bool is_wrong(int number, const std::vector<float>& row) const {
    const fs::path in = work_.path() / "in", out = work_.path() / "out";
    std::ofstream(in, std::ios::binary) << file_of(fmt::format("softmax 1 {}", row.size()), {&row});
    const int code = os::run({.words = {program_, "--mutant", std::to_string(number), "--input", in.string(),
                                        "--output", out.string()},
                              .output = "/dev/null",
                              .errors = "/dev/null"});
    std::ifstream file(out, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    if (code != 0 || bytes.size() < ways_ * row.size() * sizeof(float)) return true;
    std::vector<float> y(ways_ * row.size());
    std::memcpy(y.data(), bytes.data(), y.size() * sizeof(float));
    const auto cols = static_cast<Index>(row.size());
    for (std::size_t way = 0; way < ways_; ++way) {
      const float* const result = y.data() + way * row.size();
      if (!(oracle::softmax_error({row.data(), 1, cols, cols}, {result, 1, cols, cols}, DType::f32) <= 1))
        return true;
    }
    return false;
  }

 private:
  std::size_t ways_;
  os::TemporaryDirectory work_;
  std::string program_;
};

}  // namespace

// Points in proportion to the mutants killed; none where a row finds fault with the right one.
Grading::Judgement Grading::tests(const Property& property) {
  if (question_.right_tests) return {true, "taken as found out", -1};
  const fs::path path = question_.tests.value_or(question_.source.parent_path() / "tests.txt");
  if (!question_.tests && !fs::exists(path))
    return {false, "no tests.txt beside the submission: rows of numbers that show which softmax is wrong",
            -1};
  std::vector<std::vector<float>> rows;
  try {
    rows = read_rows(path);
  } catch (const FileError& error) {
    return {false, path.filename().string() + " " + error.problem(), -1};
  }
  const Mutants mutants(lab_.folder, std::max<std::size_t>(lab_.ways.size(), 1));
  for (std::size_t n = 0; n < rows.size(); ++n) {
    if (mutants.is_wrong(0, rows[n]))
      return {false, fmt::format("row {} is no input that softmax has an answer for", n + 1), -1};
  }
  std::vector<int> alive;
  const int count = mutants.count();
  for (int mutant = 1; mutant <= count; ++mutant) {
    const bool killed =
        std::any_of(rows.begin(), rows.end(), [&](const auto& row) { return mutants.is_wrong(mutant, row); });
    if (!killed) alive.push_back(mutant);
  }
  const int killed = count - static_cast<int>(alive.size());
  const std::string text = fmt::format("{} of {} wrong functions are found out", killed, count);
  return {alive.empty(), text, count == 0 ? property.points : property.points * killed / count};
}

}  // namespace attnlab::answers::labs
