// Other projects' rules, as functions of four tensors' elements: the kernel's, the exact ones, a
// low-precision framework's, and nothing else. What each says of a NaN follows from how its own code
// compares.
#include "reference/oracle/rules.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "reference/attention/scores.h"
#include "reference/core/blocks.h"
#include "reference/core/threads.h"
#include "reference/oracle/golden.h"
#include "reference/oracle/golden_head.h"
#include "reference/softmax/row.h"

namespace attnlab::oracle {
namespace {

using attention::Problem;

// What the rules compare. Every number is one of the output's type, as a test has it, but for `exact`.
struct Compared {
  DType dtype;
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

RuleResult flash_attention_2(const Compared& c) { return at_most(got_error(c), 2 * low_error(c)); }

RuleResult flash_attention_3(const Compared& c) {
  const auto reference = [&](std::size_t n) { return c.reference(n); };
  const auto shaken = [&](std::size_t n) {
    return round_to(c.dtype, round_to(c.dtype, reference(n) + 0.3) - 0.3);
  };
  return at_most(got_error(c), 2 * low_error(c) + 2 * max_error(c.got.size(), shaken, reference));
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
  double most = 0;  // equal_nan: NaN on both sides is no error
  for (std::size_t n = 0; n < c.low.size(); ++n) {
    const double error = std::abs(c.low[n] - c.exact[n]);
    if (!std::isnan(error)) most = std::max(most, error);
  }
  return close(c, 0, std::max(1e-5, 5 * most), true);
}

RuleResult flex_attention(const Compared& c) {
  const auto mean = [&](const std::vector<double>& values) {
    double sum = 0;
    for (std::size_t n = 0; n < values.size(); ++n) sum += std::abs(values[n] - c.exact[n]);
    return sum / static_cast<double>(std::max<std::size_t>(values.size(), 1));
  };
  return at_most(mean(c.got), 1.1 * mean(c.low));
}

RuleResult flashinfer(const Compared& c) { return close(c, 1e-2, 1e-2, false); }
RuleResult kernelbench(const Compared& c) { return close(c, 1e-2, 1e-2, false); }

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
  constexpr double kAbsolute = 8e-4, kRelative = 2.01 / 128, kCosine = 5e-6;
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
    if (!(error < kAbsolute || error / (std::abs(x) + 1e-6) < kRelative)) ++outside;
    squares += x * x, got_squares += got * got, products += x * got;
  }
  const double cosine = squares < 1e-12 ? 0 : 1 - 2 * products / (squares + got_squares);
  return {
      "", anomalies == 0 && outside == 0 && std::abs(cosine) <= kCosine,
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

// A rule and whether it needs the framework's result.
struct Row {
  Rule rule;
  RuleResult (*apply)(const Compared&);
  bool needs_low;
};
constexpr Row kRows[] = {
    {{"flash-attention", "Dao-AILab/flash-attention tests/test_flash_attn.py",
      "max error <= 2 x that of PyTorch in the same type"},
     flash_attention_2,
     true},
    {{"flash-attention-3", "Dao-AILab/flash-attention hopper/test_flash_attn.py (e7f8a55)",
      "max error <= 2 x PyTorch's + 2 x max|(ref + 0.3) - 0.3 - ref|"},
     flash_attention_3,
     true},
    {{"pytorch", "pytorch/pytorch test/test_transformers.py (6ac8662)",
      "max error <= max(1e-5, 5 x that of PyTorch in the same type); NaN on both sides is right"},
     pytorch,
     true},
    {{"flex-attention", "pytorch/pytorch test/inductor/test_flex_attention.py",
      "mean error <= 1.1 x that of PyTorch in the same type"},
     flex_attention,
     true},
    {{"flashinfer", "flashinfer-ai/flashinfer tests (assert_close)", "rtol = atol = 1e-2"},
     flashinfer,
     false},
    {{"flashmla", "deepseek-ai/FlashMLA tests/kernelkit/compare.py (9a7d253)",
      "each element within 8e-4 or 2.01/128, NaN and inf in place, 1 - cosine <= 5e-6"},
     flashmla,
     false},
    {{"allclose", "torch.testing.assert_close",
      "rtol and atol by type: 1e-3 (fp16), 1.6e-2 (bf16), 1.3e-6 (fp32); 1e-5"},
     allclose,
     false},
    {{"kernelbench", "ScalingIntelligence/KernelBench src/kernelbench/eval.py", "rtol = atol = 1e-2"},
     kernelbench,
     false},
    {{"ggml", "ggml-org/llama.cpp tests/test-backend-ops.cpp", "normalised mean squared error <= 5e-4"},
     ggml,
     false},
    {{"fabs", "if (fabs(a - b) > tolerance) error();", "absolute 1e-2; NaN passes, the comparison is false"},
     fabs_above,
     false},
};

// The standard algorithm of a framework in the inputs' type: S, P and O rounded to it.
void low_precision(const Problem& p, const Inputs& in, DType type, int threads, GoldenTensor& out) {
  parallel_for(p.batch * p.num_heads, threads, [&](Index index) {
    const Index b = index / p.num_heads, h = index % p.num_heads, tb = p.tensor_batch(b);
    const attention::Head head = attention::head_of(p, b, h);
    const Rows rows = p.q_rows(b), keys{0, head.seqlen_kv};
    if (rows.size == 0 || keys.size == 0) return;
    KeyValues kv(std::numeric_limits<std::size_t>::max());
    kv.select(p, in, b, h / p.group_size());
    Direct memory;
    for (const Rows block : blocks(rows.size, kGoldenRows)) {
      std::vector<Index> list;
      for (Index i = block.begin; i < block.end(); ++i) list.push_back(i);
      RowMajor<double> s(block.size, keys.size), o = RowMajor<double>::Zero(block.size, p.head_dim_v);
      const MatrixView<double> view{s.data(), block.size, keys.size, keys.size};
      logits<double>(head, list, read_rows(in.q, tb, h, rows.begin, list), kv.k(keys), keys, view);
      const auto round = [&](RowMajor<double>& m) {
        round_to(type, std::span(m.data(), static_cast<std::size_t>(m.size())));
      };
      round(s);
      for (Index r = 0; r < block.size; ++r) {
        const double top = std::max(softmax::max_row(&s(r, 0), keys.size), head.sink);
        const double l = softmax::exp_row(&s(r, 0), keys.size, top) + softmax::exp_diff(head.sink, top);
        if (l != 0) s.row(r) /= l;
      }
      round(s);
      for (Index r = 0; r < block.size; ++r) {
        const Rows row{block.begin + r, 1};
        Tile<double> weights(view.middle({r, 1}), nullptr);
        attention::apply_dropout(memory, head, row, keys, weights);
        attention::add_product<attention::Side::keys>(memory, head, row, keys, s.row(r), as_eigen(kv.v(keys)),
                                                      o.row(r), 1.0);
      }
      round(o);
      for (Index r = 0; r < block.size; ++r) {
        for (Index c = 0; c < p.head_dim_v; ++c) {
          const Index row = rows.begin + block.begin + r;
          out.values[static_cast<std::size_t>(((tb * p.num_heads + h) * out.rows + row) * out.dim + c)] =
              o(r, c);
        }
      }
    }
  });
}

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
  struct Output {
    const char* name;
    const Tensor& got;
    const GoldenTensor& golden;
  };
  const Output all[] = {{"o", outputs.o, exact.o},
                        {"dq", outputs.dq, exact.dq},
                        {"dk", outputs.dk, exact.dk},
                        {"dv", outputs.dv, exact.dv}};
  std::vector<RuleResult> results;
  for (const Row& row : kRows) results.push_back({row.rule.name, true, ""});
  for (const Output& output : all) {
    if (!output.got) continue;
    Compared compared{output.got.dtype, all_values(output.got), output.golden.values, {}};
    const bool forward = &output == all;
    if (forward) {
      GoldenTensor low = output.golden;
      std::fill(low.values.begin(), low.values.end(), 0.0);
      low_precision(problem, inputs, output.got.dtype, threads, low);
      compared.low = std::move(low.values);
    }
    for (std::size_t n = 0; n < results.size(); ++n) {
      if (kRows[n].needs_low && !forward)
        continue;  // they bound gradients by a framework's, which is not modelled
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
