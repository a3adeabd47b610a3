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
#include "os/output_file.h"
#include "os/sandbox.h"
#include "reference/core/errors.h"
#include "reference/core/threads.h"

namespace attnlab::cli {
namespace {

namespace fs = std::filesystem;
namespace labs = answers::labs;

// By student: DIR/STUDENT.cu, or the file of DIR/STUDENT/, where the lab's own files are no submissions, but for the
// handout. A folder that does not hold exactly one has none: empty.
std::map<std::string, fs::path> submissions(const labs::Lab& lab, const fs::path& folder) {
  const std::string extension = lab.source.extension().string();
  const auto is_submission = [&](const fs::directory_entry& file) {
    const fs::path name = file.path().filename();
    return file.is_regular_file() && name.extension() == extension &&
           (name == "handout" + extension || !fs::exists(lab.folder / name));
  };
  std::map<std::string, fs::path> found;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.is_regular_file() && entry.path().extension() == extension) {
      found[entry.path().stem().string()] = entry.path();
    } else if (entry.is_directory()) {
      std::vector<fs::path> files;
      for (const fs::directory_entry& file : fs::directory_iterator(entry.path()))
        if (is_submission(file)) files.push_back(file.path());
      found[entry.path().filename().string()] = files.size() == 1 ? files[0] : fs::path();
    }
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

labs::Grade without_submission(const labs::Lab& lab, const std::string& student) {
  labs::Grade grade{lab.name, student, {}, 0, lab.max_score()};
  for (const labs::Property& property : lab.properties)
    grade.tests.push_back({property.name, property.title, 0, property.points, ""});
  return grade;
}

}  // namespace

int grade_folder(const labs::Lab& lab, const FolderQuestion& question) {
  if (!fs::is_directory(question.folder)) throw FileError(question.folder.string(), "is no folder");
  const fs::path csv = question.csv.empty() ? question.folder / "grades.csv" : question.csv;
  os::check_writable(csv);
  const std::string header = labs::csv_header(lab);
  const std::set<std::string> done = graded(csv, header);
  std::vector<std::pair<std::string, fs::path>> left;
  for (const auto& [student, file] : submissions(lab, question.folder)) {
    if (!done.contains(student)) left.emplace_back(student, file);
  }
  if (left.empty() && done.empty()) {
    throw InvalidArgument(
        "--all", question.folder.string(),
        fmt::format("a folder with STUDENT/FILE{0} or STUDENT{0}", lab.source.extension().string()));
  }
  if (question.limits.sandbox) os::require_sandbox();
  std::ofstream table(csv, std::ios::app);
  if (done.empty() && fs::file_size(csv) == 0) table << header << std::flush;
  Progress progress(fmt::format("{} submissions", left.size()));
  std::mutex one_at_a_time;
  std::size_t finished = 0;
  std::vector<std::string> unreadable;
  parallel_for(static_cast<Index>(left.size()), question.jobs, [&](Index n) {
    const auto& [student, file] = left[static_cast<std::size_t>(n)];
    labs::Grade grade = without_submission(lab, student);
    std::string problem =
        file.empty() ? "has not exactly one " + lab.source.extension().string() + " file" : "";
    if (!file.empty()) {
      try {
        labs::GradeQuestion one;
        one.source = file, one.student = student, one.limits = question.limits;
        grade = labs::grade(lab, one);
        os::write_file(file.string() + ".grade.txt", labs::to_text(lab, grade));
      } catch (const FileError& error) {
        problem = error.what();
      }
    }
    const std::lock_guard lock(one_at_a_time);
    if (!problem.empty()) unreadable.push_back(student + ": " + problem);
    table << labs::csv_row(grade) << std::flush;
    progress.show(static_cast<double>(++finished) / static_cast<double>(left.size()));
  });
  if (!table) throw FileError(csv.string(), "cannot be written");
  fmt::print("{} graded, {} were before; {}\n", left.size(), done.size(), csv.string());
  for (const std::string& line : unreadable) fmt::print("  0 points: {}\n", line);
  return kAnswered;
}

int start_lab(const labs::Lab& lab, const fs::path& folder, const std::string& student) {
  if (fs::exists(folder)) throw InvalidArgument("--start", folder.string(), "a folder that is not there yet");
  fs::create_directories(folder);
  const std::string handout = "handout" + lab.source.extension().string();
  for (const std::string& name :
       std::vector<std::string>{"README.md", "README.zh.md", handout, "lab.h", "probe.cu"}) {
    if (fs::exists(lab.folder / name)) fs::copy_file(lab.folder / name, folder / name);
  }
  if (!lab.questions.empty()) os::write_file(folder / "answers.txt", labs::answer_sheet(lab, student));
  fmt::print("{}: read README.md, write {}, then: attnlab grade {} {}{}\n", folder.string(), handout,
             lab.name, (folder / handout).string(),
             student == "anyone" ? "" : fmt::format(" --student \"{}\"", student));
  return kAnswered;
}

}  // namespace attnlab::cli
