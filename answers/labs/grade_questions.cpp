// Predict first: questions whose numbers are the student's own, answered before anything runs, judged by counters.
#include <fmt/format.h>

#include <charconv>
#include <fstream>

#include "answers/labs/grading.h"
#include "answers/labs/metrics.h"
#include "reference/core/errors.h"
#include "reference/core/random.h"

namespace attnlab::answers::labs {
namespace {

namespace fs = std::filesystem;

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \t\r"), end = text.find_last_not_of(" \t\r");
  return begin == std::string::npos ? "" : text.substr(begin, end - begin + 1);
}

// Lines "name = 123"; what is behind # is a comment.
std::map<std::string, std::string> read_answers(const fs::path& path) {
  constexpr std::uintmax_t kMostBytes = 1 << 16;
  require_plain_file(path, kMostBytes);
  std::ifstream file(path);
  if (!file) throw FileError(path.string(), "cannot be read");
  std::map<std::string, std::string> answers;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    if (++number == 1 && line.starts_with("\xef\xbb\xbf")) line.erase(0, 3);  // an editor's mark of UTF-8
    line = trimmed(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    const std::size_t equals = line.find('=');
    if (equals == std::string::npos)
      throw FileError(path.string(), fmt::format("line {}: expected name = number", number));
    answers[trimmed(line.substr(0, equals))] = trimmed(line.substr(equals + 1));
  }
  return answers;
}

}  // namespace

std::map<std::string, Index> drawn(const Lab& lab, const Question& question, const std::string& student) {
  Random random(seed_of(fmt::format("{}|{}|question|{}", lab.name, student, question.name)));
  std::map<std::string, Index> numbers;
  for (const auto& [name, extent] : question.draws)
    numbers[name] = extent.low + random.below(extent.high - extent.low + 1);
  return numbers;
}

std::string with_numbers(std::string text, const std::map<std::string, Index>& numbers) {
  for (const auto& [name, value] : numbers) {
    const std::string mark = "{" + name + "}";
    for (std::size_t at; (at = text.find(mark)) != std::string::npos;)
      text.replace(at, mark.size(), std::to_string(value));
  }
  return text;
}

std::vector<Asked> questions_of(const Lab& lab, const std::string& student) {
  std::vector<Asked> asked;
  for (const Question& question : lab.questions) {
    const auto numbers = drawn(lab, question, student);
    asked.push_back({question.name,
                     {with_numbers(question.text.en, numbers), with_numbers(question.text.zh, numbers)},
                     numbers});
  }
  return asked;
}

std::string answer_sheet(const Lab& lab, const std::string& student) {
  std::string text = fmt::format(
      "# {}: questions of {}. Write a whole number (digits alone) behind each =, before you run anything.\n",
      lab.name, student);
  for (const Asked& asked : questions_of(lab, student))
    text += fmt::format("\n# {}\n# {}\n{} =\n", asked.text.en, asked.text.zh, asked.name);
  return text;
}

std::uint64_t Grading::right_answer(const Question& asked) {
  const auto numbers = drawn(lab_, asked, question_.student);
  if (asked.program == "submission") {
    const Spec spec =
        draw(asked.problem, lab_, seed_of(fmt::format("{}|{}|{}", lab_.name, question_.student, asked.name)),
             numbers);
    const Judged judged = run(spec);
    if (judged.wrong) throw ProgramFailed(*judged.wrong);
    return submission_.metric(judged.run, asked.metrics, asked.way);
  }
  std::vector<std::string> arguments;
  for (const std::string& argument : asked.arguments) arguments.push_back(with_numbers(argument, numbers));
  std::unique_ptr<Probe>& probe = probes_[asked.program];
  if (probe == nullptr) probe = std::make_unique<Probe>(lab_.folder / asked.program);
  const emulator::Report report = probe->run(arguments);
  std::uint64_t sum = 0;
  for (const std::string& metric : asked.metrics) sum += metric_of(report, metric);
  return sum;
}

// What the right answers bring: all, but for those about a program that does not run.
Grading::Judgement Grading::as_if_answered() {
  for (const Question& asked : lab_.questions) {
    if (asked.program != "submission") continue;
    if (!build_.runs) return {false, "not judged: there is no program", -1};
    try {
      right_answer(asked);
    } catch (const ProgramFailed& failed) {
      return {false, "not judged: " + std::string(failed.what()), -1};
    }
  }
  return {true, "taken as answered", -1};
}

// Points in proportion to the right answers. What is wrong is named, the right number is not.
Grading::Judgement Grading::questions(const Property& property) {
  if (question_.right_answers) return as_if_answered();
  const fs::path path = question_.answers.value_or(question_.source.parent_path() / "answers.txt");
  if (!question_.answers && !fs::exists(path))
    return {false,
            fmt::format("no answers.txt beside the submission: attnlab grade {} --questions prints it",
                        lab_.name),
            -1};
  std::map<std::string, std::string> answers;
  try {
    answers = read_answers(path);
  } catch (const FileError& error) {  // a slip in this file costs this property, not the grade
    return {false, path.filename().string() + " " + error.problem(), -1};
  }
  int right = 0;
  std::string output;
  for (const auto& answer : answers) {
    const std::string& name = answer.first;
    const bool known = std::any_of(lab_.questions.begin(), lab_.questions.end(),
                                   [&](const Question& q) { return q.name == name; });
    if (!known) output += (output.empty() ? "" : "\n") + name + ": is no question of this lab";
  }
  for (const Question& asked : lab_.questions) {
    const auto given = answers.find(asked.name);
    std::string said;
    if (given == answers.end() || given->second.empty()) {
      said = "no answer";
    } else {
      std::uint64_t value = 0;
      const std::string& text = given->second;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
      if (error != std::errc{} || end != text.data() + text.size()) {
        said = "\"" + text + "\" is no whole number";
      } else if (asked.program == "submission" && !build_.runs) {
        said = "not judged: there is no program";
      } else {
        try {
          said =
              right_answer(asked) == value ? "right" : fmt::format("{} is not what the counters say", value);
        } catch (const ProgramFailed& failed) {
          said = "not judged: " + std::string(failed.what());
        }
      }
    }
    right += said == "right" ? 1 : 0;
    output += fmt::format("{}{}: {}", output.empty() ? "" : "\n", asked.name, said);
  }
  const int all = static_cast<int>(lab_.questions.size());
  return {right == all, output, all == 0 ? property.points : property.points * right / all};
}

}  // namespace attnlab::answers::labs
