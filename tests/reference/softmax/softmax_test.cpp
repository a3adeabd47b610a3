// Do the softmax algorithms, log-sum-exp and the backward pass compute what their definitions say, edges
// included?
//
// The witness is the definition in long double, the largest entry taken out.
#include "reference/softmax/softmax.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "reference/core/errors.h"
#include "tests/reference/attention/random_problem.h"

namespace attnlab::testing {
namespace {

using softmax::Algorithm;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

template <class T>
struct Matrix {
  Index rows, cols;
  std::vector<T> data;
  Matrix(Index rows, Index cols, T fill = T(0))
      : rows(rows), cols(cols), data(static_cast<std::size_t>(rows * cols), fill) {}
  MatrixView<T> view() { return {data.data(), rows, cols, cols}; }
  MatrixView<const T> in() const { return {data.data(), rows, cols, cols}; }
  T operator()(Index r, Index c) const { return in()(r, c); }
};

template <class T>
Matrix<T> row_of(std::vector<T> values) {
  Matrix<T> m(1, static_cast<Index>(values.size()));
  m.data = std::move(values);
  return m;
}

template <class T>
Matrix<T> random_matrix(Random& random, Index rows, Index cols, double size) {
  Matrix<T> m(rows, cols);
  for (T& x : m.data) x = static_cast<T>(size * random.normal());
  return m;
}

struct Definition {
  std::vector<long double> y;
  long double lse;
};
template <class T>
Definition by_definition(const Matrix<T>& x, Index r) {
  long double m = -INFINITY, d = 0;
  for (Index c = 0; c < x.cols; ++c) m = std::max<long double>(m, x(r, c));
  Definition out;
  for (Index c = 0; c < x.cols; ++c) out.y.push_back(m == -INFINITY ? 0 : std::exp(x(r, c) - m));
  for (long double e : out.y) d += e;
  for (long double& e : out.y) e = d == 0 ? 0 : e / d;
  out.lse = d == 0 ? -INFINITY : m + std::log(d);
  return out;
}

template <class T>
std::vector<T> softmax_row(Algorithm algorithm, std::vector<T> values, Index bc = 0) {
  const Matrix<T> x = row_of(std::move(values));
  Matrix<T> y(1, x.cols, T(NAN));
  softmax::forward<T>(algorithm, x.in(), y.view(), {bc, 1});
  return y.data;
}

template <class T>
T lse_row(std::vector<T> values, Index bc = 0) {
  const Matrix<T> x = row_of(std::move(values));
  T lse = 12345;
  softmax::log_sum_exp<T>(x.in(), {&lse, 1}, {bc, 1});
  return lse;
}

template <class T>
class Softmax : public ::testing::Test {};
using Types = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Softmax, Types);

TYPED_TEST(Softmax, EqualsTheDefinitionInAnyPieces) {
  using T = TypeParam;
  const double eps = std::numeric_limits<T>::epsilon();
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Random random(seed);
    const Index rows = random.integer(1, 4), cols = random.integer(1, 90), bc = random.integer(0, 100);
    // exp(x - m) inherits the absolute error of x - m: half an ulp of numbers up to about 4 size.
    const double size = random.chance(0.5) ? 1 : 20;
    const auto x = random_matrix<T>(random, rows, cols, size);
    SCOPED_TRACE("seed " + std::to_string(seed));
    for (const auto& algorithm : softmax::algorithms()) {
      if (algorithm.id == Algorithm::naive && size > 1) continue;
      Matrix<T> y(rows, cols, T(NAN));
      softmax::forward<T>(algorithm.id, x.in(), y.view(), {bc, 2});
      for (Index r = 0; r < rows; ++r) {
        const Definition expected = by_definition(x, r);
        for (Index c = 0; c < cols; ++c) {
          const long double e = expected.y[static_cast<std::size_t>(c)];
          ASSERT_LE(std::abs(y(r, c) - e), (20 + 8 * size) * eps * e + std::numeric_limits<T>::min())
              << algorithm.name << " (" << r << ", " << c << ")";
        }
      }
    }
    std::vector<T> lse(static_cast<std::size_t>(rows), T(NAN));
    softmax::log_sum_exp<T>(x.in(), lse, {bc, 2});
    for (Index r = 0; r < rows; ++r) {
      const long double e = by_definition(x, r).lse;
      ASSERT_LE(std::abs(lse[static_cast<std::size_t>(r)] - e), 20 * eps * (1 + std::abs(e)));
    }
  }
}

TYPED_TEST(Softmax, NaiveOverflowsWhereSafeAndOnlineDoNot) {
  using T = TypeParam;
  const T big = std::is_same_v<T, float> ? T(89) : T(710);  // the least whole number whose exp is inf
  const auto is_nan = ::testing::Truly([](T y) { return std::isnan(y); });
  EXPECT_THAT(softmax_row<T>(Algorithm::naive, {big, big}), Each(is_nan));
  EXPECT_THAT(softmax_row<T>(Algorithm::naive, {big - 1, big - 1}), Each(T(0.5)));
  EXPECT_THAT(softmax_row<T>(Algorithm::naive, {-10 * big, -10 * big}), Each(is_nan));
  for (Algorithm a : {Algorithm::safe, Algorithm::online}) {
    EXPECT_THAT(softmax_row<T>(a, {big, big}), Each(T(0.5)));
    EXPECT_THAT(softmax_row<T>(a, {-10 * big, -10 * big}), Each(T(0.5)));
  }
}

