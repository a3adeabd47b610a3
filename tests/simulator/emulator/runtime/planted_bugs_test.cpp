// Does the emulator find each planted bug, of the right kind and at the right line, and nothing in the
// program's correct twin?
//
// The programs are planted_bugs/*.cu. A line ending in "// BUG: <kind>" is where a finding of that kind is
// expected; where several lines carry one kind, as the two sides of a race, one of them must have it and all
// may. "ALSO: <kind>" on a line names what may follow from the bug there, depending on the order of threads.
// The twin is the same file compiled with -DFIXED. wrong-answer is no finding of the emulator's: such a
// program's accesses are in order, and it says by its exit code that its result is wrong.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "simulator/emulator/report/json.h"
#include "tests/long.h"

namespace attnlab::emulator {
namespace {

namespace fs = std::filesystem;

const fs::path kPrograms = fs::path(ATTNLAB_SOURCE_DIR) / "tests/simulator/emulator/runtime/planted_bugs";

// The plain order of warps and lanes, and adversarial ones.
std::vector<std::string> seeds() {
  std::vector<std::string> all = {"0", "1", "77"};
  for (int more = 2; more < rounds(2, 50); ++more) all.push_back(std::to_string(more));
  return all;
}

std::vector<std::string> programs() {
  std::vector<std::string> all;
  for (const auto& entry : fs::directory_iterator(kPrograms)) {
    if (entry.path().extension() == ".cu") all.push_back(entry.path().stem().string());
  }
  std::sort(all.begin(), all.end());
  return all;
}

// Lines by kind.
using Marks = std::map<std::string, std::set<unsigned>>;

Marks marks(const fs::path& source, const std::string& mark) {
  Marks found;
  std::ifstream file(source);
  std::string line;
  for (unsigned number = 1; std::getline(file, line); ++number) {
    const auto at = line.find(mark);
    if (at == std::string::npos) continue;
    const auto begin = at + mark.size();
    found[line.substr(begin, line.find(' ', begin) - begin)].insert(number);
  }
  return found;
}

bool has(const Marks& marks, const Finding& finding) {
  const auto lines = marks.find(std::string(name(finding.kind)));
  return lines != marks.end() && lines->second.count(finding.line) != 0;
}

struct Outcome {
  int exit_code = -1;
  std::vector<Finding> findings;
};

std::string text(const std::vector<Finding>& findings) {
  std::string all;
  for (const Finding& f : findings) {
    all += "  " + f.file + ":" + std::to_string(f.line) + ": " + std::string(name(f.kind)) + ": " +
           f.message + "\n";
  }
  return all.empty() ? "  nothing\n" : all;
}

class PlantedBug : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("attnlab_planted_" + std::to_string(getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path source() const { return kPrograms / (GetParam() + ".cu"); }
  fs::path program() const { return folder_ / "program"; }

  // With the driver, as a user would.
  bool compile(const std::string& options) const {
    const std::string command = std::string("'") + ATTNLAB_PROGRAM + "' cc '" + source().string() + "' -o '" +
                                program().string() + "' " + options;
    return std::system(command.c_str()) == 0;
  }
  Outcome run(const std::string& seed) const {
    const fs::path report = folder_ / "report.json", said = folder_ / "said";
    const std::string command = "ATTNLAB_EMULATOR_SEED=" + seed + " ATTNLAB_EMULATOR_REPORT='" +
                                report.string() + "' '" + program().string() + "' >'" + said.string() +
                                "' 2>&1 </dev/null";
    const int status = std::system(command.c_str());
    const Report all = read_json(report);
    Outcome outcome{WIFEXITED(status) ? WEXITSTATUS(status) : -1, all.findings};
    for (const KernelReport& kernel : all.kernels) {
      outcome.findings.insert(outcome.findings.end(), kernel.findings.begin(), kernel.findings.end());
    }
    return outcome;
  }

 private:
  fs::path folder_;
};

TEST_P(PlantedBug, IsFoundWhereItIs) {
  const Marks bugs = marks(source(), "// BUG: "), also = marks(source(), " ALSO: ");
  ASSERT_FALSE(bugs.empty());
  ASSERT_TRUE(compile(""));
  for (const std::string& seed : seeds()) {
    SCOPED_TRACE("seed " + seed);
    const Outcome outcome = run(seed);
    for (const auto& [kind, lines] : bugs) {
      if (kind == "wrong-answer") {
        EXPECT_EQ(outcome.exit_code, 1);
        continue;
      }
      const Marks bug = {{kind, lines}};
      const bool found = std::any_of(outcome.findings.begin(), outcome.findings.end(),
                                     [&](const Finding& f) { return has(bug, f); });
      EXPECT_TRUE(found) << kind << " was expected; found:\n" << text(outcome.findings);
    }
    for (const Finding& f : outcome.findings) {
      EXPECT_EQ(fs::path(f.file).filename(), source().filename());
      EXPECT_TRUE(has(bugs, f) || has(also, f)) << "too much:\n" << text({f});
    }
  }
}

TEST_P(PlantedBug, TwinIsClean) {
  ASSERT_TRUE(compile("-DFIXED"));
  for (const std::string& seed : seeds()) {
    const Outcome outcome = run(seed);
    EXPECT_EQ(outcome.exit_code, 0) << "seed " << seed;
    EXPECT_TRUE(outcome.findings.empty()) << "seed " << seed << "\n" << text(outcome.findings);
  }
}

INSTANTIATE_TEST_SUITE_P(All, PlantedBug, ::testing::ValuesIn(programs()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace attnlab::emulator
