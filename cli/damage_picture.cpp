#include "cli/damage_picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "reference/core/blocks.h"

namespace attnlab::cli {
namespace {

double share(const oracle::DamageMap& map, Index strip, Index r, Index c) {
  return static_cast<double>(map.share[static_cast<std::size_t>((strip * map.rows + r) * map.cols + c)]);
}

Picture blank(Index rows, Index cols, Index row_step, Index col_step) {
  return {rows, cols, row_step, col_step, std::vector<double>(static_cast<std::size_t>(rows * cols))};
}

}  // namespace

Picture by_heads(const oracle::DamageMap& map) {
  Picture p = blank(map.rows, map.heads, map.row_step, 1);
  for (Index r = 0; r < map.rows; ++r) {
    for (Index s = 0; s < map.heads; ++s) {
      for (Index c = 0; c < map.cols; ++c) p.at(r, s) += share(map, s, r, c);
      p.at(r, s) /= static_cast<double>(map.cols);
    }
  }
  return p;
}

Picture of_strip(const oracle::DamageMap& map, Index strip) {
  Picture p = blank(map.rows, map.cols, map.row_step, map.col_step);
  for (Index r = 0; r < map.rows; ++r) {
    for (Index c = 0; c < map.cols; ++c) p.at(r, c) = share(map, strip, r, c);
  }
  return p;
}

std::vector<Index> damaged_strips(const oracle::DamageMap& map) {
  std::vector<double> damage(static_cast<std::size_t>(map.heads));
  const auto cells = static_cast<std::size_t>(map.rows * map.cols);
  for (std::size_t n = 0; n < damage.size() * cells; ++n) {
    damage[n / cells] += static_cast<double>(map.share[n]);
  }
  std::vector<Index> strips(damage.size());
  std::iota(strips.begin(), strips.end(), Index{0});
  const auto of = [&](Index strip) { return damage[static_cast<std::size_t>(strip)]; };
  std::erase_if(strips, [&](Index strip) { return of(strip) <= 0; });
  std::ranges::stable_sort(strips, [&](Index a, Index b) { return of(a) > of(b); });
  return strips;
}

std::string strip_name(const attention::Problem& problem, const oracle::DamageMap& map, Index strip) {
  const bool keys = map.tensor == "dk" || map.tensor == "dv";
  const Index heads = keys ? problem.num_kv_heads : problem.num_heads, batches = problem.tensor_batches();
  if (map.heads != heads * batches) return fmt::format("strip {}", strip);  // several heads share one
  const std::string head = fmt::format("head {}", strip % heads);
  return batches == 1 ? head : fmt::format("batch {}, {}", strip / heads, head);
}

bool is_uniform(const oracle::DamageMap& map) {
  return std::ranges::all_of(map.share, [&](float share) { return share == map.share.front(); });
}

bool columns_differ(const Picture& p) {
  for (Index r = 0; r < p.rows; ++r) {
    for (Index c = 1; c < p.cols; ++c) {
      if (p.at(r, c) != p.at(r, 0)) return true;
    }
  }
  return false;
}

Picture shrunk(const Picture& p, Index most_rows, Index most_cols) {
  const Index down = ceil_div(p.rows, most_rows), across = ceil_div(p.cols, most_cols);
  Picture result =
      blank(ceil_div(p.rows, down), ceil_div(p.cols, across), p.row_step * down, p.col_step * across);
  for (Index r = 0; r < p.rows; ++r) {
    for (Index c = 0; c < p.cols; ++c) {
      const Index cells =
          std::min(down, p.rows - r / down * down) * std::min(across, p.cols - c / across * across);
      result.at(r / down, c / across) += p.at(r, c) / static_cast<double>(cells);
    }
  }
  return result;
}

}  // namespace attnlab::cli
