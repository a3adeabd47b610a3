// A verdict in words, and as JSON.
#include "oracle/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace attnlab::oracle {
namespace {

using nlohmann::ordered_json;

// JSON has no infinities and no NaN: they are strings.
ordered_json number(double x) {
  if (std::isfinite(x)) return x;
  return std::isnan(x) ? "nan" : x > 0 ? "inf" : "-inf";
}

ordered_json place(const Place& at) {
  return {{"batch", at.batch}, {"head", at.head}, {"row", at.row}, {"col", at.col}};
}

ordered_json worst(const TensorVerdict& t) {
  ordered_json out = {{"tensor", t.name}};
  out.update(place(t.worst.at));
  out["got"] = number(t.worst.got);
  out["expected"] = number(t.worst.expected);
  out["budget"] = number(t.worst.budget);
  out["error_over_budget"] = number(t.worst.error_over_budget);
  return out;
}

ordered_json tensor(const TensorVerdict& t) {
  return {{"name", t.name},
          {"right", t.right},
          {"checked", t.checked},
          {"wrong", t.wrong},
          {"nonfinite_mismatch", t.nonfinite_mismatch},
          {"max_error_over_budget", number(t.max_error_over_budget)},
          {"worst", worst(t)},
          {"histogram", t.histogram},
          {"max_row_rms", number(t.max_row_rms)},
          {"row_rms_limit", number(t.row_rms_limit)},
          {"worst_row", place(t.worst_row)},
          {"cosine_over_budget", number(t.cosine_over_budget)},
          {"bias_over_budget", number(t.bias_over_budget)}};
}

std::string place_text(const std::string& tensor, const Place& at) {
  const bool row_only = tensor == "lse";
  return fmt::format("{}[{}, {}, {}{}]", tensor, at.batch, at.head, at.row,
                     row_only ? "" : fmt::format(", {}", at.col));
}

// What is wrong with a tensor, in the order of what says most.
std::string reasons(const TensorVerdict& t) {
  std::string text;
  const auto add = [&](const std::string& reason) { text += (text.empty() ? "" : ", ") + reason; };
  if (t.nonfinite_mismatch > 0) add(fmt::format("{} NaN or infinity out of place", t.nonfinite_mismatch));
  if (t.wrong > t.nonfinite_mismatch) {
    add(fmt::format("{} of {} elements beyond the budget", t.wrong - t.nonfinite_mismatch, t.checked));
  }
  if (!(t.max_row_rms <= t.row_rms_limit)) {
    add(fmt::format("row errors up to {:.3g} times an honest kernel's (limit {:.3g})", t.max_row_rms,
                    t.row_rms_limit));
  }
  if (!(t.cosine_over_budget <= 1)) add(fmt::format("direction off by {:.3g} budgets", t.cosine_over_budget));
  if (!(t.bias_over_budget <= 1)) add(fmt::format("biased by {:.3g} budgets", t.bias_over_budget));
  return text;
}

std::string histogram_text(const TensorVerdict& t) {
  std::string text = fmt::format("    error/budget of {}:", t.name);
  const auto last = static_cast<std::size_t>(kHistogramBins - 1);
  for (std::size_t bin = 0; bin <= last; ++bin) {
    if (t.histogram[bin] == 0) continue;
    const double share = 100.0 * static_cast<double>(t.histogram[bin]) / static_cast<double>(t.checked);
    const std::string label = bin == 0 ? "0"
                              : bin == last
                                  ? ">=4"
                                  : fmt::format("<{:.3g}", std::ldexp(1.0, static_cast<int>(bin) - 12));
    text += fmt::format("  {}: {:.3g} %", label, share);
  }
  return text + "\n";
}

}  // namespace

double Verdict::max_error_over_budget() const {
  double most = 0;
  for (const TensorVerdict& t : tensors) most = std::max(most, t.max_error_over_budget);
  return most;
}

const TensorVerdict& Verdict::worst_tensor() const {
  return *std::max_element(tensors.begin(), tensors.end(),
                           [](const TensorVerdict& a, const TensorVerdict& b) {
                             if (a.right != b.right) return a.right;
                             return a.max_error_over_budget < b.max_error_over_budget;
                           });
}

std::string to_text(const Verdict& v) {
  std::string text = fmt::format("{}: max error/budget {:.3g}  ({})\n", v.right ? "RIGHT" : "WRONG",
                                 v.max_error_over_budget(), v.kernel_class);
  for (const TensorVerdict& t : v.tensors) {
    text += fmt::format("  {:<4} {}  max error/budget {:.3g} at {}: got {:.7g}, expected {:.7g} +- {:.2g}\n",
                        t.name, t.right ? "right" : "WRONG", t.max_error_over_budget,
                        place_text(t.name, t.worst.at), t.worst.got, t.worst.expected, t.worst.budget);
    if (t.right) continue;
    text += fmt::format("    {}\n", reasons(t)) + histogram_text(t);
  }
  for (const DamageMap& d : v.damage) text += fmt::format("  damage of {}: {}\n", d.tensor, d.text);
  for (const Diagnosis& d : v.diagnosis) {
    text += fmt::format("  likely mistake: {}: {} (explains it to {:.3g} of the budget)\n", d.mistake,
                        d.explanation, d.max_error_over_budget);
  }
  for (const RuleResult& r : v.rules) {
    text += fmt::format("  rule {:<16} {}  {}\n", r.rule, r.passes ? "passes" : "FAILS ", r.detail);
  }
  return text + fmt::format("  coverage: {}\n", v.coverage);
}

std::string to_json(const Verdict& v) {
  ordered_json out;
  out["verdict"] = v.right ? "right" : "wrong";
  out["kernel_class"] = v.kernel_class;
  out["golden"] = v.golden;
  out["max_error_over_budget"] = number(v.max_error_over_budget());
  out["worst"] = v.tensors.empty() ? ordered_json() : worst(v.worst_tensor());
  std::uint64_t mismatches = 0;
  for (const TensorVerdict& t : v.tensors) mismatches += t.nonfinite_mismatch;
  out["nonfinite_mismatch"] = mismatches;
  out["diagnosis"] = ordered_json::array();
  for (const Diagnosis& d : v.diagnosis) {
    out["diagnosis"].push_back({{"mistake", d.mistake},
                                {"explanation", d.explanation},
                                {"max_error_over_budget", number(d.max_error_over_budget)}});
  }
  out["rules"] = ordered_json::array();
  for (const RuleResult& r : v.rules) {
    out["rules"].push_back({{"rule", r.rule}, {"passes", r.passes}, {"detail", r.detail}});
  }
  out["tensors"] = ordered_json::array();
  for (const TensorVerdict& t : v.tensors) out["tensors"].push_back(tensor(t));
  out["damage"] = ordered_json::array();
  for (const DamageMap& d : v.damage) {
    out["damage"].push_back({{"tensor", d.tensor},
                             {"text", d.text},
                             {"heads", d.heads},
                             {"rows", d.rows},
                             {"cols", d.cols},
                             {"row_step", d.row_step},
                             {"col_step", d.col_step},
                             {"share", d.share}});
  }
  out["rows_checked"] = v.rows_checked;
  out["rows_total"] = v.rows_total;
  out["coverage"] = v.coverage;
  return out.dump(2) + "\n";
}

}  // namespace attnlab::oracle
