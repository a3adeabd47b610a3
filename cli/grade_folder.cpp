#include "cli/grade_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <vector>

#include "answers/labs/forms.h"
#include "cli/progress.h"
#include "cli/refusal.h"
#include "cli/shell_quoted.h"
#include "os/output_file.h"
#include "os/sandbox.h"
#include "reference/core/errors.h"
#include "reference/core/threads.h"

namespace attnlab::cli {
namespace {

namespace fs = std::filesystem;
namespace labs = answers::labs;

constexpr const char* kFeedback = ".feedback";  // "grades.feedback": a text for each student

struct Found {
  std::map<std::string, fs::path> files;  // by student; empty: not exactly one in the student's folder
  std::vector<std::string> left_aside;    // names, with why
};

// DIR/STUDENT.cu, or the file of DIR/STUDENT/, where the lab's own files are no submissions, but for the handout. Links
// are followed nowhere: a student's may lead to anybody's file.
Found submissions(const labs::Lab& lab, const fs::path& folder) {
  const std::string extension = lab.source.extension().string();
  const auto is_submission = [&](const fs::directory_entry& file) {
    const fs::path name = file.path().filename();
    return !file.is_symlink() && file.is_regular_file() && name.extension() == extension &&
           (name == "handout" + extension || !fs::exists(lab.folder / name));
  };
  Found found;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const bool is_folder = !entry.is_symlink() && entry.is_directory();
    const std::string name = entry.path().filename().string();
    if (name.starts_with(".") || name.ends_with(kFeedback) || entry.path().extension() == ".csv") continue;
    const std::string student = is_folder ? name : entry.path().stem().string();
    std::string why;
    if (!is_folder && !is_submission(entry)) {
      why = "no folder, and no " + extension + " file of a student's own";
    } else if (!is_plain_name(student)) {
      why = "control characters in its name";
    } else if (found.files.contains(student)) {
      why = "another submission of " + student;
    }
    if (!why.empty()) {
      found.left_aside.push_back(labs::printable(name) + ": " + why);
      continue;
    }
    std::vector<fs::path> files;
    if (!is_folder) files.push_back(entry.path());
    for (const fs::directory_entry& file :
         is_folder ? fs::directory_iterator(entry.path()) : fs::directory_iterator())
      if (is_submission(file)) files.push_back(file.path());
    found.files[student] = files.size() == 1 ? files[0] : fs::path();
  }
  return found;
}

// Their names: the first field of each row.
std::set<std::string> graded(const fs::path& csv, const std::string& header) {
  std::set<std::string> names;
  std::ifstream file(csv);
  std::string line;
  if (!file || !std::getline(file, line)) return names;
  if (line + "\n" != header)
    throw FileError(csv.string(), "is no table of this lab: its first line is another one");
  while (std::getline(file, line)) {
    std::string name;
    if (line.starts_with("\"")) {
      for (std::size_t n = 1; n < line.size(); ++n) {
        if (line[n] == '"' && (n + 1 == line.size() || line[++n] != '"')) break;
        name += line[n];
      }
    } else {
      name = line.substr(0, line.find(','));
    }
    names.insert(name);
  }
  return names;
}

}  // namespace

bool is_plain_name(const std::string& name) {
  return name.find_first_not_of(' ') != std::string::npos &&
         std::ranges::none_of(name, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; });
}

int grade_folder(const labs::Lab& lab, const FolderQuestion& question) {
  if (!fs::is_directory(question.folder))
    throw InvalidArgument("--all", question.folder.string(), "a folder");
  const fs::path csv = question.csv.empty() ? question.folder / "grades.csv" : question.csv;
  os::check_writable(csv);
  const std::string header = labs::csv_header(lab);
  const std::set<std::string> done = graded(csv, header);
  const Found found = submissions(lab, question.folder);
  std::vector<std::pair<std::string, fs::path>> left;
  std::vector<std::string> without_grade = found.left_aside;
  for (const auto& [student, file] : found.files) {
    if (file.empty()) {
      without_grade.push_back(student + ": has not exactly one " + lab.source.extension().string() + " file");
    } else if (!done.contains(labs::csv_name(student))) {
      left.emplace_back(student, file);
    }
  }
  if (found.files.empty()) {
    throw InvalidArgument(
        "--all", question.folder.string(),
        fmt::format("a folder with STUDENT/FILE{0} or STUDENT{0}", lab.source.extension().string()));
  }
  if (question.limits.sandbox) os::require_sandbox();
  const fs::path feedback = csv.parent_path() / (csv.stem().string() + kFeedback);
  if (fs::is_symlink(feedback)) throw FileError(feedback.string(), "is a link, expected a folder");
  fs::create_directories(feedback);
  std::ofstream table(csv, std::ios::app);
  if (done.empty() && fs::file_size(csv) == 0) table << header << std::flush;
  Progress progress(fmt::format("{} submissions", left.size()));
  std::mutex one_at_a_time;
  std::size_t finished = 0, graded = 0;
  parallel_for(static_cast<Index>(left.size()), question.jobs, [&](Index n) {
    const auto& [student, file] = left[static_cast<std::size_t>(n)];
    std::string row, problem;
    try {
      labs::GradeQuestion one;
      one.source = file, one.student = student, one.limits = question.limits;
      const labs::Grade grade = labs::grade(lab, one);
      os::write_file(feedback / (student + ".txt"), labs::to_text(lab, grade));
      row = labs::csv_row(grade);
    } catch (const std::exception& error) {  // one submission's trouble is not the class's
      problem = student + ": " + labs::printable(error.what());
    }
    const std::lock_guard lock(one_at_a_time);
    if (!problem.empty()) without_grade.push_back(problem);
    table << row << std::flush;
    graded += row.empty() ? 0 : 1;
    progress.show(static_cast<double>(++finished) / static_cast<double>(left.size()));
  });
  if (!table) throw FileError(csv.string(), "cannot be written");
  fmt::print("{} graded, {} were before; {}, reasons in {}\n", graded, done.size(), csv.string(),
             feedback.string());
  for (const std::string& line : without_grade) fmt::print("  no grade: {}\n", line);
  return kAnswered;
}

int start_lab(const labs::Lab& lab, const fs::path& folder, const std::string& student) {
  if (fs::exists(folder)) throw InvalidArgument("--start", folder.string(), "a folder that is not there yet");
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed) throw FileError(folder.string(), "cannot be made: " + failed.message());
  const std::string handout = "handout" + lab.source.extension().string();
  for (const std::string& name :
       std::vector<std::string>{"README.md", "README.zh.md", handout, "lab.h", "probe.cu"}) {
    if (fs::exists(lab.folder / name)) fs::copy_file(lab.folder / name, folder / name);
  }
  if (!lab.questions.empty()) os::write_file(folder / "answers.txt", labs::answer_sheet(lab, student));
  fmt::print("{}: read README.md, write {}, answer answers.txt, then:\n  attnlab grade {} {}{}\n",
             folder.string(), handout, lab.name, shell_quoted((folder / handout).string()),
             student == "anyone" ? "" : " --student " + shell_quoted(student));
  return kAnswered;
}

}  // namespace attnlab::cli
