#include "cli/run_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "answers/quantity.h"
#include "cli/problem_report.h"

namespace attnlab::cli {

using answers::format_count;

namespace {

std::string agreement_text(const answers::Agreement& agreement) {
  std::string text = fmt::format("{:.1e}", agreement.worst);
  if (agreement.mismatches != 0)
    text += fmt::format(" and {} numbers finite on one side only", format_count(agreement.mismatches));
  return text;
}

std::string line(const char* head, const std::string& text) { return fmt::format("{:<11} {}\n", head, text); }

std::string check_text(const answers::RunQuestion& question, const answers::RunInputs& inputs,
                       const answers::RunAnswer& a) {
  const Index heads = inputs.problem.batch * inputs.problem.num_heads;
  if (!a.check) {
    return line("check",
                question.check_heads ? "none" : "too large for float64 here (--check 1 compares a head)");
  }
  const answers::CheckResult& check = *a.check;
  std::string text = line("check", fmt::format("against standard attention in float64, {} of {} heads",
                                               format_count(static_cast<std::uint64_t>(check.heads)),
                                               format_count(static_cast<std::uint64_t>(heads))));
  const auto add = [&](const char* name, const answers::Agreement& agreement, const std::string& more = "") {
    text += line("", fmt::format("worst error of {:<3} {}{}   (largest value {:.3g})", name,
                                 agreement_text(agreement), more, agreement.largest));
  };
  const bool narrower =
      check.rounded.worst != check.o.worst || check.rounded.mismatches != check.o.mismatches;
  add("O", check.o,
      narrower ? fmt::format(", once rounded to {} {}", name(inputs.dtype()), agreement_text(check.rounded))
               : "");
  add("lse", check.lse);
  if (question.backward) {
    add("dQ", check.dq);
    add("dK", check.dk);
    add("dV", check.dv);
  }
  return text;
}

}  // namespace

std::string to_text(const answers::RunQuestion& question, const answers::RunInputs& inputs,
                    const answers::RunAnswer& a, const std::vector<std::string>& written) {
  const attention::Problem& p = inputs.problem;
  std::string text =
      fmt::format("{}, in {}\n", question.algorithm->title, question.in_double ? "double" : "float");
  text += line("problem", fmt::format("{}, {}", describe_sizes(p, inputs.dtype()), inputs.form.name()));
  if (const std::string masks = describe_masks(p); !masks.empty()) text += line("", masks);
  if (question.algorithm->block_mask) {
    text += line("", fmt::format("{:g}% of the blocks of {} x {} exist", 100 * question.density, a.tiles.br,
                                 a.tiles.bc));
  }
  if (!inputs.unused.empty())
    text += line("", fmt::format("not used from the input: {}", fmt::join(inputs.unused, ", ")));
  std::string elapsed = fmt::format("{:.3g} s", a.forward_seconds);
  if (question.backward) elapsed += fmt::format(" forward, {:.3g} s backward", a.backward_seconds);
  text += line("elapsed", fmt::format("{} on {} thread{}", elapsed, a.threads, a.threads == 1 ? "" : "s"));
  text += check_text(question, inputs, a);
  if (a.from_file)
    text += line("file's o", fmt::format("worst difference from it {}", agreement_text(*a.from_file)));
  text += line("rows", fmt::format("{} of {} see no key",
                                   format_count(static_cast<std::uint64_t>(a.rows.without_keys)),
                                   format_count(static_cast<std::uint64_t>(a.rows.rows))));
  text += line("not finite", fmt::format("{} numbers of the output", format_count(a.not_finite)));
  if (!written.empty()) text += line("written", fmt::format("{}", fmt::join(written, ", ")));
  return text;
}

}  // namespace attnlab::cli
