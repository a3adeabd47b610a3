#include "answers/check_scales.h"

#include <fmt/format.h>

#include <cmath>

#include "answers/form.h"
#include "reference/core/blocks.h"
#include "reference/core/errors.h"

namespace attnlab::answers {
namespace {

// The smallest power of two of rows of which `seqlen` rows make `blocks`; nothing if none does.
std::optional<Index> rows_of_block(Index seqlen, Index blocks) {
  for (Index rows = 1; rows <= std::max<Index>(seqlen, 1); rows *= 2) {
    if (ceil_div(seqlen, rows) == blocks) return rows;
  }
  return std::nullopt;
}

// Factors a group of query heads as factors a head.
std::vector<float> for_each_head(const std::vector<float>& groups, Index batch, Index num_groups,
                                 Index heads) {
  std::vector<float> all;
  for (Index b = 0; b < batch; ++b) {
    for (Index h = 0; h < heads; ++h) {
      all.push_back(groups[static_cast<std::size_t>(b * num_groups + h / (heads / num_groups))]);
    }
  }
  return all;
}

}  // namespace

std::optional<float> parse_number(const std::string& text) {
  std::size_t used = 0;
  float number = 0;
  try {
    number = std::stof(text, &used);
  } catch (const std::exception&) {
    return std::nullopt;
  }
  return used == text.size() && std::isfinite(number) ? std::optional(number) : std::nullopt;
}

void apply_scale(const std::string& text, const TensorSource& source, const std::string& field,
                 Index num_kv_heads, Tensor& tensor, std::list<std::vector<float>>& storage) {
  if (!source) {
    if (text.empty()) return;
    const std::optional<float> number = parse_number(text);
    if (!number) throw InvalidArgument(field, text, "a number or a file");
    tensor.scale = broadcast(storage.emplace_back(1, *number).data(), 1, 1, 1, 1);
    return;
  }
  std::vector<Index> shape = source.info().shape;
  std::vector<float>& values = storage.emplace_back(source.load().to_float());
  if (values.size() == 1) shape = {1, 1};
  if (shape.size() == 2 && shape[0] == tensor.batch && shape[1] == num_kv_heads && shape[1] != tensor.heads &&
      tensor.heads % shape[1] == 0) {
    values = for_each_head(values, shape[0], shape[1], tensor.heads);
    shape[1] = tensor.heads;
  }
  const std::vector<Index> given = shape;
  shape.resize(4, 1);
  const auto fits = [](Index extent, Index full) { return extent == 1 || extent == full; };
  const std::optional<Index> block = shape[2] == 1 ? Index{1} : rows_of_block(tensor.seqlen, shape[2]);
  if (given.size() < 2 || given.size() > 4 || !fits(shape[0], tensor.batch) ||
      !fits(shape[1], tensor.heads) || !block || !fits(shape[3], tensor.dim)) {
    refuse_shape(source.label, source.info().shape,
                 fmt::format("one number, [{0}, {1}], or [{0}, {1}, {2} or its blocks, {3}] with extents "
                             "that may be 1",
                             tensor.batch, tensor.heads, tensor.seqlen, tensor.dim));
  }
  tensor.scale = broadcast(values.data(), shape[0], shape[1], shape[2], shape[3]);
  tensor.scale_rows = *block;
}

}  // namespace attnlab::answers
