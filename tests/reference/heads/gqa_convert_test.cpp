// Does the conversion to grouped heads pool the right heads, exactly where they are equal, and does attention
// then give what it gave before?
#include "reference/heads/gqa_convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reference/core/errors.h"
#include "tests/reference/attention/random_problem.h"

namespace attnlab::testing {
namespace {

using heads::convert_projection;
using heads::GroupConversion;
using heads::Pooling;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

template <class T>
std::vector<T> converted(const GroupConversion& conversion, std::vector<T> weight, Index cols = 1) {
  const Index rows = static_cast<Index>(weight.size()) / cols;
  const Index result_rows = rows / conversion.num_heads * conversion.num_groups;
  std::vector<T> result(static_cast<std::size_t>(result_rows * cols), T(NAN));
  convert_projection<T>(conversion, {weight.data(), rows, cols, cols},
                        {result.data(), result_rows, cols, cols});
  return result;
}

TEST(GqaConvert, MeanByHand) {
  // 4 heads of dimension 2 on 2 hidden features.
  const std::vector<double> weight{1, 10, 2, 20, /**/ 3, 30, 6, 60, /**/ 0, 1, 0, 2, /**/ 8, 3, 8, 8};
  EXPECT_THAT(converted<double>({4, 2}, weight, 2), ElementsAre(2, 20, 4, 40, 4, 2, 4, 5));
  EXPECT_THAT(converted<double>({4, 1}, weight, 2), ElementsAre(3, 11, 4, 22.5));
  EXPECT_EQ(converted<double>({4, 4}, weight, 2), weight);
}

TEST(GqaConvert, FirstByHand) {
  const std::vector<double> weight{1, 10, 2, 20, 3, 30, 6, 60, 0, 1, 0, 2, 8, 3, 8, 8};
  EXPECT_THAT(converted<double>({4, 2, Pooling::first}, weight, 2), ElementsAre(1, 10, 2, 20, 0, 1, 0, 2));
}

TEST(GqaConvert, MeanOfThreeEqualHeadsIsExactWhereTheirSumIsNot) {
  const double x = 0.1, y = -1e300;
  EXPECT_EQ(converted<double>({3, 1}, {x, y, x, y, x, y}), (std::vector<double>{x, y}));
  const auto zero = converted<float>({2, 1}, {-0.0f, -0.0f});
  EXPECT_TRUE(zero[0] == 0 && std::signbit(zero[0]));
}

TEST(GqaConvert, MeanAccumulatesInFloat64) {
  // In float the first sum would lose the small number.
  EXPECT_THAT(converted<float>({4, 1}, {1e8f, 3.0f, -1e8f, 1.0f}), ElementsAre(1.0f));
}

TEST(GqaConvert, RandomHeadsHaveTheSizeOfTheOldAndAreReproducible) {
  Random random(5);
  std::vector<double> weight(64 * 32);
  for (double& x : weight) x = 0.3 * random.normal();
  const auto draw = [&](std::uint64_t seed, std::uint32_t stream) {
    return converted<double>({8, 4, Pooling::random, seed, stream}, weight, 32);
  };
  const auto heads = draw(1, 2);
  double square = 0, sum = 0;
  for (double x : heads) square += x * x, sum += x;
  const auto count = static_cast<double>(heads.size());  // 1024: five standard errors below
  EXPECT_LE(std::abs(std::sqrt(square / count) / 0.3 - 1), 5 / std::sqrt(2 * count) + 0.05);
  EXPECT_LE(std::abs(sum / count), 5 * 0.3 / std::sqrt(count));
  EXPECT_EQ(draw(1, 2), heads);
  EXPECT_NE(draw(1, 3), heads);
  EXPECT_NE(draw(2, 2), heads);
}

// Projections x W^T and attention, in float64; the projection is written out so that a head's numbers do not
// depend on how many heads there are.
std::vector<double> attend(const std::vector<double>& x, const std::vector<double>& wq,
                           const std::vector<double>& wk, const std::vector<double>& wv, Index seqlen,
                           Index hidden, Index heads, Index kv_heads, Index head_dim) {
  const auto project = [&](const std::vector<double>& w, Index count) {
    auto y = make_buffer<double>(1, count, seqlen, head_dim, true);
    for (Index t = 0; t < seqlen; ++t) {
      for (Index f = 0; f < count * head_dim; ++f) {
        double& sum = y.data[static_cast<std::size_t>(t * count * head_dim + f)];
        for (Index e = 0; e < hidden; ++e) {
          sum += x[static_cast<std::size_t>(t * hidden + e)] * w[static_cast<std::size_t>(f * hidden + e)];
        }
      }
    }
    return y;
  };
  const auto q = project(wq, heads), k = project(wk, kv_heads), v = project(wv, kv_heads);
  attention::Problem p;
  p.num_heads = heads, p.num_kv_heads = kv_heads;
  p.seqlen_q = p.seqlen_kv = seqlen;
  p.head_dim = p.head_dim_v = head_dim;
  p.causal = true;
  // The same layout for both, so that the arithmetic is the same too.
  auto o = make_buffer<double>(1, heads, seqlen, head_dim, true);
  const auto copy = [&](const Buffer<double>& from) {
    auto to = make_buffer<double>(1, from.view.heads, seqlen, head_dim);
    for (Index h = 0; h < from.view.heads; ++h) {
      for (Index t = 0; t < seqlen; ++t) {
        for (Index e = 0; e < head_dim; ++e) to.view.head(0, h)(t, e) = from.view.head(0, h)(t, e);
      }
    }
    return to;
  };
  const auto qc = copy(q), kc = copy(k), vc = copy(v);
  attention::forward<double>(attention::Algorithm::flash2, p, {qc.in(), kc.in(), vc.in(), o.view, {}});
  return o.data;
}

TEST(GqaConvert, AttentionIsUnchangedWhereAGroupsHeadsAreEqual) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Random random(seed);
    const Index groups = random.integer(1, 4), size = random.integer(1, 4), heads = groups * size;
    const Index head_dim = random.integer(1, 10), hidden = random.integer(1, 16),
                seqlen = random.integer(1, 20);
    const auto draw = [&](Index count) {
      std::vector<double> values(static_cast<std::size_t>(count));
      for (double& v : values) v = random.normal();
      return values;
    };
    const auto repeat = [&](const std::vector<double>& grouped) {
      std::vector<double> all;
      const auto block = static_cast<std::ptrdiff_t>(head_dim * hidden);
      for (Index h = 0; h < heads; ++h) {
        all.insert(all.end(), grouped.begin() + h / size * block, grouped.begin() + (h / size + 1) * block);
      }
      return all;
    };
    const auto x = draw(seqlen * hidden), wq = draw(heads * head_dim * hidden);
    const auto wk = repeat(draw(groups * head_dim * hidden)), wv = repeat(draw(groups * head_dim * hidden));
    const auto before = attend(x, wq, wk, wv, seqlen, hidden, heads, heads, head_dim);
    for (Pooling pooling : {Pooling::mean, Pooling::first}) {
      const GroupConversion conversion{heads, groups, pooling};
      const auto after = attend(x, wq, converted(conversion, wk, hidden), converted(conversion, wv, hidden),
                                seqlen, hidden, heads, groups, head_dim);
      ASSERT_EQ(after, before) << "seed " << seed;
    }
  }
}

