#include "oracle/damage.h"

#include <algorithm>
#include <map>
#include <set>

#include "reference/core/blocks.h"

namespace attnlab::oracle {
namespace {

// "3", "4..7"
std::string range_text(Index first, Index last) {
  return first == last ? std::to_string(first) : std::to_string(first) + ".." + std::to_string(last);
}

// Ascending numbers as a few ranges, or what structure they have: multiples of a tile size, a place in it.
std::string describe_numbers(const std::vector<Index>& numbers, Index extent, const std::string& one,
                             const std::string& many) {
  if (static_cast<Index>(numbers.size()) == extent) return extent == 1 ? "" : "all " + many;
  std::vector<std::pair<Index, Index>> ranges;
  for (const Index n : numbers) {
    if (!ranges.empty() && ranges.back().second + 1 == n) {
      ranges.back().second = n;
    } else {
      ranges.emplace_back(n, n);
    }
  }
  if (ranges.size() > 3) {
    // The same places of every tile? Every number lies in them, and most of these places are damaged.
    for (Index tile = 2; tile <= 256; tile *= 2) {
      std::set<Index> places;
      for (const Index n : numbers) places.insert(n % tile);
      const Index whole_tiles = extent / tile;
      const auto expected = static_cast<double>(places.size()) * static_cast<double>(whole_tiles);
      if (static_cast<Index>(places.size()) <= tile / 2 &&
          static_cast<double>(numbers.size()) > 0.7 * expected &&
          *places.rbegin() - *places.begin() + 1 == static_cast<Index>(places.size())) {
        return many + " " + range_text(*places.begin(), *places.rbegin()) + " of every " +
               std::to_string(tile);
      }
    }
    const Index span = numbers.back() - numbers.front() + 1;
    std::string text = std::to_string(numbers.size()) + " " + many + " from " +
                       std::to_string(numbers.front()) + " to " + std::to_string(numbers.back());
    if (static_cast<double>(numbers.size()) > 0.9 * static_cast<double>(span))
      text = "nearly all " + text.substr(text.find(many));
    return text;
  }
  std::string text = numbers.size() == 1 ? one + " " : many + " ";
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    text += (i == 0                   ? ""
             : i + 1 == ranges.size() ? " and "
                                      : ", ") +
            range_text(ranges[i].first, ranges[i].second);
  }
  return text;
}

std::string describe_heads(const std::map<Index, std::vector<Index>>& rows, const attention::Problem& p,
                           Index heads) {
  std::set<Index> batches, in_heads;
  for (const auto& [strip, list] : rows) batches.insert(strip / heads), in_heads.insert(strip % heads);
  const auto numbers = [](const std::set<Index>& set) { return std::vector<Index>(set.begin(), set.end()); };
  const Index entries = p.tensor_batches();
  const bool product = rows.size() == batches.size() * in_heads.size();
  const bool every_head = static_cast<Index>(in_heads.size()) == heads && product;
  const bool every_batch = static_cast<Index>(batches.size()) == entries;
  if (every_head && every_batch) return heads * entries == 1 ? "" : " of every head";
  if (!product)
    return " of " + std::to_string(rows.size()) + " of " + std::to_string(heads * entries) + " heads";
  std::string text;
  if (!every_head) text = " of " + describe_numbers(numbers(in_heads), heads, "head", "heads");
  if (every_head) text = " of every head";
  if (!every_batch)
    text += " of " + describe_numbers(numbers(batches), entries, "batch entry", "batch entries");
  return text;
}

}  // namespace

void Damage::add(const WrongRow& row) {
  if (rows.size() < kMostRows) {
    rows.push_back(row);
  } else {
    ++left_out;
  }
}

void Damage::merge(Damage&& later) {
  const std::size_t room = kMostRows - rows.size(), taken = std::min(room, later.rows.size());
  rows.insert(rows.end(), later.rows.begin(), later.rows.begin() + static_cast<std::ptrdiff_t>(taken));
  left_out += later.left_out + (later.rows.size() - taken);
  if (columns.empty()) columns.assign(later.columns.size(), 0);
  for (std::size_t c = 0; c < later.columns.size(); ++c) columns[c] += later.columns[c];
}

DamageMap describe(const Damage& damage, const std::string& tensor, const attention::Problem& p, Index heads,
                   Index rows, Index cols) {
  constexpr Index kMostCells = Index{1} << 20;
  DamageMap map;
  map.tensor = tensor;
  map.heads = heads * p.tensor_batches();
  map.col_step = column_step(cols);
  map.cols = ceil_div(cols, map.col_step);
  map.row_step = 16;
  while (map.heads * ceil_div(rows, map.row_step) * map.cols > kMostCells && map.row_step < rows)
    map.row_step *= 2;
  map.rows = ceil_div(rows, map.row_step);
  if (map.heads * map.rows * map.cols > kMostCells)
    map.heads = std::max<Index>(1, kMostCells / (map.rows * map.cols));
  std::vector<float>& share = map.share;
  share.assign(static_cast<std::size_t>(map.heads * map.rows * map.cols), 0);
  std::map<Index, std::vector<Index>> by_strip;
  for (const WrongRow& row : damage.rows) {
    const Index strip = row.batch * heads + row.head;
    by_strip[strip].push_back(row.row);
    const Index shown = strip % map.heads;
    const Index in_cell = std::min(map.row_step, rows - row.row / map.row_step * map.row_step);
    for (Index c = 0; c < map.cols; ++c) {
      const Index width = std::min(map.col_step, cols - c * map.col_step);
      share[static_cast<std::size_t>((shown * map.rows + row.row / map.row_step) * map.cols + c)] +=
          static_cast<float>(row.cells[static_cast<std::size_t>(c)]) / static_cast<float>(width * in_cell);
    }
  }
  for (float& s : share) s = std::min(s, 1.0f);

  std::set<Index> all_rows;
  for (auto& [strip, list] : by_strip) all_rows.insert(list.begin(), list.end());
  std::vector<Index> wrong_cols;
  for (std::size_t c = 0; c < damage.columns.size(); ++c) {
    if (damage.columns[c] > 0) wrong_cols.push_back(static_cast<Index>(c));
  }
  map.text = describe_numbers({all_rows.begin(), all_rows.end()}, rows, "row", "rows");
  if (map.text.empty()) map.text = "the only row";
  map.text += describe_heads(by_strip, p, heads);
  if (cols > 1) map.text += ", " + describe_numbers(wrong_cols, cols, "column", "columns");
  if (damage.left_out > 0) map.text += " (and " + std::to_string(damage.left_out) + " rows more)";
  return map;
}

}  // namespace attnlab::oracle
