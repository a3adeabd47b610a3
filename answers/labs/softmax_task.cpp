// y = softmax(x), row by row.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "answers/labs/task.h"
#include "oracle/softmax_rows.h"
#include "reference/core/random.h"

namespace attnlab::answers::labs {
namespace {

using Draw = float (*)(Random& random, Index row, Index col, Index cols);
struct Data {
  const char* name;
  Draw draw;
};

// So far from 0 that exp overflows, and underflows, where the row's maximum is not subtracted.
float large(Random& random, Index row, Index, Index) {
  constexpr double kOffset = 1000, kSpread = 50;
  return static_cast<float>((row % 2 == 0 ? kOffset : -kOffset) + kSpread * random.normal());
}

constexpr Data kData[] = {
    {"normal", [](Random& random, Index, Index, Index) { return static_cast<float>(random.normal()); }},
    {"large", large},
    {"rising", [](Random& random, Index, Index col,
                  Index) { return static_cast<float>(static_cast<double>(col) / 4 + random.uniform() / 8); }},
    {"falling",
     [](Random& random, Index, Index col, Index cols) {
       return static_cast<float>(static_cast<double>(cols - col) / 4 + random.uniform() / 8);
     }},
    {"masked",
     [](Random& random, Index row, Index, Index) {
       const float value = static_cast<float>(random.normal());
       return row % 3 == 2 || random.one_in(3) ? -INFINITY : value;
     }},
    {"equal", [](Random&, Index row, Index, Index) { return static_cast<float>(row); }},
};

std::vector<std::string> data() {
  std::vector<std::string> names;
  for (const Data& row : kData) names.emplace_back(row.name);
  return names;
}

// One way's result: where it is farthest from the truth.
std::optional<std::string> judge(const std::vector<float>& x, const float* y, Index rows, Index cols) {
  for (Index row = 0; row < rows; ++row) {
    const float* const in = x.data() + row * cols;
    const float* const out = y + row * cols;
    if (oracle::softmax_error({in, 1, cols, cols}, {out, 1, cols, cols}, DType::f32) <= 1) continue;
    double largest = -INFINITY, sum = 0, worst = -1, expected_there = 0;
    Index at = 0;
    for (Index col = 0; col < cols; ++col) largest = std::max(largest, double{in[col]});
    const auto weight = [&](Index col) { return in[col] == -INFINITY ? 0 : std::exp(in[col] - largest); };
    for (Index col = 0; col < cols; ++col) sum += weight(col);
    for (Index col = 0; col < cols; ++col) {
      const double expected = sum == 0 ? 0 : weight(col) / sum;
      const double error = std::isnan(out[col]) ? INFINITY : std::abs(out[col] - expected);
      if (error > worst) worst = error, at = col, expected_there = expected;
    }
    const double got = std::isnan(out[at]) ? NAN : double{out[at]};  // whatever its sign
    return fmt::format("y[{}][{}] is {:.6g}, expected {:.6g}", row, at, got, expected_there);
  }
  return std::nullopt;
}

std::optional<std::string> run(const Spec& spec, const Program& program) {
  const Index rows = spec.extents.at("rows"), cols = spec.extents.at("cols");
  const auto row = std::ranges::find(kData, spec.data, [](const Data& d) { return std::string(d.name); });
  Random random(spec.seed);
  std::vector<float> x;
  for (Index n = 0; n < rows * cols; ++n) x.push_back(row->draw(random, n / cols, n % cols, cols));
  const std::vector<std::string> ways = spec.ways.empty() ? std::vector<std::string>{""} : spec.ways;
  const std::vector<float> y =
      program(file_of(fmt::format("softmax {} {}", rows, cols), {&x}), x.size() * ways.size());
  for (std::size_t n = 0; n < ways.size(); ++n) {
    if (!spec.way.empty() && spec.way != ways[n]) continue;
    if (const auto wrong = judge(x, y.data() + n * x.size(), rows, cols))
      return (ways[n].empty() ? "" : ways[n] + ": ") + *wrong;
  }
  return std::nullopt;
}

}  // namespace

const Task kSoftmaxTask{"softmax", false, {"rows", "cols"}, data, run};

}  // namespace attnlab::answers::labs
