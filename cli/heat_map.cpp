// The damage of a tensor as lines of shades.
#include <fmt/format.h>

#include "cli/damage_picture.h"
#include "cli/screen.h"

namespace attnlab::cli {
namespace {

constexpr Index kMostLines = 32;
constexpr int kMargin = 12;  // columns of the screen to the left of a picture, and a space behind it

// "2 heads" for n = 2, "a head" for 1.
std::string some(Index n, const char* one, const char* many) {
  return n == 1 ? std::string(one) : fmt::format("{} {}", n, many);
}

std::string lines(const std::string& what, const Picture& full, const char* one, const char* many,
                  const Screen& screen) {
  const Picture p = shrunk(full, kMostLines, screen.columns - kMargin);
  std::string text = fmt::format("  {}; a line is {}, a character {}\n", what,
                                 some(p.row_step, "a row", "rows"), some(p.col_step, one, many));
  const auto cells = [&](Index r) {
    std::string shades;
    for (Index c = 0; c < p.cols; ++c) shades += screen.shade(p.at(r, c));
    return shades;
  };
  const auto line = [&](Index r) { return fmt::format("  {:>7}  {}\n", r * p.row_step, cells(r)); };
  for (Index r = 0; r < p.rows; ++r) {
    // Of many equal lines the first and the last are enough.
    constexpr Index kMostEqual = 3;
    Index equal = 1;
    while (r + equal < p.rows && cells(r + equal) == cells(r)) ++equal;
    text += line(r);
    if (equal <= kMostEqual) continue;
    text += fmt::format("  {:>7}\n", "...");
    r += equal - 1;
    text += line(r);
  }
  return text;
}

}  // namespace

std::string heat_map(const attention::Problem& problem, const oracle::DamageMap& map, const Screen& screen) {
  const std::vector<Index> strips = damaged_strips(map);
  if (strips.empty()) return "";
  std::string key;
  for (const double level : {0.0, 0.1, 0.3, 0.6, 1.0}) key += screen.shade(level);
  std::string text =
      fmt::format("damage of {}: {}   ({} from right to all wrong)\n", map.tensor, map.text, key);
  if (is_uniform(map)) return text;
  if (map.heads > 1) text += lines("rows by heads", by_heads(map), "a head", "heads", screen);
  const Picture worst = of_strip(map, strips.front());
  if (map.heads == 1 || columns_differ(worst)) {
    const std::string what =
        map.heads == 1 ? "rows by columns" : strip_name(problem, map, strips.front()) + ", rows by columns";
    text += lines(what, worst, "a column", "columns", screen);
  }
  return text;
}

}  // namespace attnlab::cli
