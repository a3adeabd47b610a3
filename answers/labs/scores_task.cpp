// s = a b^T: the scores of attention before they are scaled. Each is off by at most (k + 1) u sum |a| |b|, u = 2^-24,
// in whatever order fp32 adds them (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1).
#include <fmt/format.h>

#include <cmath>

#include "answers/labs/task.h"
#include "reference/core/random.h"

namespace attnlab::answers::labs {
namespace {

std::vector<std::string> data() { return {"normal"}; }

std::vector<float> numbers(Random& random, Index count) {
  std::vector<float> values;
  for (Index n = 0; n < count; ++n) values.push_back(static_cast<float>(random.normal()));
  return values;
}

std::optional<std::string> run(const Spec& spec, const Program& program) {
  const Index m = spec.extents.at("m"), n = spec.extents.at("n"), k = spec.extents.at("k");
  Random random(spec.seed);
  const std::vector<float> a = numbers(random, m * k), b = numbers(random, n * k);
  const std::vector<float> s =
      program(file_of(fmt::format("scores {} {} {}", m, n, k), {&a, &b}), static_cast<std::size_t>(m * n));
  for (Index i = 0; i < m; ++i) {
    for (Index j = 0; j < n; ++j) {
      double sum = 0, magnitude = 0;
      for (Index c = 0; c < k; ++c) {
        const double product =
            double{a[static_cast<std::size_t>(i * k + c)]} * b[static_cast<std::size_t>(j * k + c)];
        sum += product, magnitude += std::abs(product);
      }
      const double got = s[static_cast<std::size_t>(i * n + j)];
      if (!(std::abs(got - sum) <= static_cast<double>(k + 1) * 0x1p-24 * magnitude))
        return fmt::format("s[{}][{}] is {:.6g}, expected {:.6g}", i, j, std::isnan(got) ? NAN : got, sum);
    }
  }
  return std::nullopt;
}

}  // namespace

const Task kScoresTask{"scores", false, {"m", "n", "k"}, data, run};

}  // namespace attnlab::answers::labs
