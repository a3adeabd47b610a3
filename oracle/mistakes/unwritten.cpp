#include "oracle/mistakes/unwritten.h"

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

// The rows of the sequence that a row of the tensor belongs to.
Rows sequence_of(const attention::Problem& problem, bool keys, const Place& at) {
  for (Index b = 0; b < problem.batch; ++b) {
    const Rows rows = keys ? problem.kv_rows(b) : problem.q_rows(b);
    if (problem.tensor_batch(b) == at.batch && at.row >= rows.begin && at.row < rows.end()) return rows;
  }
  return {at.row, 0};
}

// The longest range of rows around `row` that hold the same one number as it does, from the sequence's first.
Rows filled_around(const Tensor& tensor, Rows sequence, const Place& at) {
  const std::optional<double> value = filled(tensor, at.batch, at.head, at.row);
  if (!value || sequence.size == 0) return {0, 0};
  const auto same = [&](Index row) {
    const std::optional<double> other = filled(tensor, at.batch, at.head, row);
    return other && (*other == *value || (std::isnan(*other) && std::isnan(*value)));
  };
  Index begin = at.row, end = at.row + 1;
  while (begin > sequence.begin && same(begin - 1)) --begin;
  while (end < sequence.end() && same(end)) ++end;
  return {begin - sequence.begin, end - begin};
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
    for (const auto& [name, tensor_of_name] : tensors) {
      const Tensor* found = tensor_of_name;  // clang's lambdas take no part of a binding
      if (tensor.name != name || tensor.right || found->dim < 2 || found->seqlen < 2) continue;
      const bool keys = tensor.name == "dk" || tensor.name == "dv";
      const Place& at = tensor.worst.at;
      const auto around = [&](const Place& place) {
        return filled_around(*found, sequence_of(problem, keys, place), place);
      };
      const Rows rows = around(at);
      const Index size = sequence_of(problem, keys, at).size;
      if (rows.size == 0) continue;
      const Place first{0, 0, 0, 0}, last{found->batch - 1, found->heads - 1, found->seqlen - 1, 0};
      const auto all_of_it = [&](const Place& place) {
        return around(place).size == sequence_of(problem, keys, place).size;
      };
      if (rows.size == size && all_of_it(first) && all_of_it(last))
        return {{&find_mistake("nothing-written")}};
      if (keys || !whole_blocks(rows, size)) continue;
      const Place other{at.batch, (at.head + 1) % found->heads, at.row, 0};
      const Place elsewhere{(at.batch + 1) % found->batch, at.head, at.row, 0};
      const bool everywhere =
          (found->heads > 1 && around(other).begin == rows.begin && around(other).size == rows.size) ||
          (found->heads == 1 && found->batch > 1 && around(elsewhere).begin == rows.begin &&
           around(elsewhere).size == rows.size);
      const bool alone = found->batch * found->heads == 1;
      if (rows.end() == size && rows.begin > 0 && (everywhere || alone))
        return {{&find_mistake("tail-rows-unwritten")}};
      if (!everywhere) return {{&find_mistake("tile-unwritten")}};
    }
  }
  return {};
}

}  // namespace attnlab::oracle::mistaken
