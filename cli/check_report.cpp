#include "cli/check_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "answers/quantity.h"
#include "cli/problem_report.h"

namespace attnlab::cli {

using answers::format_count;

namespace {

double share_of(const oracle::TensorVerdict& tensor, int bin) {
  return tensor.checked == 0
             ? 0
             : static_cast<double>(count_of(tensor, bin)) / static_cast<double>(tensor.checked);
}

std::string percent(double share) {
  if (share <= 0) return "";
  return share < 0.0005 ? "<0.1 %" : fmt::format("{:.1f} %", 100 * share);
}

// A line a bin, a column a tensor, and the bars of the worst.
std::string histogram(const oracle::Verdict& verdict, const Screen& screen) {
  if (verdict.tensors.empty()) return "";
  const oracle::TensorVerdict& worst = verdict.worst_tensor();
  const std::vector<int> bins = shown_bins(verdict);
  std::string text = fmt::format("{:<16}", "error / budget");
  for (const oracle::TensorVerdict& tensor : verdict.tensors) text += fmt::format("{:>9}", tensor.name);
  text += verdict.tensors.size() > 1 ? fmt::format("  bars: {}\n", worst.name) : "\n";
  double most = 0;
  for (const int bin : bins) most = std::max(most, share_of(worst, bin));
  for (const int bin : bins) {
    std::string line = fmt::format("{:<16}", bin_label(bin));
    for (const oracle::TensorVerdict& tensor : verdict.tensors) {
      line += fmt::format("{:>9}", percent(share_of(tensor, bin)));
    }
    const int room = std::max(8, std::min(40, screen.columns - static_cast<int>(line.size()) - 4));
    line += "  " + screen.bar(most > 0 ? share_of(worst, bin) / most : 0, room);
    line.erase(line.find_last_not_of(' ') + 1);
    text += (bin >= kFirstWrongBin ? screen.red(line) : line) + "\n";
  }
  return text;
}

std::string rules_table(const oracle::Verdict& verdict) {
  std::string text = "what other projects' rules say\n";
  std::size_t width = 0;
  for (const oracle::RuleResult& rule : verdict.rules) width = std::max(width, rule.rule.size());
  for (const oracle::RuleResult& rule : verdict.rules) {
    text +=
        fmt::format("  {:<{}}  {}  {}\n", rule.rule, width, rule.passes ? "passes" : "fails ", rule.detail);
  }
  return text;
}

std::string place(const oracle::TensorVerdict& tensor, const oracle::Place& at) {
  std::string text = fmt::format("batch {}, head {}, row {}", at.batch, at.head, at.row);
  if (tensor.name != "lse") text += fmt::format(", column {}", at.col);
  return text;
}

// "o", "o and lse", "dq, dk and dv": the tensors for which `holds`.
template <class Holds>
std::string names(const oracle::Verdict& verdict, Holds holds) {
  std::vector<std::string> list;
  for (const oracle::TensorVerdict& tensor : verdict.tensors) {
    if (holds(tensor)) list.push_back(tensor.name);
  }
  if (list.empty()) return "";
  const std::string last = list.back();
  list.pop_back();
  return list.empty() ? last : fmt::format("{} and {}", fmt::join(list, ", "), last);
}

// The answer in a sentence.
std::string sentence(const oracle::Verdict& verdict) {
  const std::string scope = verdict.rows_checked < verdict.rows_total
                                ? fmt::format("on the {} of {} rows that were compared, ",
                                              format_count(static_cast<std::uint64_t>(verdict.rows_checked)),
                                              format_count(static_cast<std::uint64_t>(verdict.rows_total)))
                                : "";
  if (verdict.right) {
    return fmt::format("{}every number of {} lies within its error budget; the worst takes {} of it.", scope,
                       names(verdict, [](const auto&) { return true; }),
                       ratio(verdict.max_error_over_budget()));
  }
  const oracle::TensorVerdict& worst = verdict.worst_tensor();
  const std::string bad = names(verdict, [](const auto& tensor) { return !tensor.right; });
  if (worst.wrong == 0) {
    return fmt::format("{}no single number of {} is beyond its error budget, but together they are.", scope,
                       bad);
  }
  std::string text = fmt::format(
      "{}{} of {} numbers of {} {}", scope, format_count(worst.wrong), format_count(worst.checked),
      worst.name, worst.wrong == 1 ? "lies beyond its error budget" : "lie beyond their error budget");
  if (worst.nonfinite_mismatch == worst.wrong) {
    text += ": finite on one side only";
  } else if (std::isinf(worst.max_error_over_budget)) {
    text += ", some where only the exact answer is right";
  } else {
    text +=
        fmt::format(", by {}{} times", worst.wrong == 1 ? "" : "up to ", ratio(worst.max_error_over_budget));
  }
  return text + (bad == worst.name ? "." : fmt::format("; wrong are {}.", bad));
}

std::string tensor_lines(const oracle::TensorVerdict& t, const Screen& screen) {
  const oracle::Element& worst = t.worst;
  std::string text = fmt::format("  {:<4} {}  worst at {}: got {:.6g}, expected {:.6g} +- {:.2g}\n", t.name,
                                 t.right ? screen.green("right") : screen.red("WRONG"), place(t, worst.at),
                                 worst.got, worst.expected, worst.budget);
  const auto add = [&](const std::string& line) { text += fmt::format("{:>13}{}\n", "", line); };
  if (t.nonfinite_mismatch != 0) {
    add(fmt::format("{} finite on one side only: NaN or infinity out of place",
                    format_count(t.nonfinite_mismatch)));
  }
  if (t.wrong > t.nonfinite_mismatch) {
    add(fmt::format("{} of {} beyond the budget", format_count(t.wrong - t.nonfinite_mismatch),
                    format_count(t.checked)));
  }
  if (t.wrong != 0) return text;
  if (!(t.max_row_rms <= t.row_rms_limit)) {
    add(fmt::format("errors of row {} of head {} are {} times those of an honest kernel (at most {})",
                    t.worst_row.row, t.worst_row.head, ratio(t.max_row_rms), ratio(t.row_rms_limit)));
  }
  if (!(t.cosine_over_budget <= 1)) {
    add(fmt::format("the angle to the golden values is {} times an honest kernel's",
                    ratio(t.cosine_over_budget)));
  }
  if (!(t.bias_over_budget <= 1)) {
    add(fmt::format("errors lean to one side, {} times as far as an honest kernel's",
                    ratio(t.bias_over_budget)));
  }
  return text;
}

// Words in lines that fit the screen, from the second on behind `indent` spaces. The first begins at
// `column`.
std::string wrapped(const std::string& text, int column, int indent, const Screen& screen) {
  std::string result;
  int at = column;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    const int width = static_cast<int>(end - begin);
    const bool breaks = begin > 0 && at + 1 + width > std::max(screen.columns, 60);
    if (breaks) {
      result += "\n" + std::string(static_cast<std::size_t>(indent), ' ');
      at = indent;
    } else if (begin > 0) {
      result += ' ';
      ++at;
    }
    result += text.substr(begin, end - begin);
    at += width;
    begin = end + 1;
  }
  return result + "\n";
}

std::string diagnosis_lines(const answers::CheckAnswer& answer, const Screen& screen) {
  const oracle::Verdict& verdict = answer.verdict;
  std::string text;
  if (!verdict.right && answer.diagnosed && verdict.diagnosis.empty()) {
    return fmt::format("  {}  no known mistake gives this output; where the damage is may tell\n",
                       screen.red("why"));
  }
  constexpr int kIndent = 7;
  for (const oracle::Diagnosis& d : verdict.diagnosis) {
    text += fmt::format("  {}  ", screen.red(text.empty() ? "why" : "or "));
    text += wrapped(fmt::format("{}: {} (a kernel with this mistake gives this output to {} of its budget)",
                                d.mistake, d.explanation, ratio(d.max_error_over_budget)),
                    kIndent, kIndent, screen);
  }
  return text;
}

std::string verdict_lines(const answers::CheckAnswer& answer, const Screen& screen) {
  const oracle::Verdict& verdict = answer.verdict;
  std::string text = (verdict.right ? screen.green("RIGHT") : screen.red("WRONG")) + ": " +
                     wrapped(sentence(verdict), 7, 7, screen);
  for (const oracle::TensorVerdict& tensor : verdict.tensors) text += tensor_lines(tensor, screen);
  return text + diagnosis_lines(answer, screen);
}

}  // namespace

