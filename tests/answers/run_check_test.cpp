// Does the comparison with standard attention in float64 see one wrong number?
#include "answers/run_check.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "reference/attention/attention.h"
#include "reference/core/philox.h"

namespace attnlab::answers {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

std::vector<double> random_values(std::size_t count, std::uint64_t seed) {
  std::vector<double> values(count);
  for (std::size_t n = 0; n < count; ++n) values[n] = philox(seed, n)[0] / 1073741824.0 - 2;
  return values;
}

TEST(RunCheck, NumbersAgreeWhenBothAreNaNOrTheSameInfinity) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Agreement agreement;
  agreement.add(nan, nan);
  agreement.add(-kInf, -kInf);
  agreement.add(2, 2.5);
  agreement.add(-3, -3);
  EXPECT_EQ(agreement.worst, 0.5);
  EXPECT_EQ(agreement.largest, 3);
  EXPECT_EQ(agreement.mismatches, 0u);
  for (const auto& [got, expected] :
       {std::pair{nan, 1.0}, {1.0, nan}, {kInf, -kInf}, {kInf, 1.0}, {0.0, -kInf}, {nan, kInf}}) {
    const auto before = agreement.mismatches;
    agreement.add(got, expected);
    EXPECT_EQ(agreement.mismatches, before + 1) << got << " " << expected;
  }
  EXPECT_EQ(agreement.worst, 0.5);
}

// A block mask with holes; then one number of one result is made wrong at a time.
TEST(RunCheck, SeesOneWrongNumberInAnyHead) {
  attention::Problem p;
  p.batch = 2, p.num_heads = 4, p.num_kv_heads = 2, p.seqlen_q = 6, p.seqlen_kv = 8, p.head_dim = 3;
  p.head_dim_v = 2;
  p.causal = true;
  const std::vector<std::uint8_t> blocks = {1, 0, 0, 1};
  attention::Options options;
  options.tiles = {3, 4};
  options.block_mask = {blocks.data(), 2, 2};
  const auto like = [](std::vector<double>& values, Index heads, Index rows, Index dim) {
    return bhsd(values.data(), 2, heads, rows, dim);
  };
  std::vector<double> q = random_values(2 * 4 * 6 * 3, 1), k = random_values(2 * 2 * 8 * 3, 2),
                      v = random_values(2 * 2 * 8 * 2, 3), dout = random_values(2 * 4 * 6 * 2, 4);
  std::vector<double> o(dout.size()), lse(2 * 4 * 6), dq(q.size()), dk(k.size()), dv(v.size());
  const RunViews<double> run{like(q, 4, 6, 3),    like(k, 2, 8, 3),  like(v, 2, 8, 2),
                             like(dout, 4, 6, 2), like(o, 4, 6, 2),  like(lse, 4, 6, 1),
                             like(dq, 4, 6, 3),   like(dk, 2, 8, 3), like(dv, 2, 8, 2)};
  const auto algorithm = attention::Algorithm::blocksparse;
  attention::forward<double>(algorithm, p, {run.q, run.k, run.v, run.o, run.lse}, options);
  attention::backward<double>(
      algorithm, p, {run.q, run.k, run.v, run.o, run.lse, run.dout, run.dq, run.dk, run.dv}, options);
  const auto check = [&] { return answers::check<double>(p, run, run.o, options, 8); };
  const auto clean = check();
  EXPECT_EQ(clean.heads, 8);
  for (const Agreement* a : {&clean.o, &clean.rounded, &clean.lse, &clean.dq, &clean.dk, &clean.dv}) {
    EXPECT_LE(a->worst, 1e-13);
    EXPECT_EQ(a->mismatches, 0u);
    EXPECT_GT(a->largest, 0);
  }
  const auto expect_seen = [&](std::vector<double>& values, Agreement CheckResult::*tensor) {
    for (double& value : values) {
      if (!std::isfinite(value)) continue;
      value += 0.25;
      EXPECT_NEAR((check().*tensor).worst, 0.25, 1e-13);
      value -= 0.25;
    }
  };
  expect_seen(lse, &CheckResult::lse);
  expect_seen(dq, &CheckResult::dq);
  expect_seen(dk, &CheckResult::dk);
  expect_seen(dv, &CheckResult::dv);
  expect_seen(o, &CheckResult::o);
  EXPECT_EQ(count_rows(p, options).rows, 8 * 6);
  EXPECT_EQ(count_rows(p, options).without_keys, 0);
  p.window.left = 0;  // row i sees column i + 2 alone; row 2 has it in block (0, 1), which is left out
  EXPECT_EQ(count_rows(p, options).without_keys, 8);
}

}  // namespace
}  // namespace attnlab::answers
