#include "answers/labs/grade.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <regex>

#include "answers/labs/forms.h"
#include "answers/labs/formula.h"
#include "answers/labs/grading.h"
#include "answers/labs/metrics.h"
#include "os/sandbox.h"
#include "reference/core/errors.h"

namespace attnlab::answers::labs {
namespace {

namespace fs = std::filesystem;

// Without addresses, which are others in every run.
std::string place_of(const emulator::Finding& finding) {
  static const std::regex kAddress(" (at )?0x[0-9a-f]+");
  const std::string message = std::regex_replace(finding.message, kAddress, "");
  return finding.line == 0 ? message : fmt::format("line {}: {}", finding.line, message);
}

}  // namespace

Grading::Grading(const Lab& lab, const GradeQuestion& question)
    : lab_(lab), question_(question), submission_(lab, question.source, question.limits) {}

Grade Grading::grade() {
  Grade grade{lab_.name, question_.student, {}, 0, lab_.max_score()};
  build_ = submission_.build();
  // Findings and determinism look at the runs of the others: they come last, and stand where the lab has them.
  grade.tests.resize(lab_.properties.size());
  const auto judge_kinds = [&](bool last) {
    for (std::size_t n = 0; n < lab_.properties.size(); ++n) {
      const Property& property = lab_.properties[n];
      if ((property.kind == Property::Kind::findings) != last) continue;
      const Judgement judgement = judge(property);
      const int score = judgement.score >= 0 ? judgement.score : judgement.holds ? property.points : 0;
      grade.tests[n] = {property.name, property.title, score, property.points, printable(judgement.output)};
      grade.score += score;
    }
  };
  judge_kinds(false);
  judge_kinds(true);
  return grade;
}

Grading::Judgement Grading::judge(const Property& property) {
  using enum Property::Kind;
  // Right answers and tests are knowledge: they count whatever the program does.
  if (property.kind == tests) return this->tests(property);
  if (property.kind == compiles) return this->compiles();
  if (!build_.runs && property.kind != questions) return {false, "not judged: there is no program", -1};
  switch (property.kind) {
    case values:
      return this->values(property);
    case findings:
      return this->findings(property);
    case determinism:
      return this->determinism(property);
    case budget:
      return this->budget(property);
    case questions:
      return this->questions(property);
    case compiles:
    case tests:
      break;
  }
  return {};
}

Grading::Judgement Grading::compiles() const {
  std::string text;
  for (const std::string& problem : build_.problems) text += (text.empty() ? "" : "\n") + problem;
  return {build_.runs && text.empty(), text.empty() ? "without warnings" : text, -1};
}

std::vector<Spec> Grading::problems_of(const Property& property) const {
  std::vector<Spec> specs;
  for (const Group& group : property.problems) {
    for (Index n = 0; n < group.count; ++n) {
      const std::string words =
          fmt::format("{}|{}|{}|{}", lab_.name, question_.student, property.name, specs.size());
      specs.push_back(draw(group, lab_, seed_of(words)));
      specs.back().way = property.way;
    }
  }
  return specs;
}

void Grading::remember(const Run& run, const Spec& spec) {
  const auto add = [&](std::string kind, const std::string& text) {
    std::ranges::replace(kind, '-', '_');
    found_.try_emplace(kind, fmt::format("{} ({})", text, to_text(spec)));
  };
  if (run.sanitizer) add("sanitizers", *run.sanitizer);
  if (!lab_.is_cuda()) {
    launched_ |= run.failed.empty();
    if (!run.failed.empty() && no_report_.empty())
      no_report_ = fmt::format("{} ({})", run.failed, to_text(spec));
    return;
  }
  if (!run.report) {
    if (no_report_.empty()) no_report_ = fmt::format("{} ({})", run.failed, to_text(spec));
    return;
  }
  launched_ |= !run.report->kernels.empty();
  for (const emulator::Finding& finding : run.report->findings)
    add(std::string(emulator::name(finding.kind)), place_of(finding));
  for (const emulator::KernelReport& kernel : run.report->kernels) {
    for (const emulator::Finding& finding : kernel.findings)
      add(std::string(emulator::name(finding.kind)), place_of(finding));
  }
}

Grading::Judged Grading::run(const Spec& spec, std::uint64_t warp_order, bool remembered) {
  Judged judged;
  const Program program = [&](const std::string& input, std::size_t numbers) {
    judged.run = submission_.run(input, numbers, warp_order);
    if (remembered) remember(judged.run, spec);
    if (!judged.run.failed.empty()) throw ProgramFailed(judged.run.failed);
    return judged.run.result;
  };
  try {
    judged.wrong = find_task(lab_.task)->run(spec, program);
  } catch (const ProgramFailed& failed) {
    judged.wrong = failed.what();
  }
  return judged;
}

Grading::Judgement Grading::values(const Property& property) {
  const std::vector<Spec> specs = problems_of(property);
  for (const Spec& spec : specs) {
    const Judged judged = run(spec);
    if (!judged.wrong) continue;
    if (judged.run.stopped) return {false, fmt::format("{}\nfor {}", *judged.wrong, to_text(spec)), -1};
    constexpr int kAttempts = 12;
    // Their findings are not looked at: what is drawn decides about points, not what is tried afterwards.
    const auto again = [&](const Spec& smaller) { return run(smaller, 0, false).wrong; };
    const Spec smallest = shrink(
        spec, [&](const Spec& smaller) { return again(smaller).has_value(); }, kAttempts);
    return {false, fmt::format("{}\nfor {}", again(smallest).value_or("wrong at times"), to_text(smallest)),
            -1};
  }
  return {true, fmt::format("right on {} hidden problems", specs.size()), -1};
}

Grading::Judgement Grading::findings(const Property& property) const {
  std::string text;
  for (const std::string& kind : property.of) {
    if (const auto found = found_.find(kind); found != found_.end())
      text += (text.empty() ? "" : "\n") + kind + ": " + found->second;
  }
  if (!text.empty()) return {false, text, -1};
  if (!launched_) {
    const char* const nothing = lab_.is_cuda() ? "no kernel was launched" : "no run came to its end";
    return {false, "not judged: " + (no_report_.empty() ? std::string(nothing) : no_report_), -1};
  }
  if (lab_.is_cuda() && !no_report_.empty())
    return {false, "not judged: a run left no report: " + no_report_, -1};
  return {true, "none in all runs", -1};
}

Grading::Judgement Grading::determinism(const Property& property) {
  for (const Spec& spec : problems_of(property)) {
    const Judged first = run(spec);
    if (first.wrong) return {false, fmt::format("not judged: {}\nfor {}", *first.wrong, to_text(spec)), -1};
    for (const std::uint64_t order : {1, 2}) {
      const Judged again = run(spec, order);
      if (again.wrong)
        return {false, fmt::format("another order of warps: {}\nfor {}", *again.wrong, to_text(spec)), -1};
      for (std::size_t n = 0; n < first.run.result.size(); ++n) {
        if (std::bit_cast<std::uint32_t>(first.run.result[n]) !=
            std::bit_cast<std::uint32_t>(again.run.result[n]))
          return {
              false,
              fmt::format("number {} of the result is {:.9g}, and {:.9g} with another order of warps\nfor {}",
                          n, first.run.result[n], again.run.result[n], to_text(spec)),
              -1};
      }
    }
  }
  return {true, "the same bits in every order of warps", -1};
}

Grading::Judgement Grading::budget(const Property& property) {
  std::string held;
  for (const Spec& spec : problems_of(property)) {
    const Judged judged = run(spec);
    if (judged.wrong) return {false, fmt::format("not judged: {}\nfor {}", *judged.wrong, to_text(spec)), -1};
    const auto count = static_cast<double>(submission_.metric(judged.run, property.metrics, property.way));
    const auto names = names_of(spec);
    const std::string what = fmt::format("{}", fmt::join(property.metrics, " + "));
    if (!property.at_most.empty()) {
      const double most = std::floor(evaluate(property.at_most, names));
      if (!(count <= most)) {
        return {false,
                fmt::format("{} is {:.0f}, the budget is {:.0f} = {}\nfor {}\n{}", what, count, most,
                            property.at_most, to_text(spec), property.advice.en),
                -1};
      }
      held = fmt::format("{} is {:.0f} of at most {:.0f}", what, count, most);
    }
    if (!property.at_least.empty()) {
      const double least = std::ceil(evaluate(property.at_least, names));
      if (!(count >= least)) {
        return {false,
                fmt::format("{} is {:.0f}, less than the {:.0f} = {} that the work takes\nfor {}\n{}", what,
                            count, least, property.at_least, to_text(spec), property.advice.en),
                -1};
      }
      if (held.empty()) held = fmt::format("{} is {:.0f} of at least {:.0f}", what, count, least);
    }
  }
  return {true, held, -1};
}

Grade grade(const Lab& lab, const GradeQuestion& question) {
  if (question.limits.sandbox) os::require_sandbox();
  return Grading(lab, question).grade();
}

}  // namespace attnlab::answers::labs
