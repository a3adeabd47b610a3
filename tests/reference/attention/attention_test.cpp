// Does every algorithm compute attention, forward and backward, on every option of the problem?
//
// The witness is written out here once more, a sum at a time in float64, without tiles or matrix products.
#include "reference/attention/attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "reference/attention/head.h"
#include "tests/reference/attention/random_problem.h"

namespace attnlab::testing {
namespace {

using attention::Algorithm;
using attention::Problem;

struct Result {
  Buffer<double> o, lse, dq, dk, dv;
};

Result empty_result(const Case& c, double fill) {
  const Problem& p = c.p;
  const Index tb = p.tensor_batches();
  Result r;
  r.o = make_buffer<double>(tb, p.num_heads, p.tensor_rows_q(), p.head_dim_v, false, fill);
  r.lse = make_buffer<double>(tb, p.num_heads, p.tensor_rows_q(), 1, false, fill);
  r.dq = make_buffer<double>(tb, p.num_heads, p.tensor_rows_q(), p.head_dim, false, fill);
  r.dk = make_buffer<double>(tb, p.num_kv_heads, p.tensor_rows_kv(), p.head_dim, false, fill);
  r.dv = make_buffer<double>(tb, p.num_kv_heads, p.tensor_rows_kv(), p.head_dim_v, false, fill);
  return r;
}

// The definition of docs/semantics.md, one scalar at a time.
Result by_definition(const Case& c) {
  const Problem& p = c.p;
  Result out = empty_result(c, 0);
  std::fill(out.lse.data.begin(), out.lse.data.end(), -INFINITY);
  for (Index b = 0; b < p.batch; ++b) {
    for (Index h = 0; h < p.num_heads; ++h) {
      const Index tb = p.tensor_batch(b), g = h / p.group_size();
      const Rows qr = p.q_rows(b), kr = p.kv_rows(b);
      const auto q = c.q.in().head(tb, h, qr), k = c.k.in().head(tb, g, kr), v = c.v.in().head(tb, g, kr);
      const auto dout = c.dout.in().head(tb, h, qr);
      const auto o = out.o.view.head(tb, h, qr), lse = out.lse.view.head(tb, h, qr);
      const auto dq = out.dq.view.head(tb, h, qr), dk = out.dk.view.head(tb, g, kr),
                 dv = out.dv.view.head(tb, g, kr);
      const Index nk = kr.size, shift = kr.size - qr.size;
      const double scale =
          p.softmax_scale ? *p.softmax_scale : 1 / std::sqrt(static_cast<double>(p.head_dim));
      for (Index i = 0; i < qr.size; ++i) {
        std::vector<double> s, slope_of_cap, keep;
        std::vector<Index> keys;
        for (Index j = 0; j < nk; ++j) {
          if (p.causal && j > i + shift) continue;
          if (p.window.left && j < i + shift - *p.window.left) continue;
          if (p.window.right && j > i + shift + *p.window.right) continue;
          if (p.mask && p.mask.data[(p.mask.batch == 1 ? 0 : b) * p.mask.batch_stride +
                                    (p.mask.heads == 1 ? 0 : h) * p.mask.head_stride +
                                    (p.mask.rows == 1 ? 0 : i) * p.mask.row_stride +
                                    (p.mask.cols == 1 ? 0 : j) * p.mask.col_stride] == 0) {
            continue;
          }
          double x = 0;
          for (Index t = 0; t < p.head_dim; ++t) x += q(i, t) * k(j, t);
          x *= scale;
          double derivative = 1;
          if (p.softcap != 0) {
            const double t = std::tanh(x / p.softcap);
            x = p.softcap * t;
            derivative = 1 - t * t;
          }
          if (!p.alibi_slopes.empty()) {
            const std::size_t slopes = p.alibi_slopes.size();
            x -= p.alibi_slopes[static_cast<std::size_t>(b * p.num_heads + h) % slopes] *
                 static_cast<double>(std::abs(i + shift - j));
          }
          if (p.bias) {
            x += p.bias.data[(p.bias.batch == 1 ? 0 : b) * p.bias.batch_stride +
                             (p.bias.heads == 1 ? 0 : h) * p.bias.head_stride +
                             (p.bias.rows == 1 ? 0 : i) * p.bias.row_stride +
                             (p.bias.cols == 1 ? 0 : j) * p.bias.col_stride];
          }
          if (x == -INFINITY) continue;
          keys.push_back(j);
          s.push_back(x);
          slope_of_cap.push_back(derivative);
          const auto words =
              philox4x32_10({static_cast<std::uint32_t>(j / 4), static_cast<std::uint32_t>(i),
                             static_cast<std::uint32_t>(b * p.num_heads + h), p.dropout.offset},
                            philox_key(p.dropout.seed));
          const bool kept = words[static_cast<std::size_t>(j % 4)] / 4294967296.0 < 1 - p.dropout.p;
          keep.push_back(kept ? 1 / (1 - p.dropout.p) : 0);
        }
        const double sink = p.sinks.empty() ? -INFINITY : p.sinks[static_cast<std::size_t>(h)];
        double m = sink;
        for (double x : s) m = std::max(m, x);
        double sum = sink == -INFINITY ? 0 : std::exp(sink - m);
        for (double x : s) sum += std::exp(x - m);
        if (sum == 0) continue;
        lse(i, 0) = m + std::log(sum);
        double delta = 0;
        std::vector<double> dp(keys.size());
        for (std::size_t n = 0; n < keys.size(); ++n) {
          const double pr = std::exp(s[n] - m) / sum;
          for (Index t = 0; t < p.head_dim_v; ++t) {
            o(i, t) += pr * keep[n] * v(keys[n], t);
            dv(keys[n], t) += pr * keep[n] * dout(i, t);
            dp[n] += dout(i, t) * v(keys[n], t) * keep[n];
          }
          delta += pr * dp[n];
        }
        for (std::size_t n = 0; n < keys.size(); ++n) {
          const double ds = std::exp(s[n] - m) / sum * (dp[n] - delta) * slope_of_cap[n] * scale;
          for (Index t = 0; t < p.head_dim; ++t) {
            dq(i, t) += ds * k(keys[n], t);
            dk(keys[n], t) += ds * q(i, t);
          }
        }
      }
    }
  }
  return out;
}

void run(Algorithm algorithm, const Case& c, const attention::Options& options, Result& r) {
  attention::forward<double>(algorithm, c.p, {c.q.in(), c.k.in(), c.v.in(), r.o.view, r.lse.view}, options);
  if (!attention::info(algorithm).backward) return;
  attention::backward<double>(
      algorithm, c.p,
      {c.q.in(), c.k.in(), c.v.in(), r.o.in(), r.lse.in(), c.dout.in(), r.dq.view, r.dk.view, r.dv.view},
      options);
}

// Largest difference, with infinities equal to themselves and NaN equal to nothing.
double worst(const Buffer<double>& a, const Buffer<double>& b) {
  double w = 0;
  for (std::size_t n = 0; n < a.data.size(); ++n) {
    if (a.data[n] == b.data[n]) continue;
    const double d = std::abs(a.data[n] - b.data[n]) / (1 + std::abs(b.data[n]));
    if (!(d <= w)) w = std::isnan(d) ? INFINITY : d;
  }
  return w;
}

class EveryAlgorithm : public ::testing::TestWithParam<Algorithm> {};

TEST_P(EveryAlgorithm, EqualsTheDefinitionOnRandomProblems) {
  for (std::uint64_t seed = 0; seed < 550; ++seed) {
    Case c;
    make_case(c, seed, seed % 10 == 0 ? 300 : 60);
    Random random(seed + 1000000);
    attention::Options options;
    options.threads = 1;
    options.tiles = {random.integer(1, 40), random.integer(1, 40)};
    SCOPED_TRACE("seed " + std::to_string(seed) + c.description);
    const Result expected = by_definition(c);
    Result r = empty_result(c, NAN);
    run(GetParam(), c, options, r);
    // lse differs by rounding of its terms, the gradients by that of sums over up to 300 rows of numbers of
    // size 1.
    EXPECT_LE(worst(r.o, expected.o), 1e-13);
    EXPECT_LE(worst(r.lse, expected.lse), 1e-13);
    if (attention::info(GetParam()).backward) {
      EXPECT_LE(worst(r.dq, expected.dq), 1e-12);
      EXPECT_LE(worst(r.dk, expected.dk), 1e-12);
      EXPECT_LE(worst(r.dv, expected.dv), 1e-12);
    }
    if (HasFailure()) return;
  }
}

std::string algorithm_name(const ::testing::TestParamInfo<Algorithm>& param) {
  std::string name = attention::info(param.param).name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

std::vector<Algorithm> all_algorithms() {
  std::vector<Algorithm> all;
  for (const auto& a : attention::algorithms()) all.push_back(a.id);
  return all;
}

INSTANTIATE_TEST_SUITE_P(Attention, EveryAlgorithm, ::testing::ValuesIn(all_algorithms()), algorithm_name);

}  // namespace
}  // namespace attnlab::testing
