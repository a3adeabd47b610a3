#include "answers/labs/proof.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>

#include "answers/labs/formula.h"
#include "answers/labs/grading.h"
#include "os/temporary_directory.h"
#include "reference/core/data_dir.h"
#include "reference/core/errors.h"

namespace attnlab::answers::labs {
namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw FileError(path.string(), "cannot be read");
  return {std::istreambuf_iterator<char>(in), {}};
}

struct Edit {
  std::string from, to;
};

// A section of proof.txt or cheats.txt: "[mistake] name: loses, loses", lines of explanation, edits.
class Reader {
 public:
  Reader(const Lab& lab, const fs::path& path, const std::string& solution)
      : lab_(lab), path_(path), solution_(solution), lines_(read_file(path)) {}

  // Adds its sections to the proof.
  void read(Proof& proof) {
    std::optional<ProofCase> open;
    const auto close = [&] {
      if (open) proof.cases.push_back(*open);
      open.reset();
    };
    for (std::string line; next(line);) {
      if (line.starts_with("[answer]")) {
        close();
        answer(line, proof);
      } else if (line.starts_with("[")) {
        close();
        open = header(line);
      } else if (line == "<<<<") {
        const Edit change = edit();
        if (open) apply(*open, change);  // else it is for labs of another language
      }
    }
    close();
  }

 private:
  bool next(std::string& line) {
    ++number_;
    return static_cast<bool>(std::getline(lines_, line));
  }
  [[noreturn]] void refuse(const std::string& problem) const {
    throw FileError(path_.string(), fmt::format("line {}: {}", number_, problem));
  }

  // "[answer] stride = 32 * s"
  void answer(const std::string& line, Proof& proof) const {
    const std::size_t equals = line.find('=');
    if (equals == std::string::npos) refuse("expected [answer] question = formula");
    std::istringstream words(line.substr(std::strlen("[answer]"), equals - std::strlen("[answer]")));
    std::string name;
    words >> name;
    const bool known = std::ranges::any_of(lab_.questions, [&](const Question& q) { return q.name == name; });
    if (!known) refuse("\"" + name + "\" is no question of " + lab_.name);
    proof.answers[name] = line.substr(equals + 1);
  }

  // "[honest] name", "[mistake] name: a, b", "[honest] name file=x.cu", "[cheat] name refused only=.cu".
  std::optional<ProofCase> header(const std::string& line) {
    const std::size_t end = line.find(']');
    if (end == std::string::npos) refuse("expected [honest], [mistake] or [cheat]");
    const std::string kind = line.substr(1, end - 1);
    ProofCase proof_case;
    proof_case.source = solution_;
    if (kind == "honest") {
      proof_case.kind = ProofCase::Kind::honest;
    } else if (kind == "mistake") {
      proof_case.kind = ProofCase::Kind::mistake;
    } else if (kind == "cheat") {
      proof_case.kind = ProofCase::Kind::cheat;
    } else {
      refuse("got [" + kind + "], expected [honest], [mistake] or [cheat]");
    }
    std::string rest = line.substr(end + 1);
    if (const std::size_t colon = rest.find(':'); colon != std::string::npos) {
      std::istringstream names(rest.substr(colon + 1));
      for (std::string name; std::getline(names, name, ',');) {
        name.erase(0, name.find_first_not_of(' '));
        name.erase(name.find_last_not_of(' ') + 1);
        const bool known =
            std::ranges::any_of(lab_.properties, [&](const Property& p) { return p.name == name; });
        if (!known) refuse("\"" + name + "\" is no property of " + lab_.name);
        proof_case.loses.push_back(name);
      }
      rest.resize(colon);
    }
    std::istringstream words(rest);
    bool skip = false;
    for (std::string word; words >> word;) {
      if (word.starts_with("file=")) {
        proof_case.source = read_file(path_.parent_path() / word.substr(5));
      } else if (word.starts_with("only=")) {
        skip = word.substr(5) != lab_.source.extension();
      } else if (word == "refused" && proof_case.kind == ProofCase::Kind::cheat) {
        proof_case.refused = true;
      } else {
        proof_case.name = word;
      }
    }
    if (proof_case.name.empty()) refuse("has no name");
    if (proof_case.kind == ProofCase::Kind::mistake && proof_case.loses.empty())
      refuse("a mistake loses something: [mistake] name: property");
    return skip ? std::nullopt : std::optional(proof_case);
  }

  Edit edit() {
    Edit edit;
    bool behind = false;
    for (std::string line; next(line);) {
      if (line == "====") {
        behind = true;
      } else if (line == ">>>>") {
        if (!behind) refuse("expected ==== before >>>>");
        return edit;
      } else {
        (behind ? edit.to : edit.from) += line + "\n";
      }
    }
    refuse("the edit has no >>>>");
  }

