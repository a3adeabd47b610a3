// Other projects' rules, as functions of four tensors' elements: the kernel's, the exact ones, a
// low-precision framework's, and nothing else. What each says of a NaN follows from how its own code
// compares.
#include "oracle/rules.h"

#include <fmt/format.h>

#include <cmath>

#include "oracle/golden.h"
#include "oracle/rules_framework.h"

namespace attnlab::oracle {
namespace {

using attention::Problem;

// What the rules compare. Every number is one of the output's type, as a test has it, but for `exact`.
struct Compared {
  enum class What { o, lse, gradient };
  What what;
  DType dtype;
  double softcap;                       // the problem's
  std::vector<double> got, exact, low;  // low: the framework's standard algorithm in the inputs' type

  double reference(std::size_t n) const { return round_to(dtype, exact[n]); }
};

// max |a - b| as torch computes it: NaN where any is.
template <class A, class B>
double max_error(std::size_t count, A a, B b) {
  double most = 0;
  for (std::size_t n = 0; n < count; ++n) {
    const double error = std::abs(a(n) - b(n));
    if (std::isnan(error)) return error;
    most = std::max(most, error);
  }
  return most;
}
double got_error(const Compared& c) {
  return max_error(
      c.got.size(), [&](auto n) { return c.got[n]; }, [&](auto n) { return c.exact[n]; });
}
double low_error(const Compared& c) {
  return max_error(
      c.low.size(), [&](auto n) { return c.low[n]; }, [&](auto n) { return c.exact[n]; });
}

RuleResult at_most(double error, double limit) {
  return {"", error <= limit, fmt::format("{:.3g}, limit {:.3g}", error, limit)};
}

RuleResult flash_attention_2(const Compared& c) {
  return at_most(got_error(c), (c.what == Compared::What::o ? 2 : 3) * low_error(c));
}

RuleResult flash_attention_3(const Compared& c) {
  const auto reference = [&](std::size_t n) { return c.reference(n); };
  const auto shaken = [&](std::size_t n) {
    return round_to(c.dtype, round_to(c.dtype, reference(n) + 0.3) - 0.3);
  };
  const double factor = c.softcap == 0 ? 2 : 3;
  const double more = c.softcap != 0 && c.what == Compared::What::gradient ? 3e-4 : 0;
  return at_most(got_error(c), factor * low_error(c) + 2 * max_error(c.got.size(), shaken, reference) + more);
}

// |got - reference| <= atol + rtol |reference| everywhere.
RuleResult close(const Compared& c, double rtol, double atol, bool equal_nan) {
  std::size_t outside = 0;
  for (std::size_t n = 0; n < c.got.size(); ++n) {
    const double x = c.reference(n), got = c.got[n];
    const bool same = got == x || (equal_nan && std::isnan(x) && std::isnan(got));
    if (!same && !(std::isfinite(x) && std::abs(got - x) <= atol + rtol * std::abs(x))) ++outside;
  }
  return {"", outside == 0,
          fmt::format("{} of {} outside rtol {:g}, atol {:g}", outside, c.got.size(), rtol, atol)};
}

RuleResult pytorch(const Compared& c) {
  const double error = got_error(c), low = low_error(c), limit = std::max(1e-5, 5 * low);
  // A NaN is refused where the reference has none; where it has, the comparison with it is false.
  const bool passes = std::isnan(error) ? std::isnan(low) : std::isnan(low) || error <= limit;
  return {"", passes, fmt::format("{:.3g}, limit {:.3g}", error, limit)};
}

RuleResult flex_attention(const Compared& c) {
  const auto mean = [&](const std::vector<double>& values) {
    double sum = 0;
    for (std::size_t n = 0; n < values.size(); ++n) sum += std::abs(values[n] - c.exact[n]);
    return sum / static_cast<double>(std::max<std::size_t>(values.size(), 1));
  };
  return at_most(mean(c.got), (c.dtype == DType::f32 ? 10 : 1.1) * mean(c.low));
}

RuleResult flashinfer(const Compared& c) { return close(c, 1e-2, 1e-2, false); }
RuleResult kernelbench(const Compared& c) {
  const double tolerance = c.dtype == DType::f32 ? 1e-4 : 1e-2;
  return close(c, tolerance, tolerance, false);
}

RuleResult allclose(const Compared& c) {  // torch.testing.assert_close's defaults
  switch (c.dtype) {
    case DType::f64:
      return close(c, 1e-7, 1e-7, false);
    case DType::f32:
      return close(c, 1.3e-6, 1e-5, false);
    case DType::f16:
      return close(c, 1e-3, 1e-5, false);
    default:
      return close(c, 1.6e-2, 1e-5, false);
  }
}

RuleResult flashmla(const Compared& c) {
  const bool lse = c.what == Compared::What::lse;
  const double most_absolute = lse ? 1e-6 : 8e-4, most_relative = lse ? 8.01 / 65536 : 2.01 / 128,
               most_cosine = lse ? 1e-7 : 5e-6;
  double squares = 0, got_squares = 0, products = 0;
  std::size_t outside = 0, anomalies = 0;
  for (std::size_t n = 0; n < c.got.size(); ++n) {
    double x = c.reference(n), got = c.got[n];
    if (!std::isfinite(x) || !std::isfinite(got)) {
      if (!(x == got || (std::isnan(x) && std::isnan(got)))) ++anomalies;
      if (!std::isfinite(x)) x = 0;
      if (!std::isfinite(got)) got = 0;
    }
    const double error = std::abs(got - x);
    if (!(error < most_absolute || error / (std::abs(x) + 1e-6) < most_relative)) ++outside;
    squares += x * x, got_squares += got * got, products += x * got;
  }
  const double cosine = squares < 1e-12 ? 0 : 1 - 2 * products / (squares + got_squares);
  return {
      "", anomalies == 0 && outside == 0 && std::abs(cosine) <= most_cosine,
      fmt::format("{} outside, {} NaN or inf out of place, 1 - cosine {:.3g}", outside, anomalies, cosine)};
}

RuleResult ggml(const Compared& c) {
  double error = 0, squares = 0;
  for (std::size_t n = 0; n < c.got.size(); ++n) {
    if (std::isnan(c.got[n]) || std::isnan(c.exact[n])) return {"", false, "NaN"};
    error += (c.got[n] - c.exact[n]) * (c.got[n] - c.exact[n]);
    squares += c.exact[n] * c.exact[n];
  }
  const double nmse = error / squares;
  return {"", !(nmse > 5e-4), fmt::format("NMSE {:.3g}, limit 5e-4", nmse)};
}

RuleResult fabs_above(const Compared& c) {
  std::size_t outside = 0;
  for (std::size_t n = 0; n < c.got.size(); ++n) {
    if (std::abs(c.got[n] - c.reference(n)) > 1e-2) ++outside;  // false for NaN
  }
  return {"", outside == 0, fmt::format("{} beyond 1e-2", outside)};
}

// A rule and what it looks at.
struct Row {
  Rule rule;
  RuleResult (*apply)(const Compared&);
  bool looks_at_lse = false;
};
constexpr Row kRows[] = {
    {{"flash-attention", "Dao-AILab/flash-attention tests/test_flash_attn.py:1121-1132 (0251105)",
      "max error <= 2 x (gradients 3 x) that of PyTorch in the same type"},
     flash_attention_2},
    {{"flash-attention-3", "Dao-AILab/flash-attention hopper/test_flash_attn.py:255-348 (0251105)",
      "max error <= 2 x (softcap 3 x) PyTorch's + 2 x max|(ref + 0.3) - 0.3 - ref|"},
     flash_attention_3},
    {{"pytorch", "pytorch/pytorch test/test_transformers.py, _check_equal, check_out_and_grad",
      "max error <= max(1e-5, 5 x that of PyTorch in the same type); NaN on both sides is right"},
     pytorch},
    {{"flex-attention", "pytorch/pytorch test/inductor/test_flex_attention.py, _check_equal (195dbb5)",
      "mean error <= 1.1 x (fp32 10 x) that of PyTorch in the same type"},
     flex_attention},
    {{"flashinfer", "flashinfer-ai/flashinfer tests/reference/attention/test_attention_sink.py:245 (fb28d72)",
      "rtol = atol = 1e-2"},
     flashinfer},
    {{"flashmla",
      "deepseek-ai/FlashMLA tests/kernelkit/compare.py:31-92, test_flash_mla_dense_decoding.py:170 (9241ae3)",
      "each element within 8e-4 or 2.01/128, lse 1e-6 or 8.01/65536; NaN and inf in place; 1 - cosine <= "
      "5e-6"},
     flashmla,
     true},
    {{"allclose", "pytorch/pytorch torch/testing/_comparison.py, the defaults of assert_close (539f6ce)",
      "rtol and atol by type: 1e-3 (fp16), 1.6e-2 (bf16), 1.3e-6 (fp32); 1e-5"},
     allclose},
    {{"kernelbench", "ScalingIntelligence/KernelBench src/kernelbench/eval.py:93-100 (423217d)",
      "rtol = atol = 1e-2 (fp32 1e-4)"},
     kernelbench},
    {{"ggml", "ggml-org/llama.cpp tests/test-backend-ops.cpp (bc5195c)",
      "normalised mean squared error <= 5e-4"},
     ggml},
    {{"fabs", "if (fabs(a - b) > tolerance) error();", "absolute 1e-2; NaN passes, the comparison is false"},
     fabs_above},
};

std::vector<double> all_values(const Tensor& t) {
  std::vector<double> values(static_cast<std::size_t>(t.batch * t.heads * t.seqlen * t.dim));
  double* to = values.data();
  for (Index b = 0; b < t.batch; ++b) {
    for (Index h = 0; h < t.heads; ++h, to += t.seqlen * t.dim) {
      read(t, b, h, {0, t.seqlen}, {to, t.seqlen, t.dim, t.dim});
    }
  }
  return values;
}

}  // namespace

std::span<const Rule> rules() {
  static const std::vector<Rule> all = [] {
    std::vector<Rule> list;
    for (const Row& row : kRows) list.push_back(row.rule);
    return list;
  }();
  return all;
}

std::vector<RuleResult> apply_rules(const Problem& problem, const Inputs& inputs, const Outputs& outputs,
                                    int threads) {
  require_fit(problem, inputs, outputs);
  Inputs used = inputs;
  if (!outputs.backward()) used.dout = {};
  const Golden exact = golden(problem, used, threads);
  const DType type = outputs.o ? outputs.o.dtype : inputs.dout ? inputs.dout.dtype : inputs.q.dtype;
  const Golden low = framework(problem, used, type, exact, threads);
  using What = Compared::What;
  struct Output {
    const char* name;
    What what;
    const Tensor& got;
    const GoldenTensor &golden, &low;
  };
  const Output all[] = {{"o", What::o, outputs.o, exact.o, low.o},
                        {"lse", What::lse, outputs.lse, exact.lse, low.lse},
                        {"dq", What::gradient, outputs.dq, exact.dq, low.dq},
                        {"dk", What::gradient, outputs.dk, exact.dk, low.dk},
                        {"dv", What::gradient, outputs.dv, exact.dv, low.dv}};
  std::vector<RuleResult> results;
  for (const Row& row : kRows) results.push_back({row.rule.name, true, ""});
  for (const Output& output : all) {
    if (!output.got) continue;
    const Compared compared{output.what,          output.got.dtype, problem.softcap, all_values(output.got),
                            output.golden.values, output.low.values};
    for (std::size_t n = 0; n < results.size(); ++n) {
      if (output.what == What::lse && !kRows[n].looks_at_lse) continue;
      const RuleResult result = kRows[n].apply(compared);
      results[n].passes = results[n].passes && result.passes;
      results[n].detail +=
          fmt::format("{}{}: {}", results[n].detail.empty() ? "" : "; ", output.name, result.detail);
    }
  }
  std::erase_if(results, [](const RuleResult& result) { return result.detail.empty(); });
  return results;
}

}  // namespace attnlab::oracle
