// The battery at work: the plan's cases one after the other, until time or patience ends.
#include "oracle/battery.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>

#include "oracle/battery/plan.h"
#include "oracle/battery/run_case.h"
#include "reference/core/errors.h"

namespace attnlab::oracle {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Profiles and checks of the registries that no case looks at.
std::vector<std::string> without_case(const std::vector<Case>& cases) {
  std::set<std::string> seen;
  for (const Case& c : cases) seen.insert(c.check != nullptr ? c.check->name : c.profile->name);
  std::vector<std::string> names;
  for (const Profile& profile : profiles()) {
    if (!seen.contains(profile.name)) names.push_back(fmt::format("profile {}", profile.name));
  }
  for (const ExactCheck& check : exact_checks()) {
    if (!seen.contains(check.name)) names.push_back(fmt::format("check {}", check.name));
  }
  return names;
}

class Battery {
 public:
  Battery(const Kernel& kernel, const BatteryOptions& options)
      : kernel_(kernel),
        options_(options),
        cases_(planned_cases(options.schema, options.seed, options.activations)) {
    if (options.cases < 0) throw InvalidArgument("cases", std::to_string(options.cases), "0 or more");
    report_.planned = options.cases != 0 ? options.cases : static_cast<Index>(cases_.size());
    if (options.first_case < 0 || options.first_case > report_.planned) {
      throw InvalidArgument("first_case", std::to_string(options.first_case),
                            fmt::format("0 to {}", report_.planned));
    }
    if (!(options.time_limit_s > 0)) {
      throw InvalidArgument("time_limit_s", std::to_string(options.time_limit_s), "more than 0");
    }
    if (options.stop_after < 1)
      throw InvalidArgument("stop_after", std::to_string(options.stop_after), "1 or more");
    report_.left_out = without_case(cases_);
  }

  BatteryReport run() {
    Index index = options_.first_case;
    for (; index < report_.planned; ++index) {
      if (options_.progress)
        options_.progress(index, report_.planned, static_cast<int>(report_.failures.size()));
      if (out_of_time() || static_cast<int>(report_.failures.size()) >= options_.stop_after) break;
      run_one(index);
    }
    report_.next_case = index;
    report_.complete = index == report_.planned;
    report_.right = report_.failures.empty() && report_.run > 0;
    report_.seconds = seconds_since(start_);
    for (const auto& [why, count] : declined_) {
      report_.left_out.push_back(
          fmt::format("{} case{} that the kernel declines: {}", count, count == 1 ? "" : "s", why));
    }
    return std::move(report_);
  }

 private:
  bool out_of_time() const { return seconds_since(start_) >= options_.time_limit_s; }

  Case case_number(Index index) const {
    return index < static_cast<Index>(cases_.size())
               ? cases_[static_cast<std::size_t>(index)]
               : random_case(options_.schema, options_.seed, options_.activations, index);
  }

  KernelClass class_for(const Case& c) const {
    return options_.kernel_class ? *options_.kernel_class : usual_class(c.dtype);
  }

  Outcome run(const Case& c, bool diagnose) const {
    return run_case(kernel_, c, class_for(c), options_.threads, diagnose);
  }

  void run_one(Index index) {
    const Case c = case_number(index);
    Outcome outcome = run(c, true);
    if (outcome.kind == Outcome::Kind::no_memory) {
      ++report_.skipped;
      report_.left_out.push_back(fmt::format("{} {}: {}", c.check != nullptr ? "check" : "profile",
                                             c.check != nullptr ? c.check->name : c.profile->name,
                                             outcome.what));
      return;
    }
    if (outcome.kind == Outcome::Kind::declined) {
      ++report_.skipped;
      ++declined_[outcome.what];
      return;
    }
    ++report_.run;
    report_.deterministic &= outcome.deterministic;
    if (outcome.kind == Outcome::Kind::right) {
      note_hardest(c, outcome);
      return;
    }
    CaseFailure failure{index, to_text(c), outcome.check, outcome.what, std::move(outcome.verdict), ""};
    if (options_.shrink) {
      const Case smallest = smallest_like(c, failure.check);
      if (to_text(smallest) != failure.problem) failure.shrunk = to_text(smallest);
    }
    report_.failures.push_back(std::move(failure));
  }

  void note_hardest(const Case& c, const Outcome& outcome) {
    if (c.check != nullptr) return;
    const double error = outcome.verdict.max_error_over_budget();
    if (!report_.hardest.empty() && error <= report_.max_error_over_budget) return;
    report_.max_error_over_budget = error;
    report_.hardest = to_text(c);
  }

  Case smallest_like(const Case& c, const std::string& check) const {
    constexpr int kAttempts = 200;
    const double time = std::min(10.0, options_.time_limit_s);
    const Clock::time_point begin = Clock::now();
    const auto fails = [&](const Case& candidate) {
      const Outcome outcome = run(candidate, false);
      return outcome.kind == Outcome::Kind::wrong && outcome.check == check;
    };
    return shrink(c, options_.schema, kAttempts, fails, [&] { return seconds_since(begin) >= time; });
  }

  const Kernel& kernel_;
  const BatteryOptions& options_;
  std::vector<Case> cases_;
  BatteryReport report_;
  std::map<std::string, Index> declined_;
  Clock::time_point start_ = Clock::now();
};

}  // namespace

BatteryReport battery(const Kernel& kernel, const BatteryOptions& options) {
  return Battery(kernel, options).run();
}

}  // namespace attnlab::oracle
