#include "reference/heads/gqa_convert.h"

#include <cmath>
#include <numbers>
#include <string>

#include "reference/core/errors.h"
#include "reference/core/philox.h"
#include "reference/core/shape.h"

namespace attnlab::heads {
namespace {

struct PoolingName {
  Pooling pooling;
  std::string_view name;
};
constexpr PoolingName kNames[] = {
    {Pooling::mean, "mean"}, {Pooling::first, "first"}, {Pooling::random, "random"}};

// The mean of rows r, r + head_dim, ... of one group at column c, as the first value plus the mean distance
// from it: equal values give exactly that value, -0 too.
template <class T>
T mean(MatrixView<const T> heads, Index head_dim, Index group_size, Index r, Index c) {
  const double first = heads(r, c);
  double distance = 0;
  for (Index h = 1; h < group_size; ++h) distance += static_cast<double>(heads(h * head_dim + r, c)) - first;
  return distance == 0 ? heads(r, c) : static_cast<T>(first + distance / static_cast<double>(group_size));
}

template <class T>
double root_mean_square(MatrixView<const T> weight) {
  double sum = 0;
  for (Index r = 0; r < weight.rows; ++r) {
    for (Index c = 0; c < weight.cols; ++c)
      sum += static_cast<double>(weight(r, c)) * static_cast<double>(weight(r, c));
  }
  const Index count = weight.rows * weight.cols;
  return count == 0 ? 0 : std::sqrt(sum / static_cast<double>(count));
}

// The index-th normal number of the stream (Box and Muller 1958).
double normal(const GroupConversion& conversion, Index index) {
  const Philox4x32 words = philox(conversion.seed, static_cast<std::uint64_t>(index), conversion.stream);
  const double u = (words[0] + 1.0) / 4294967296.0, v = words[1] / 4294967296.0;  // u in (0, 1]
  return std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
}

}  // namespace

Pooling parse_pooling(std::string_view text) {
  std::string names;
  for (const PoolingName& known : kNames) {
    if (known.name == text) return known.pooling;
    names += (names.empty() ? "" : ", ") + std::string(known.name);
  }
  throw InvalidArgument("method", "'" + std::string(text) + "'", "one of " + names);
}

std::string_view name(Pooling pooling) { return kNames[static_cast<std::size_t>(pooling)].name; }

void validate(const GroupConversion& conversion) {
  const Index heads = conversion.num_heads, groups = conversion.num_groups;
  if (heads < 1) throw InvalidArgument("heads", std::to_string(heads), "at least 1");
  if (groups < 1 || heads % groups != 0) {
    throw InvalidArgument("groups", std::to_string(groups),
                          "a divisor of the " + std::to_string(heads) + " heads");
  }
}

template <class T>
void convert_projection(const GroupConversion& conversion, MatrixView<const T> weight, MatrixView<T> result) {
  validate(conversion);
  const Index heads = conversion.num_heads, groups = conversion.num_groups;
  if (weight.rows % heads != 0) {
    throw InvalidArgument("weight", shape_text({weight.rows, weight.cols}),
                          "rows that are a multiple of the " + std::to_string(heads) + " heads");
  }
  const Index head_dim = weight.rows / heads, group_size = heads / groups;
  require_shape("result", result, groups * head_dim, weight.cols);
  const double size = conversion.pooling == Pooling::random ? root_mean_square(weight) : 0;
  for (Index row = 0; row < result.rows; ++row) {
    const Index g = row / head_dim, r = row % head_dim;
    const auto group = weight.middle({g * group_size * head_dim, group_size * head_dim});
    for (Index c = 0; c < result.cols; ++c) {
      switch (conversion.pooling) {
        case Pooling::mean:
          result(row, c) = mean(group, head_dim, group_size, r, c);
          break;
        case Pooling::first:
          result(row, c) = group(r, c);
          break;
        case Pooling::random:
          result(row, c) = static_cast<T>(size * normal(conversion, row * result.cols + c));
          break;
      }
    }
  }
}

template void convert_projection(const GroupConversion&, MatrixView<const float>, MatrixView<float>);
template void convert_projection(const GroupConversion&, MatrixView<const double>, MatrixView<double>);

}  // namespace attnlab::heads