std::string ratio(double value) {
  return value >= 1000 && std::isfinite(value)
             ? format_count(static_cast<std::uint64_t>(std::min(value, 1e18)))
             : fmt::format("{:.3g}", value);
}

std::uint64_t count_of(const oracle::TensorVerdict& tensor, int bin) {
  const auto begin = tensor.histogram.begin();
  return bin == kLowBin ? std::accumulate(begin + 1, begin + kLowBin + 1, std::uint64_t{0}) : begin[bin];
}

std::string bin_label(int bin) {
  const auto power = [](int exponent) {
    return exponent >= 0 ? std::to_string(1 << exponent) : fmt::format("1/{}", 1 << -exponent);
  };
  if (bin == 0) return "exact";
  if (bin == kLowBin) return "below " + power(kLowBin - 12);
  if (bin == oracle::kHistogramBins - 1) return power(2) + " and more";
  return power(bin - 13) + " .. " + power(bin - 12);
}

std::vector<int> shown_bins(const oracle::Verdict& verdict) {
  const auto filled = [&](int bin) {
    return std::ranges::any_of(verdict.tensors,
                               [&](const auto& tensor) { return count_of(tensor, bin) != 0; });
  };
  std::vector<int> bins{0};
  for (int bin = kLowBin; bin < oracle::kHistogramBins; ++bin) bins.push_back(bin);
  while (!bins.empty() && !filled(bins.back())) bins.pop_back();
  while (!bins.empty() && !filled(bins.front())) bins.erase(bins.begin());
  return bins;
}