  void apply(ProofCase& proof_case, const Edit& edit) {
    if (edit.from.empty()) {
      proof_case.source += edit.to;
      return;
    }
    const std::string text = "\n" + proof_case.source;
    const std::string from = "\n" + edit.from;
    const std::size_t at = text.find(from);
    if (at == std::string::npos || text.find(from, at + 1) != std::string::npos)
      refuse("the text to replace is not in the solution exactly once");
    proof_case.source.replace(at, edit.from.size(), edit.to);
  }

  const Lab& lab_;
  fs::path path_;
  const std::string& solution_;
  std::istringstream lines_;
  int number_ = 0;
};

}  // namespace

const char* name(ProofCase::Kind kind) {
  switch (kind) {
    case ProofCase::Kind::honest:
      return "honest";
    case ProofCase::Kind::mistake:
      return "mistake";
    case ProofCase::Kind::cheat:
      return "cheat";
    case ProofCase::Kind::handout:
      return "handout";
  }
  return "";
}

Proof read_proof(const Lab& lab) {
  const std::string extension = lab.source.extension().string();
  const std::string solution = read_file(lab.folder / lab.source);
  Proof proof;
  proof.cases = {
      {ProofCase::Kind::honest, "solution", {}, false, solution},
      {ProofCase::Kind::handout, "handout", {}, false, read_file(lab.folder / ("handout" + extension))}};
  fs::path cheats = lab.folder.parent_path() / "cheats.txt";
  if (!fs::exists(cheats)) cheats = data_dir("labs") / "cheats.txt";
  for (const fs::path& path : {lab.folder / "proof.txt", cheats}) Reader(lab, path, solution).read(proof);
  for (auto one = proof.cases.begin(); one != proof.cases.end(); ++one) {
    if (std::find_if(proof.cases.begin(), one,
                     [&](const ProofCase& other) { return other.name == one->name; }) != one)
      throw FileError((lab.folder / "proof.txt").string(), "has two cases named " + one->name);
  }
  for (const Question& question : lab.questions) {
    if (!proof.answers.contains(question.name))
      throw FileError((lab.folder / "proof.txt").string(), "has no [answer] to " + question.name);
  }
  return proof;
}

namespace {

// The answers that a student of the lab would give who has the formulas.
std::string answers_of(const Lab& lab, const Proof& proof, const std::string& student) {
  std::string text;
  for (const Question& question : lab.questions) {
    std::map<std::string, double> names;
    for (const auto& [name, value] : drawn(lab, question, student)) names[name] = static_cast<double>(value);
    text += fmt::format("{} = {:.0f}\n", question.name, evaluate(proof.answers.at(question.name), names));
  }
  return text;
}

// Where a case's grade is not as it should be.
std::string unexpected(const Lab& lab, const ProofCase& proof_case, const Grade& grade) {
  using enum ProofCase::Kind;
  std::string why;
  for (std::size_t n = 0; n < grade.tests.size(); ++n) {
    const PropertyGrade& test = grade.tests[n];
    const Property::Kind kind = lab.properties[n].kind;
    const bool lost = test.score < test.max_score;
    std::string what;
    if (proof_case.kind == honest || proof_case.kind == mistake) {
      const bool expected = std::ranges::find(proof_case.loses, test.name) != proof_case.loses.end();
      if (lost != expected) what = lost ? "lost" : "kept its points";
    } else if (proof_case.kind == cheat) {
      const bool knowledge = kind == Property::Kind::questions || kind == Property::Kind::tests ||
                             (kind == Property::Kind::compiles && !proof_case.refused);
      if (!knowledge && test.score > 0) what = "got points";
    }
    if (!what.empty())
      why += fmt::format("{}{} {}: {}", why.empty() ? "" : "; ", test.name, what, test.output);
  }
  if (proof_case.kind == handout && grade.score == grade.max_score) why = "the handout scores full";
  std::ranges::replace(why, '\n', ' ');
  return why;
}

}  // namespace

ProofResult prove(const Lab& lab, const Proof& proof, const ProofCase& proof_case, const Limits& limits) {
  const auto begin = std::chrono::steady_clock::now();
  const os::TemporaryDirectory folder;
  const fs::path source = folder.path() / ("case" + lab.source.extension().string());
  std::ofstream(source, std::ios::binary) << proof_case.source;
  GradeQuestion question;
  question.source = source;
  question.limits = limits;
  ProofResult result{lab.name, proof_case.kind, proof_case.name, true, "", 0, lab.max_score(), 0};
  const bool is_solution = proof_case.name == "solution";
  for (int student = 0; student < (is_solution ? 3 : 1) && result.why.empty(); ++student) {
    question.student = fmt::format("proof of {}, {}", proof_case.name, student);
    question.right_answers = question.right_tests = !is_solution;
    if (is_solution) {
      question.answers = folder.path() / "answers.txt";
      std::ofstream(*question.answers) << answers_of(lab, proof, question.student);
      if (fs::exists(lab.folder / "tests.txt")) question.tests = lab.folder / "tests.txt";
    }
    const Grade grade = labs::grade(lab, question);
    result.score = grade.score;
    result.why = unexpected(lab, proof_case, grade);
  }
  result.as_expected = result.why.empty();
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return result;
}

}  // namespace attnlab::answers::labs
