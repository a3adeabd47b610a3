#include "reference/oracle/mistakes/unwritten.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

namespace attnlab::oracle::mistaken {
namespace {

// The number that fills a row; none where it holds several.
std::optional<double> filled(const Tensor& tensor, Index b, Index h, Index row) {
  std::vector<double> values(static_cast<std::size_t>(tensor.dim));
  read(tensor, b, h, {row, 1}, {values.data(), 1, tensor.dim, tensor.dim});
  for (const double value : values) {
    if (value != values[0] && !(std::isnan(value) && std::isnan(values[0]))) return std::nullopt;
  }
  return values[0];
}

// The longest range of rows around `row` that hold the same one number as it does.
Rows filled_around(const Tensor& tensor, const Place& at) {
  const std::optional<double> value = filled(tensor, at.batch, at.head, at.row);
  if (!value) return {at.row, 0};
  const auto same = [&](Index row) {
    const std::optional<double> other = filled(tensor, at.batch, at.head, row);
    return other && (*other == *value || (std::isnan(*other) && std::isnan(*value)));
  };
  Index begin = at.row, end = at.row + 1;
  while (begin > 0 && same(begin - 1)) --begin;
  while (end < tensor.seqlen && same(end)) ++end;
  return {begin, end - begin};
}

bool whole_blocks(Rows rows, Index seqlen) {
  for (const Index block : {16, 32, 64, 128, 256}) {
    if (rows.begin % block == 0 && (rows.size == block || rows.end() == seqlen) && rows.size <= block)
      return true;
  }
  return false;
}

}  // namespace

std::vector<Unwritten> find_unwritten(const attention::Problem& problem, const Outputs& outputs,
                                      const Verdict& verdict) {
  const std::pair<const char*, const Tensor*> tensors[] = {
      {"o", &outputs.o}, {"dq", &outputs.dq}, {"dk", &outputs.dk}, {"dv", &outputs.dv}};
  for (const TensorVerdict& tensor : verdict.tensors) {
    for (const auto& [name, found] : tensors) {
      if (tensor.name != name || tensor.right || found->dim < 2 || found->seqlen < 2) continue;
      const Rows rows = filled_around(*found, tensor.worst.at);
      if (rows.size == 0) continue;
      const bool first_and_last_too =
          filled_around(*found, {0, 0, 0, 0}).size == found->seqlen &&
          filled_around(*found, {found->batch - 1, found->heads - 1, 0, 0}).size == found->seqlen;
      if (rows.size == found->seqlen && first_and_last_too) return {{&find_mistake("nothing-written")}};
      // Rows that see no key may rightly be zeros, and packed or padded sequences end elsewhere.
      if (problem.packed() || !problem.q_lens.empty() || !whole_blocks(rows, found->seqlen)) continue;
      const attention::Head head = attention::head_of(problem, tensor.worst.at.batch, 0);
      if (head.band_begin(rows.begin) >= head.band_end(rows.begin)) continue;
      if (rows.end() != found->seqlen) return {{&find_mistake("tile-unwritten")}};
      const Place other{found->batch - 1 - tensor.worst.at.batch, found->heads - 1 - tensor.worst.at.head,
                        found->seqlen - 1, 0};
      const bool everywhere = filled_around(*found, other).begin == rows.begin;
      const bool alone = found->batch * found->heads == 1;
      if (everywhere && rows.begin > 0) return {{&find_mistake("tail-rows-unwritten")}};
      if (!everywhere || alone) return {{&find_mistake("tile-unwritten")}};
    }
  }
  return {};
}

}  // namespace attnlab::oracle::mistaken