std::vector<std::string> remarks(const answers::CheckInputs& inputs, const oracle::Verdict& verdict) {
  std::vector<std::string> lines;
  const attention::Problem& p = inputs.problem;
  if (!verdict.right && !p.packed() && p.num_heads > p.seqlen_q && p.seqlen_q > 1) {
    lines.push_back(fmt::format(
        "{} heads and {} queries: do the dimensions lie in the other order (--layout {})?", p.num_heads,
        p.seqlen_q, inputs.form.order == answers::Form::Order::bhsd ? "bshd" : "bhsd"));
  }
  for (const answers::NonFinite& tensor : inputs.not_finite) {
    lines.push_back(
        fmt::format("{} has NaN or infinity in {} places: rows that see them are expected "
                    "to be NaN or infinite (docs/semantics.md)",
                    tensor.tensor, format_count(tensor.count)));
  }
  if (!inputs.unused.empty()) {
    lines.push_back(fmt::format("not used from the input: {}", fmt::join(inputs.unused, ", ")));
  }
  return lines;
}

std::string to_text(const answers::CheckAnswer& answer, const Screen& screen) {
  const answers::CheckInputs& inputs = answer.inputs;
  const oracle::Verdict& verdict = answer.verdict;
  std::string text = verdict_lines(answer, screen);
  text += fmt::format("\nproblem   {}, {}\n", describe_sizes(inputs.problem, inputs.inputs.q.dtype),
                      inputs.form.name());
  if (const std::string masks = describe_masks(inputs.problem); !masks.empty()) {
    text += fmt::format("          {}\n", masks);
  }
  text += fmt::format("kernel    {}\n", verdict.kernel_class);
  if (verdict.golden != "cpu") text += fmt::format("golden    float64, by {}\n", verdict.golden);
  text += "coverage  " + wrapped(verdict.coverage, 10, 10, screen);
  for (const std::string& remark : remarks(inputs, verdict))
    text += "note      " + wrapped(remark, 10, 10, screen);
  text += "\n" + histogram(verdict, screen);
  for (const oracle::DamageMap& map : verdict.damage) text += "\n" + heat_map(inputs.problem, map, screen);
  if (!verdict.rules.empty()) text += "\n" + rules_table(verdict);
  return text;
}

}  // namespace attnlab::cli
