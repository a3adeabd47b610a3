#include "cli/grade_proof.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <map>
#include <mutex>
#include <vector>

#include "cli/progress.h"
#include "cli/refusal.h"
#include "os/output_file.h"
#include "os/sandbox.h"
#include "reference/core/random.h"
#include "reference/core/threads.h"

namespace attnlab::cli {
namespace {

namespace labs = answers::labs;
using Kind = labs::ProofCase::Kind;

struct Case {
  const labs::Lab* lab;
  const labs::Proof* proof;
  labs::ProofCase one;
};

// A lab's line of the table.
struct Row {
  std::array<int, 4> all{}, as_expected{};
  double seconds = 0, slowest = 0;
};

std::vector<Case> cases_of(const std::vector<labs::Lab>& all, const std::vector<labs::Proof>& proofs,
                           const ProofQuestion& question) {
  std::vector<Case> cases;
  for (std::size_t n = 0; n < all.size(); ++n) {
    std::vector<labs::ProofCase> of_lab = proofs[n].cases;
    Random random(question.seed, static_cast<std::uint32_t>(labs::seed_of(all[n].name)));
    while (question.draw > 0 && std::ssize(of_lab) > question.draw)
      of_lab.erase(of_lab.begin() + random.below(std::ssize(of_lab)));
    for (labs::ProofCase& one : of_lab) cases.push_back({&all[n], &proofs[n], std::move(one)});
  }
  return cases;
}

constexpr const char* kHead =
    "| Lab | solution and honest variants: full points | mistakes: lose what they should | cheats: nothing "
    "| handout: less than full | seconds per submission | longest | date |\n"
    "|---|---|---|---|---|---|---|---|\n";

// By lab.
std::map<std::string, std::string> lines_of(const std::map<std::string, Row>& rows) {
  std::map<std::string, std::string> lines;
  for (const auto& [lab, row] : rows) {
    std::string& line = lines[lab] = "| " + lab;
    int count = 0;
    for (const Kind kind : {Kind::honest, Kind::mistake, Kind::cheat, Kind::handout}) {
      const auto n = static_cast<std::size_t>(kind);
      count += row.all[n];
      line += fmt::format(" | {} of {}", row.as_expected[n], row.all[n]);
    }
    line += fmt::format(" | {:.1f} | {:.1f} | {:%Y-%m-%d} |\n", row.seconds / count, row.slowest,
                        fmt::gmtime(std::time(nullptr)));
  }
  return lines;
}

// The page with these lines; those of other labs stay.
void write_page(const std::filesystem::path& page, std::map<std::string, std::string> lines) {
  std::ifstream before(page);
  for (std::string line; std::getline(before, line);) {
    if (line.size() > 3 && line.starts_with("| ") && std::isdigit(static_cast<unsigned char>(line[2])) != 0)
      lines.try_emplace(line.substr(2, line.find(' ', 2) - 2), line + "\n");
  }
  std::string text =
      "# The grader, proved\n\nSubmissions whose points are known, graded by `attnlab grade --prove [LAB] "
      "--page "
      "docs/results/labs.md`. [labs.md](../labs.md) says what they are. Seconds are those of the machine "
      "that ran it, "
      "two submissions at a time.\n\n" +
      std::string(kHead);
  for (const auto& [lab, line] : lines) text += line;
  os::write_file(page, text);
}

}  // namespace

int prove_grader(const ProofQuestion& question) {
  if (question.limits.sandbox) os::require_sandbox();
  if (!question.page.empty()) os::check_writable(question.page);
  const std::vector<labs::Lab> all =
      question.lab.empty() ? labs::all_labs() : std::vector{labs::find_lab(question.lab)};
  std::vector<labs::Proof> proofs;
  for (const labs::Lab& lab : all) proofs.push_back(labs::read_proof(lab));
  const std::vector<Case> cases = cases_of(all, proofs, question);
  if (question.draw > 0) fmt::print("{} of each lab, drawn with --seed {}\n", question.draw, question.seed);
  std::map<std::string, Row> rows;
  std::mutex one_at_a_time;
  bool proved = true;
  std::size_t finished = 0;
  {
    Progress progress(fmt::format("{} submissions", cases.size()));
    parallel_for(static_cast<Index>(cases.size()), question.jobs, [&](Index n) {
      const Case& one = cases[static_cast<std::size_t>(n)];
      const labs::ProofResult result = labs::prove(*one.lab, *one.proof, one.one, question.limits);
      const std::lock_guard lock(one_at_a_time);
      Row& row = rows[result.lab];
      const auto kind = static_cast<std::size_t>(result.kind);
      ++row.all[kind];
      row.as_expected[kind] += result.as_expected ? 1 : 0;
      row.seconds += result.seconds;
      row.slowest = std::max(row.slowest, result.seconds);
      progress.show(static_cast<double>(++finished) / static_cast<double>(cases.size()));
      if (question.draw > 0 || !result.as_expected) {
        fmt::print("{} {} {} {}: {} of {} points, {:.1f} s{}\n", result.as_expected ? "ok   " : "WRONG",
                   result.lab, labs::name(result.kind), result.name, result.score, result.max_score,
                   result.seconds, result.why.empty() ? "" : "; " + result.why);
        std::fflush(stdout);
      }
      proved &= result.as_expected;
    });
  }
  const std::map<std::string, std::string> lines = lines_of(rows);
  fmt::print("{}", kHead);
  for (const auto& [lab, line] : lines) fmt::print("{}", line);
  if (!question.page.empty()) write_page(question.page, lines);
  return proved ? kAnswered : kAnswerIsNo;
}

}  // namespace attnlab::cli