TYPED_TEST(Softmax, Edges) {
  using T = TypeParam;
  const T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  const auto is_nan = ::testing::Truly([](T y) { return std::isnan(y); });
  for (Index bc : {0, 1, 2}) {
    for (Algorithm a : {Algorithm::safe, Algorithm::online}) {
      EXPECT_EQ(softmax_row<T>(a, {}, bc), std::vector<T>());
      EXPECT_EQ(softmax_row<T>(a, {-3}, bc), std::vector<T>{1});
      EXPECT_EQ(softmax_row<T>(a, {10000, -10000, 10000}, bc), (std::vector<T>{T(0.5), 0, T(0.5)}));
      EXPECT_EQ(softmax_row<T>(a, {-inf, 0, -inf, 0, -inf}, bc), (std::vector<T>{0, T(0.5), 0, T(0.5), 0}));
      EXPECT_EQ(softmax_row<T>(a, {-inf, -inf, -inf}, bc), (std::vector<T>{0, 0, 0}));
      const T least = std::numeric_limits<T>::denorm_min();
      EXPECT_EQ(softmax_row<T>(a, {least, -least}, bc), (std::vector<T>{T(0.5), T(0.5)}));
      EXPECT_THAT(softmax_row<T>(a, {nan, -inf, -inf}, bc), Each(is_nan));
      EXPECT_THAT(softmax_row<T>(a, {-inf, 1, 2, nan}, bc), Each(is_nan));
      EXPECT_THAT(softmax_row<T>(a, {1, inf, 2}, bc), Each(is_nan));
    }
    EXPECT_EQ(lse_row<T>({}, bc), -inf);
    EXPECT_EQ(lse_row<T>({-inf, -inf}, bc), -inf);
    EXPECT_EQ(lse_row<T>({T(-7.25)}, bc), T(-7.25));
    EXPECT_EQ(lse_row<T>({-inf, 10000, -inf}, bc), T(10000));
    EXPECT_TRUE(std::isnan(lse_row<T>({nan, -inf, 3}, bc)));
    EXPECT_TRUE(std::isnan(lse_row<T>({-inf, 3, nan}, bc)));
  }
}

TEST(SoftmaxBackward, EqualsFiniteDifferences) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Random random(seed);
    const Index cols = random.integer(1, 30), bc = random.integer(0, 40);
    const auto x = random_matrix<double>(random, 1, cols, 1), dy = random_matrix<double>(random, 1, cols, 1);
    Matrix<double> y(1, cols), dx(1, cols, NAN);
    softmax::forward<double>(Algorithm::safe, x.in(), y.view());
    softmax::backward<double>(y.in(), dy.in(), dx.view(), {bc, 1});
    const auto loss = [&](Index c, long double h) {
      Matrix<long double> moved(1, cols);
      std::copy(x.data.begin(), x.data.end(), moved.data.begin());
      moved.data[static_cast<std::size_t>(c)] += h;
      const Definition at = by_definition(moved, 0);
      long double sum = 0;
      for (std::size_t n = 0; n < at.y.size(); ++n) sum += at.y[n] * dy.data[n];
      return sum;
    };
    for (Index c = 0; c < cols; ++c) {
      const long double h = 1e-5L;  // error h^2 / 6 times a third derivative below 20, rounding far below
      const long double difference = (loss(c, h) - loss(c, -h)) / (2 * h);
      ASSERT_LE(std::abs(dx(0, c) - difference), 1e-9L) << "seed " << seed << " element " << c;
    }
  }
}

TEST(SoftmaxBackward, IsOrthogonalToConstants) {
  // sum(dx) = 0, and a constant dy moves nothing: exact at these numbers.
  const auto y = row_of<double>({0.5, 0.25, 0.25}), dy = row_of<double>({8, 8, 8});
  Matrix<double> dx(1, 3, NAN);
  softmax::backward<double>(y.in(), dy.in(), dx.view());
  EXPECT_EQ(dx.data, (std::vector<double>{0, 0, 0}));
  softmax::backward<double>(y.in(), row_of<double>({4, 0, 0}).in(), dx.view());
  EXPECT_EQ(dx.data, (std::vector<double>{1, -0.5, -0.5}));
}

TEST(SoftmaxInPlace, YMayBeX) {
  auto x = row_of<double>({1, 2, 3, 4});
  const auto expected = softmax_row<double>(Algorithm::online, x.data, 2);
  softmax::forward<double>(Algorithm::online, x.in(), x.view(), {2, 1});
  EXPECT_EQ(x.data, expected);
}

TEST(SoftmaxRefusals, NameTheArgument) {
  Matrix<double> x(2, 3), y(2, 4);
  std::vector<double> lse(3);
  const auto refused = [](auto call, const char* message) {
    EXPECT_THAT(call, ThrowsMessage<InvalidArgument>(HasSubstr(message)));
  };
  refused([&] { softmax::forward<double>(Algorithm::safe, x.in(), y.view()); },
          "y: got [2, 4], expected [rows, V] = [2, 3]");
  refused([&] { softmax::forward<double>(Algorithm::safe, x.in(), x.view(), {-1, 1}); }, "bc: got -1");
  refused([&] { softmax::log_sum_exp<double>(x.in(), lse); }, "lse: got 3 elements, expected 2");
  refused([&] { softmax::backward<double>(x.in(), x.in(), y.view()); }, "dx: got [2, 4]");
  refused([&] { softmax::backward<double>(x.in(), y.in(), x.view()); }, "dy: got [2, 4]");
  refused([&] { softmax::log_sum_exp<double>({nullptr, 3, 1, 1}, lse); }, "x: got no data");
}

}  // namespace
}  // namespace attnlab::testing
