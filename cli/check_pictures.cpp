#include "cli/check_pictures.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "cli/damage_picture.h"

namespace attnlab::cli {
namespace {

constexpr Index kMostRows = 192, kMostCols = 160;
constexpr std::size_t kMostHeads = 4;  // shown on their own

std::string range(const char* one, const char* many, Index begin, Index end) {
  return end - begin == 1 ? fmt::format("{} {}", one, begin) : fmt::format("{} {}..{}", many, begin, end - 1);
}

// What a place of a picture is called, by the range of its cells' columns.
using ColumnName = std::function<std::string(Index begin, Index end)>;

std::string figure(const std::string& caption, const Picture& full, Index rows, Index cols,
                   const ColumnName& column_name) {
  const Picture p = shrunk(full, kMostRows, kMostCols);
  const double width = std::clamp(480.0 / static_cast<double>(p.cols), 3.0, 16.0);
  const double height = std::clamp(400.0 / static_cast<double>(p.rows), 2.0, 16.0);
  constexpr double kLeft = 46, kTop = 4;
  std::string cells, labels;
  const auto row_end = [&](Index r) { return std::min(rows, (r + 1) * p.row_step); };
  const auto col_end = [&](Index c) { return std::min(cols, (c + 1) * p.col_step); };
  double next_label = 0;
  for (Index r = 0; r < p.rows; ++r) {
    const double y = kTop + static_cast<double>(r) * height;
    if (y >= next_label) {
      labels += fmt::format("<text x=\"{:g}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>", kLeft - 5, y + 9,
                            r * p.row_step);
      next_label = y + 40;
    }
    for (Index c = 0; c < p.cols;) {
      Index end = c + 1;
      while (end < p.cols && p.at(r, end) == p.at(r, c)) ++end;
      if (const double share = p.at(r, c); share > 0) {
        cells += fmt::format(
            "<rect class=\"cell\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" "
            "fill-opacity=\"{:.2f}\"><title>{}, {}: {:.3g} % wrong</title></rect>\n",
            kLeft + static_cast<double>(c) * width, y, static_cast<double>(end - c) * width, height,
            0.2 + 0.8 * share, range("row", "rows", r * p.row_step, row_end(r)),
            column_name(c * p.col_step, col_end(end - 1)), 100 * share);
      }
      c = end;
    }
  }
  const double all_width = static_cast<double>(p.cols) * width,
               all_height = static_cast<double>(p.rows) * height;
  return fmt::format(
      "<figure><figcaption>{}</figcaption><svg width=\"{:.0f}\" height=\"{:.0f}\" viewBox=\"0 0 {:.0f} "
      "{:.0f}\">"
      "<rect class=\"all\" x=\"{:g}\" y=\"{:g}\" width=\"{:.1f}\" "
      "height=\"{:.1f}\"><title>right</title></rect>\n"
      "{}{}</svg></figure>\n",
      caption, kLeft + all_width + 4, kTop + all_height + 4, kLeft + all_width + 4, kTop + all_height + 4,
      kLeft, kTop, all_width, all_height, cells, labels);
}

struct Extents {
  Index heads, rows, cols;
};

Extents extents(const attention::Problem& p, const std::string& tensor) {
  const bool keys = tensor == "dk" || tensor == "dv";
  return {keys ? p.num_kv_heads : p.num_heads, keys ? p.tensor_rows_kv() : p.tensor_rows_q(),
          tensor == "lse"                   ? 1
          : tensor == "o" || tensor == "dv" ? p.head_dim_v
                                            : p.head_dim};
}

}  // namespace

std::string pictures(const attention::Problem& problem, const oracle::DamageMap& map) {
  const Extents e = extents(problem, map.tensor);
  const auto name = [&](Index strip) { return strip_name(problem, map, strip); };
  std::string text;
  if (map.heads > 1) {
    text += figure("rows by heads", by_heads(map), e.rows, map.heads, [&](Index begin, Index end) {
      return end - begin == 1 ? name(begin) : name(begin) + " to " + name(end - 1);
    });
  }
  if (e.cols > 1) {
    const std::vector<Index> strips = damaged_strips(map);
    for (std::size_t n = 0; n < strips.size() && n < kMostHeads; ++n) {
      text += figure(name(strips[n]) + ", rows by columns", of_strip(map, strips[n]), e.rows, e.cols,
                     [](Index begin, Index end) { return range("column", "columns", begin, end); });
    }
  }
  return text;
}

}  // namespace attnlab::cli
