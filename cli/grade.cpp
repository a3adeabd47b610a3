// attnlab grade: a student's submission to a lab, judged.
#include "answers/labs/grade.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>

#include "answers/json.h"
#include "answers/labs/forms.h"
#include "cli/command.h"
#include "cli/grade_folder.h"
#include "cli/grade_proof.h"
#include "cli/quantity_options.h"
#include "cli/refusal.h"
#include "os/output_file.h"
#include "reference/core/errors.h"

namespace attnlab::cli {
namespace {

namespace labs = answers::labs;

struct Options {
  std::string lab, submission, student = "anyone", answers, tests, junit, start, all, csv, page;
  bool json = false, questions = false, prove = false, no_sandbox = false;
  std::uint64_t jobs = 1, draw = 0, seed = 0;
};

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void list_labs() {
  for (const labs::Lab& lab : labs::all_labs())
    print(fmt::format("  {:<20} {}, {} min: {}\n", lab.name, lab.title.en, lab.minutes, lab.goal.en));
}

int grade_one(const labs::Lab& lab, const Options& o) {
  labs::GradeQuestion question;
  question.source = o.submission;
  question.student = o.student;
  for (const auto& [option, file] : {std::pair{"--answers", &o.answers}, std::pair{"--tests", &o.tests}}) {
    if (!file->empty() && !std::filesystem::is_regular_file(*file))
      throw InvalidArgument(option, *file, "a file");
  }
  if (!o.answers.empty()) question.answers = o.answers;
  if (!o.tests.empty()) question.tests = o.tests;
  question.limits.sandbox = !o.no_sandbox;
  os::check_outputs({{{"--junit", o.junit}}},
                    {{{"submission", o.submission}, {"--answers", o.answers}, {"--tests", o.tests}}});
  const labs::Grade grade = labs::grade(lab, question);
  print(o.json ? answers::dump(labs::to_json(grade)) : labs::to_text(lab, grade));
  if (!o.junit.empty()) os::write_file(o.junit, labs::to_junit(grade));
  return grade.score == grade.max_score ? kAnswered : kAnswerIsNo;
}

// What each way of asking takes beside the lab; the first one that is given decides.
struct Mode {
  const char* option;
  std::vector<std::string> takes;
};
const std::vector<Mode>& modes() {
  static const std::vector<Mode> all = {
      {"--prove", {"--jobs", "--draw", "--seed", "--page", "--no-sandbox"}},
      {"--questions", {"--student", "--json"}},
      {"--start", {"--student"}},
      {"--all", {"--csv", "--jobs", "--no-sandbox"}},
      {"submission", {"--student", "--answers", "--tests", "--json", "--junit", "--no-sandbox"}}};
  return all;
}

// Refuses an option that would have no effect.
void check_options(const Command& command) {
  const Mode* mode = nullptr;
  for (const Mode& candidate : modes()) {
    if (mode == nullptr && command.given(candidate.option)) mode = &candidate;
  }
  for (const Mode& other : modes()) {
    std::vector<std::string> options = other.takes;
    options.emplace_back(other.option);
    for (const std::string& option : options) {
      if (!command.given(option)) continue;
      if (mode == nullptr) throw InvalidArgument(option, "no submission", "a lab and a submission beside it");
      if (option != mode->option && std::ranges::find(mode->takes, option) == mode->takes.end())
        throw InvalidArgument(option, "it beside " + std::string(mode->option), "one of the two");
    }
  }
  if (mode != nullptr && std::string(mode->option) != "--prove" && !command.given("lab"))
    throw InvalidArgument("lab", "nothing", "a lab of attnlab list labs");
}

void check_student(const std::string& student) {
  if (!is_plain_name(student))
    throw InvalidArgument("--student", "'" + student + "'", "a name without control characters");
}

int grade(const Options& o) {
  check_student(o.student);
  const labs::Limits limits = {.sandbox = !o.no_sandbox};
  if (o.prove) {
    return prove_grader({.lab = o.lab,
                         .jobs = static_cast<int>(o.jobs),
                         .draw = static_cast<Index>(o.draw),
                         .seed = o.seed,
                         .page = o.page,
                         .limits = limits});
  }
  if (o.lab.empty()) {
    list_labs();
    return kAnswered;
  }
  const labs::Lab lab = labs::find_lab(o.lab);
  if (o.questions) {
    const auto asked = labs::questions_of(lab, o.student);
    print(o.json ? answers::dump(labs::to_json(asked)) : labs::answer_sheet(lab, o.student));
    return kAnswered;
  }
  if (!o.start.empty()) return start_lab(lab, o.start, o.student);
  if (!o.all.empty())
    return grade_folder(lab,
                        {.folder = o.all, .csv = o.csv, .jobs = static_cast<int>(o.jobs), .limits = limits});
  if (o.submission.empty())
    throw InvalidArgument("submission", "nothing", "the student's file, or --questions, --start or --all");
  return grade_one(lab, o);
}

}  // namespace

void add_grade(Command& app) {
  Command command =
      app.add_command("grade", "A student's submission to a course lab: points, property by property");
  const auto o = std::make_shared<Options>();
  command.add_option("lab", o->lab,
                     "A lab of attnlab list labs, by its name, number or folder; without one: lists them");
  command.add_option("submission", o->submission, "The student's file").type_name("FILE");
  command.add_option("--student", o->student, "Hidden problems and questions are drawn from this name")
      .type_name("ID")
      .show_default();
  command.add_option("--answers", o->answers, "Answers to the questions [answers.txt beside the submission]")
      .type_name("FILE");
  command
      .add_option("--tests", o->tests,
                  "The student's tests, where the lab asks for some [tests.txt beside the submission]")
      .type_name("FILE");
  command.add_flag("--questions", o->questions, "Prints the student's questions as a file to fill in");
  command.add_option("--start", o->start, "Makes a new folder with the lab's text, handout and questions")
      .type_name("DIR");
  command
      .add_option("--all", o->all,
                  "Grades every submission below a folder: DIR/STUDENT/FILE or DIR/STUDENT.cu")
      .type_name("DIR");
  command
      .add_option("--csv", o->csv,
                  "Of --all: a row per student; those that are in it already are left alone [DIR/grades.csv]")
      .type_name("FILE");
  add_count(command, "--jobs", o->jobs, "Of --all and --prove: submissions at a time [1]", 1);
  command.add_flag("--json", o->json,
                   "The grade as one JSON object, as Gradescope reads it; of --questions: a list");
  command.add_option("--junit", o->junit, "The grade as JUnit XML, too").type_name("FILE");
  command.add_flag("--no-sandbox", o->no_sandbox,
                   "Runs the submission without bubblewrap: only in a container that is thrown away");
  command.add_flag("--prove", o->prove,
                   "Grades submissions whose points are known: is the grader right? Needs a checkout");
  add_count(command, "--draw", o->draw, "Of --prove: so many of each lab, drawn by --seed [all]", 1);
  add_count(command, "--seed", o->seed, "Of --draw [0]", 0);
  command.add_option("--page", o->page, "Of --prove: writes the table as a page").type_name("FILE");
  command.footer("Exit code 0: full points; 1: fewer, or the grader is not proved; 2: bad input.");
  command.callback([o, command] {
    check_options(command);
    if (const int code = grade(*o); code != 0) throw Exit{code};
  });
}

}  // namespace attnlab::cli
