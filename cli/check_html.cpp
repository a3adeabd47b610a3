// The page of a verdict: one file, no script; its pictures say on hovering what a cell holds.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>

#include "answers/quantity.h"
#include "cli/check_pictures.h"
#include "cli/check_report.h"
#include "cli/legend.h"
#include "cli/problem_report.h"
#include "oracle/rules.h"
#include "simulator/emulator/report/highlight.h"
#include "simulator/emulator/report/html_parts.h"

namespace attnlab::cli {

using answers::format_count;

namespace {

using emulator::escaped;

constexpr std::string_view kStyle = R"css(
.mistake { background: var(--panel); border-left: 3px solid var(--need-strong); margin: .5rem 0;
  padding: .4rem .8rem; max-width: 60rem; }
.mistake code { color: var(--need-strong); }
.grid td, .grid th { padding: .2rem .8rem .2rem 0; text-align: right; font-weight: 400; vertical-align: top; }
.grid th:first-child, .grid .t { text-align: left; }
.grid thead th { color: var(--soft); font-size: .8rem; border-bottom: 1px solid var(--line); }
.wrong { color: var(--bad); } .right { color: var(--good); }
.bars .bar { min-width: 12rem; }
.bars .bar span { display: block; border-radius: .2rem; background: var(--need-strong); }
.bars .bar .beyond { background: var(--bad); }
.maps { display: flex; flex-wrap: wrap; gap: 1rem 2rem; align-items: flex-start; }
figure { margin: 0; } figcaption { font-size: .85rem; color: var(--soft); margin-bottom: .3rem; }
svg { max-width: 100%; height: auto; } svg text { font: 10px system-ui, sans-serif; fill: var(--soft); }
svg .all { fill: var(--panel); } svg .cell { fill: var(--bad); }
svg rect:hover { stroke: var(--ink); stroke-width: 1; }
)css";

std::string number(double value) { return fmt::format("{:.6g}", value); }
std::string count(std::uint64_t value) { return format_count(value); }

std::string place(const oracle::TensorVerdict& tensor, const oracle::Place& at) {
  std::string text = fmt::format("batch {}, head {}, row {}", at.batch, at.head, at.row);
  if (tensor.name != "lse") text += fmt::format(", column {}", at.col);
  return text;
}

std::string badge(bool right) {
  return fmt::format(R"(<span class="badge {}">{}</span>)", right ? "good" : "bad",
                     right ? "right" : "wrong");
}

std::string tiles(const oracle::Verdict& verdict) {
  std::uint64_t checked = 0, wrong = 0, not_finite = 0;
  for (const oracle::TensorVerdict& tensor : verdict.tensors) {
    checked += tensor.checked;
    wrong += tensor.wrong;
    not_finite += tensor.nonfinite_mismatch;
  }
  const auto tile = [](const std::string& value, const std::string& label) {
    return fmt::format("<div><strong>{}</strong><span>{}</span></div>\n", value, label);
  };
  return "<div class=\"tiles\">\n" +
         tile(ratio(verdict.max_error_over_budget()),
              "largest error over its budget; 1 is the most that is right") +
         tile(count(wrong), "of " + count(checked) + " numbers beyond their budget") +
         tile(count(not_finite), "finite on one side only") +
         tile(count(static_cast<std::uint64_t>(verdict.rows_checked)),
              "of " + count(static_cast<std::uint64_t>(verdict.rows_total)) + " rows compared") +
         "</div>\n";
}

std::string tensors_table(const oracle::Verdict& verdict) {
  std::string rows;
  for (const oracle::TensorVerdict& t : verdict.tensors) {
    const oracle::Element& worst = t.worst;
    rows += fmt::format(
        "<tr><th>{} {}</th><td>{}</td><td>{} of {}</td><td "
        "class=\"t\">{}</td><td>{}</td><td>{}</td><td>{}</td>"
        "<td>{} / {}</td><td>{}</td><td>{}</td></tr>\n",
        t.name, badge(t.right), ratio(t.max_error_over_budget), count(t.wrong), count(t.checked),
        place(t, worst.at), number(worst.got), number(worst.expected), fmt::format("{:.2g}", worst.budget),
        ratio(t.max_row_rms), ratio(t.row_rms_limit), ratio(t.cosine_over_budget), ratio(t.bias_over_budget));
  }
  return "<section><h2>Tensors</h2><div class=\"tables\"><table class=\"grid\"><thead><tr><th></th><th>error "
         "/ "
         "budget</th><th>wrong</th><th class=\"t\">worst at</th><th>got</th><th>expected</th><th>budget</th>"
         "<th title=\"of the worst row, over that of a modelled honest kernel\">row RMS / limit</th>"
         "<th title=\"1 - cosine, over what an honest kernel may have\">angle</th>"
         "<th title=\"mean of error * sign, over what an honest kernel may "
         "have\">bias</th></tr></thead><tbody>\n" +
         rows + "</tbody></table></div></section>\n";
}

std::string diagnosis(const answers::CheckAnswer& answer) {
  const oracle::Verdict& verdict = answer.verdict;
  if (verdict.right || !answer.diagnosed) return "";
  std::string text = "<section><h2>Diagnosis</h2>\n";
  if (verdict.diagnosis.empty()) {
    text += "<p>No known mistake explains this output. The damage below says where to look.</p>\n";
  }
  for (const oracle::Diagnosis& d : verdict.diagnosis) {
    text += fmt::format(
        "<div class=\"mistake\"><p><code>{}</code> {}</p><p><small>A kernel with this mistake gives "
        "this output to {} of its budget.</small></p></div>\n",
        escaped(d.mistake), escaped(d.explanation), ratio(d.max_error_over_budget));
  }
  return text + "</section>\n";
}

std::string histograms(const oracle::Verdict& verdict) {
  const std::vector<int> bins = shown_bins(verdict);
  std::string text = "<section><h2>Error over budget</h2><div class=\"maps\">\n";
  for (const oracle::TensorVerdict& tensor : verdict.tensors) {
    std::uint64_t most = 0;
    for (const int bin : bins) most = std::max(most, count_of(tensor, bin));
    text += fmt::format("<figure><figcaption>{}</figcaption><div class=\"chart bars\">\n", tensor.name);
    for (const int bin : bins) {
      const std::uint64_t n = count_of(tensor, bin);
      const double share = most == 0 ? 0 : static_cast<double>(n) / static_cast<double>(most);
      text += fmt::format(
          "<div class=\"label\">{}</div><div class=\"bar\"><span class=\"{}\" "
          "style=\"width:{:.2f}%\"></span></div>"
          "<div class=\"value\">{}</div>\n",
          bin_label(bin), bin >= kFirstWrongBin ? "beyond" : "within", 100 * share, count(n));
    }
    text += "</div></figure>\n";
  }
  return text + "</div></section>\n";
}

std::string rules(const oracle::Verdict& verdict) {
  if (verdict.rules.empty()) return "";
  std::string rows;
  for (const oracle::RuleResult& result : verdict.rules) {
    const auto all = oracle::rules();
    const auto known = std::ranges::find_if(all, [&](const auto& rule) { return result.rule == rule.name; });
    const std::string meaning =
        known == all.end() ? "" : escaped(known->text) + "<br/><small>" + escaped(known->source) + "</small>";
    rows += fmt::format(
        "<tr><th><code>{}</code></th><td class=\"t {}\">{}</td><td class=\"t\">{}</td><td "
        "class=\"t\">{}</td></tr>\n",
        escaped(result.rule), result.passes ? "right" : "wrong", result.passes ? "passes" : "fails",
        escaped(result.detail), meaning);
  }
  return "<section><h2>What other projects' rules say</h2><div class=\"tables\"><table "
         "class=\"grid\"><thead><tr>"
         "<th>rule of</th><th class=\"t\">says</th><th class=\"t\">because</th><th class=\"t\">the "
         "rule</th></tr>"
         "</thead><tbody>\n" +
         rows + "</tbody></table></div></section>\n";
}

std::string damage(const answers::CheckInputs& inputs, const oracle::Verdict& verdict) {
  if (verdict.damage.empty()) return "";
  std::string text = "<section><h2>Damage</h2>\n";
  for (const oracle::DamageMap& map : verdict.damage) {
    text += fmt::format("<h3>{}: {}</h3>\n<div class=\"maps\">\n", map.tensor, escaped(map.text)) +
            pictures(inputs.problem, map) + "</div>\n";
  }
  return text + "</section>\n";
}

}  // namespace