TEST(GqaConvert, Names) {
  for (Pooling pooling : {Pooling::mean, Pooling::first, Pooling::random}) {
    EXPECT_EQ(heads::parse_pooling(heads::name(pooling)), pooling);
  }
}

TEST(GqaConvert, RefusesWhatDoesNotFit) {
  const auto refused = [](auto body, const char* message) {
    EXPECT_THAT(body, ThrowsMessage<InvalidArgument>(HasSubstr(message)));
  };
  std::vector<float> w(12), out(12);
  const auto call = [&](Index heads, Index groups, Index rows, Index result_rows) {
    convert_projection<float>({heads, groups}, {w.data(), rows, 1, 1}, {out.data(), result_rows, 1, 1});
  };
  refused([&] { call(6, 4, 12, 8); }, "groups: got 4, expected a divisor of the 6 heads");
  refused([&] { call(6, 0, 12, 8); }, "groups: got 0");
  refused([&] { call(0, 1, 12, 8); }, "heads: got 0");
  refused([&] { call(5, 1, 12, 2); },
          "weight: got [12, 1], expected rows that are a multiple of the 5 heads");
  refused([&] { call(6, 3, 12, 4); }, "result: got [4, 1], expected [6, 1]");
  refused([] { heads::parse_pooling("median"); },
          "method: got 'median', expected one of mean, first, random");
}

}  // namespace
}  // namespace attnlab::testing
