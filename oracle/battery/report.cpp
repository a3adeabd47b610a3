// The battery's answer, for people and for programs.
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "oracle/battery.h"

namespace attnlab::oracle {
namespace {

using Json = nlohmann::ordered_json;

// JSON has no infinity: a string then.
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(fmt::format("{}", value)); }

std::string head_line(const BatteryReport& r) {
  const std::string cases = fmt::format("{} case{}", r.run, r.run == 1 ? "" : "s");
  if (!r.failures.empty())
    return fmt::format("WRONG: {} of {} fail{}", r.failures.size(), cases, r.failures.size() == 1 ? "s" : "");
  if (r.run == 0) return "NOTHING RUN: every case was declined, or time was up";
  return fmt::format("RIGHT in all of {}", cases);
}

}  // namespace

std::string to_text(const BatteryReport& r) {
  std::string text =
      head_line(r) + fmt::format("; {} declined, {} planned, {:.1f} s\n", r.skipped, r.planned, r.seconds);
  for (const CaseFailure& f : r.failures) {
    text += fmt::format("  case {}: {}\n    {}: {}\n", f.index, f.problem, f.check, f.what);
    if (!f.verdict.diagnosis.empty())
      text += fmt::format("    likely: {}\n", f.verdict.diagnosis.front().explanation);
    if (!f.shrunk.empty()) text += fmt::format("    smallest: {}\n", f.shrunk);
  }
  if (!r.hardest.empty()) {
    text += fmt::format("  largest error over budget: {:.2f}, at {}\n", r.max_error_over_budget, r.hardest);
  }
  if (!r.deterministic) text += "  gradients differ between equal calls, within the budget\n";
  for (const std::string& what : r.left_out) text += fmt::format("  left out: {}\n", what);
  if (!r.complete) text += fmt::format("  not finished: continue at case {}\n", r.next_case);
  return text;
}

std::string to_json(const BatteryReport& r) {
  Json json;
  json["verdict"] = r.right ? "right" : r.failures.empty() ? "nothing run" : "wrong";
  json["run"] = r.run;
  json["skipped"] = r.skipped;
  json["planned"] = r.planned;
  json["next_case"] = r.next_case;
  json["complete"] = r.complete;
  json["deterministic"] = r.deterministic;
  json["max_error_over_budget"] = number(r.max_error_over_budget);
  json["hardest"] = r.hardest;
  json["left_out"] = r.left_out;
  json["seconds"] = r.seconds;
  json["failures"] = Json::array();
  for (const CaseFailure& f : r.failures) {
    Json failure{{"case", f.index},
                 {"problem", f.problem},
                 {"check", f.check},
                 {"what", f.what},
                 {"smallest", f.shrunk}};
    if (f.check == "values") failure["verdict"] = Json::parse(to_json(f.verdict));
    json["failures"].push_back(std::move(failure));
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace attnlab::oracle