std::string to_html(const answers::CheckAnswer& answer, const std::string& title) {
  const answers::CheckInputs& inputs = answer.inputs;
  const oracle::Verdict& verdict = answer.verdict;
  const std::string masks = describe_masks(inputs.problem);
  std::string notes;
  for (const std::string& remark : remarks(inputs, verdict))
    notes += "<p>Note: " + escaped(remark) + "</p>\n";
  return fmt::format(R"(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"/><meta name="viewport" content="width=device-width, initial-scale=1"/>
<title>{0}: {1}</title>
<style>
{2}{3}</style></head><body>
<header><h1>{0} {4}</h1><p>{5}{6}</p><p>Kernel class: {7}</p>
<p>Coverage: {8}</p>
{9}</header>
<main>
)",
                     escaped(title), verdict.right ? "right" : "wrong", emulator::style_sheet(), kStyle,
                     badge(verdict.right), escaped(describe_sizes(inputs.problem, inputs.inputs.q.dtype)),
                     masks.empty() ? "" : "; " + escaped(masks), escaped(verdict.kernel_class),
                     escaped(verdict.coverage), notes) +
         tiles(verdict) + diagnosis(answer) + damage(inputs, verdict) + tensors_table(verdict) +
         histograms(verdict) + rules(verdict) + legend_html(check_terms()) + "</main></body></html>\n";
}

}  // namespace attnlab::cli
