// Does a check see what is wrong, and say where?
#include <gtest/gtest.h>

#include "oracle/golden.h"
#include "oracle/mistakes.h"
#include "oracle/rules.h"
#include "reference/core/errors.h"
#include "tests/oracle/stored.h"

namespace attnlab::testing {
namespace {

using oracle::KernelClass;

// A right output of the class that is declared, or of `actual` where that differs.
void make(StoredCase& c, DType type, bool causal, const KernelClass* actual = nullptr,
          const char* data = "normal", Index n = 256) {
  c.p.num_heads = 2, c.p.num_kv_heads = 1, c.p.seqlen_q = c.p.seqlen_kv = n,
  c.p.head_dim = c.p.head_dim_v = 64, c.p.causal = causal;
  c.allocate(type, true);
  fill(c, data, 11);
  c.run(oracle::tile_kernel({.kernel_class = actual ? *actual : oracle::usual_class(type)}));
}

oracle::Verdict verdict_of(const StoredCase& c, const KernelClass& kernel) {
  return oracle::check(c.p, c.inputs(), c.outputs(), kernel, {.diagnose = false});
}
oracle::Verdict verdict_of(const StoredCase& c) { return verdict_of(c, oracle::usual_class(c.q.dtype)); }

const oracle::TensorVerdict& tensor(const oracle::Verdict& v, const std::string& name) {
  for (const auto& t : v.tensors) {
    if (t.name == name) return t;
  }
  throw std::logic_error(name);
}

TEST(Check, NaNNeverPasses) {
  StoredCase c;
  make(c, DType::bf16, true);
  ASSERT_TRUE(verdict_of(c).right);
  for (Stored* t : {&c.o, &c.lse, &c.dq, &c.dk, &c.dv}) {
    const double before = (*t)[7];
    for (const double bad : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
      t->set(7, bad);
      const auto verdict = verdict_of(c);
      EXPECT_FALSE(verdict.right);
      EXPECT_EQ(verdict.max_error_over_budget(), INFINITY);
    }
    t->set(7, before);
  }
  EXPECT_TRUE(verdict_of(c).right);
}

TEST(Check, NaNIsExpectedWhereInputsMakeIt) {
  StoredCase c;
  make(c, DType::f32, false);
  c.q.set(c.q.at(0, 0, 5, 1), std::nan(""));
  c.run(oracle::tile_kernel({.kernel_class = oracle::usual_class(DType::f32)}));
  const oracle::Outputs forward{c.o.tensor(), c.lse.tensor(), {}, {}, {}};
  const auto right = [&] { return oracle::check(c.p, c.inputs(), forward, {.diagnose = false}).right; };
  ASSERT_TRUE(std::isnan(c.o[c.o.at(0, 0, 5, 7)]));
  EXPECT_TRUE(right());
  c.o.set(c.o.at(0, 0, 5, 7), 0);
  EXPECT_FALSE(right());
}

TEST(Check, ZerosUnderTinyValuesAndZeroGradientsAreWrong) {
  for (const DType type : {DType::f32, DType::bf16}) {
    StoredCase c;
    make(c, type, false, nullptr, "tiny");
    ASSERT_TRUE(verdict_of(c).right) << to_text(verdict_of(c));
    for (Stored* t : {&c.o, &c.dq, &c.dk, &c.dv}) {
      const auto bytes = t->bytes;
      std::fill(t->bytes.begin(), t->bytes.end(), std::byte{0});
      EXPECT_FALSE(verdict_of(c).right);
      t->bytes = bytes;
    }
  }
}

TEST(Check, LowerPrecisionThanDeclaredIsWrong) {
  const KernelClass bf16 = oracle::usual_class(DType::bf16);
  KernelClass fp8_p = bf16, bf16_sums = bf16;
  fp8_p.p = float_format(DType::e4m3), fp8_p.p_scale = 256;
  bf16_sums.accumulator = float_format(DType::bf16);
  for (const KernelClass& actual : {fp8_p, bf16_sums}) {
    for (const bool causal : {false, true}) {
      StoredCase c;
      make(c, DType::bf16, causal, &actual);
      EXPECT_FALSE(tensor(verdict_of(c), "o").right);
      EXPECT_TRUE(tensor(verdict_of(c, actual), "o").right) << to_text(verdict_of(c, actual));
    }
  }
  KernelClass tf32 = oracle::usual_class(DType::f32);
  tf32.operands = tf32.p = oracle::tf32();
  StoredCase c;
  make(c, DType::f32, false, &tf32);
  EXPECT_FALSE(tensor(verdict_of(c), "o").right);
}

TEST(Check, AScaleOffByOnePercentIsWrong) {
  for (const DType type : {DType::f32, DType::f16, DType::bf16}) {
    StoredCase c;
    make(c, type, false, nullptr, "normal", 1024);
    attention::Problem other = c.p;
    other.softmax_scale = c.p.scale() * 1.01;
    EXPECT_FALSE(oracle::check(other, c.inputs(), {c.o.tensor(), {}, {}, {}, {}}, {.diagnose = false}).right)
        << name(type);
  }
}

TEST(Check, AnEarlyRowIsHeldToItsOwnBudget) {
  StoredCase c;
  make(c, DType::bf16, true);
  c.o.set(c.o.at(0, 1, 0, 5), c.o[c.o.at(0, 1, 0, 5)] * (1 + 1.0 / 64));  // row 0 sees one key: O = v exactly
  const auto verdict = verdict_of(c);
  EXPECT_FALSE(verdict.right);
  const auto& worst = tensor(verdict, "o").worst.at;
  EXPECT_EQ(worst.head, 1);
  EXPECT_EQ(worst.row, 0);
  EXPECT_EQ(worst.col, 5);
}

TEST(Check, SaysWhereTheDamageIs) {
  StoredCase c;
  make(c, DType::bf16, false);
  for (Index h = 0; h < 2; ++h) {
    for (Index i = 64; i < 128; ++i) {
      for (Index t = 0; t < 64; ++t) c.o.set(c.o.at(0, h, i, t), 1);
    }
  }
  auto verdict = verdict_of(c);
  ASSERT_FALSE(verdict.damage.empty());
  EXPECT_EQ(verdict.damage.front().text, "rows 64..127 of every head, all columns");
  make(c, DType::bf16, false);
  for (Index i = 0; i < 256; ++i) {
    for (Index t = 8; t < 16; ++t) c.o.set(c.o.at(0, 1, i, t), 1);
  }
  verdict = verdict_of(c);
  EXPECT_EQ(verdict.damage.front().text, "all rows of head 1, columns 8..15");
}

TEST(Check, PaddingAndEmptyRowsAreExact) {
  StoredCase c;
  c.p.q_lens = {200}, c.p.kv_lens = {0};
  make(c, DType::f16, false);
  ASSERT_TRUE(verdict_of(c).right) << to_text(verdict_of(c));
  c.o.set(c.o.at(0, 0, 230, 3), 1e-7);  // in padding
  EXPECT_FALSE(verdict_of(c).right);
  c.o.set(c.o.at(0, 0, 230, 3), 0);
  c.lse.set(c.lse.at(0, 0, 10, 0), INFINITY);  // an empty row
  EXPECT_FALSE(verdict_of(c).right);
}

TEST(Check, GradientsOfPaddingAreZeros) {
  StoredCase c;
  c.p.q_lens = {200}, c.p.kv_lens = {190};
  make(c, DType::bf16, false);
  ASSERT_TRUE(verdict_of(c).right) << to_text(verdict_of(c));
  for (Stored* t : {&c.dq, &c.dk, &c.dv}) {
    t->set(t->at(0, 0, 230, 3), 1e-7);
    EXPECT_FALSE(verdict_of(c).right);
    t->set(t->at(0, 0, 230, 3), 0);
  }
}

// delta comes from the kernel's own O: one that is off by 3 % makes gradients that are right for it, and
// wrong for the golden O.
TEST(Check, GradientsAreJudgedByTheirOwnO) {
  StoredCase c;
  make(c, DType::bf16, false);
  for (Index n = 0; n < c.o.size(); ++n) c.o.set(n, c.o[n] + 0.03);
  const oracle::Inputs in = c.inputs();
  oracle::tile_kernel({.kernel_class = oracle::usual_class(DType::bf16)})({c.p,
                                                                           in.q,
                                                                           in.k,
                                                                           in.v,
                                                                           in.dout,
                                                                           {},
                                                                           {},
                                                                           c.dq.output(),
                                                                           c.dk.output(),
                                                                           c.dv.output(),
                                                                           c.o.tensor(),
                                                                           c.lse.tensor()});
  const auto with_o = verdict_of(c);
  EXPECT_FALSE(tensor(with_o, "o").right);
  EXPECT_TRUE(tensor(with_o, "dq").right) << to_text(with_o);
  EXPECT_FALSE(
      oracle::check(c.p, in, {{}, {}, c.dq.tensor(), c.dk.tensor(), c.dv.tensor()}, {.diagnose = false})
          .right);
}

TEST(Check, LseIsNotRoundedAsOIs) {
  StoredCase c;
  KernelClass bf16_out = oracle::usual_class(DType::f32);
  bf16_out.output = float_format(DType::bf16);
  make(c, DType::f32, false, &bf16_out);
  ASSERT_TRUE(verdict_of(c, bf16_out).right) << to_text(verdict_of(c, bf16_out));
  for (Index n = 0; n < c.lse.size(); ++n) c.lse.set(n, round_to(DType::bf16, c.lse[n]));
  EXPECT_FALSE(tensor(verdict_of(c, bf16_out), "lse").right);
  EXPECT_TRUE(tensor(verdict_of(c, bf16_out), "o").right);
}

// Errors of which every element is within its budget: of one row, of all rows a little, to one side.
TEST(Check, EachMeasureSeesWhatOthersDoNot) {
  StoredCase c;
  make(c, DType::f32, false, nullptr, "normal", 512);
  const auto golden = oracle::golden(c.p, c.inputs()).o.values;
  const std::vector<std::byte> honest = c.o.bytes;
  const auto verdict_with = [&](auto change) {
    c.o.bytes = honest;
    for (Index n = 0; n < c.o.size(); ++n) {
      const double exact = golden[static_cast<std::size_t>(n)];
      c.o.set(n, exact + change(n, exact, c.o[n] - exact));
    }
    return tensor(oracle::check(c.p, c.inputs(), {c.o.tensor(), {}, {}, {}, {}}, {.diagnose = false}), "o");
  };
  const auto same = verdict_with([](Index, double, double error) { return error; });
  EXPECT_TRUE(same.right);

  const auto row =
      verdict_with([](Index n, double, double error) { return n / 64 == 300 ? 100 * error : error; });
  EXPECT_EQ(row.wrong, 0u);
  EXPECT_GT(row.max_row_rms, row.row_rms_limit);
  EXPECT_EQ(row.worst_row.row, 300);
  EXPECT_FALSE(row.right);

  const auto all = verdict_with([](Index, double, double error) { return 8 * error; });
  EXPECT_EQ(all.wrong, 0u);
  EXPECT_LE(all.max_row_rms, all.row_rms_limit);
  EXPECT_GT(all.cosine_over_budget, 1);
  EXPECT_FALSE(all.right);

  const auto scaled = verdict_with([](Index, double x, double error) { return error + 0x1p-20 * x; });
  EXPECT_EQ(scaled.wrong, 0u);
  EXPECT_LE(scaled.max_row_rms, scaled.row_rms_limit);
  EXPECT_LE(scaled.cosine_over_budget, 1);
  EXPECT_GT(scaled.bias_over_budget, 1);
  EXPECT_FALSE(scaled.right);
}

TEST(Check, ASampleSaysWhatItCannotExclude) {
  StoredCase c;
  make(c, DType::bf16, true);
  const oracle::Outputs forward{c.o.tensor(), c.lse.tensor(), {}, {}, {}};
  const auto verdict = oracle::check(c.p, c.inputs(), forward, {.rows = {.sample = 32}});
  EXPECT_TRUE(verdict.right);
  EXPECT_EQ(verdict.rows_checked, 64);
  EXPECT_NE(verdict.coverage.find("64 of 512 rows"), std::string::npos) << verdict.coverage;
  EXPECT_THROW(oracle::check(c.p, c.inputs(), c.outputs(), {.rows = {.sample = 32}}), InvalidArgument);
}

TEST(Check, DoesNotDependOnThreads) {
  StoredCase c;
  make(c, DType::bf16, true);
  const auto kernel = oracle::usual_class(DType::bf16);
  const auto json = [&](int threads) {
    return to_json(
        oracle::check(c.p, c.inputs(), c.outputs(), kernel, {.threads = threads, .diagnose = false}));
  };
  EXPECT_EQ(json(1), json(3));
}

TEST(Rules, SayOfNaNWhatTheirCodeSays) {
  StoredCase c;
  make(c, DType::bf16, false);
  const auto passes = [&](const char* rule) {
    for (const auto& r : oracle::apply_rules(c.p, c.inputs(), {c.o.tensor(), {}, {}, {}, {}})) {
      if (r.rule == rule) return r.passes;
    }
    throw std::logic_error(rule);
  };
  for (const auto& rule : oracle::rules()) {
    if (std::string(rule.name) == "allclose") continue;  // refuses right bf16 outputs near 0
    EXPECT_TRUE(passes(rule.name)) << rule.name;
  }
  c.o.set(3, std::nan(""));
  EXPECT_TRUE(passes("fabs"));
  for (const char* rule : {"flash-attention", "pytorch", "flashmla", "allclose", "ggml", "flex-attention"})
    EXPECT_FALSE(passes(rule)) << rule;
}

}  // namespace
}  // namespace attnlab::testing
