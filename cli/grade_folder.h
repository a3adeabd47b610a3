// A lab's folder for a student, and a folder of students' submissions.
#pragma once

#include <filesystem>
#include <string>

#include "answers/labs/grade.h"

namespace attnlab::cli {

// Whether a student can be called so: not blank, no control characters.
bool is_plain_name(const std::string& name);

struct FolderQuestion {
  std::filesystem::path folder, csv;  // csv empty: grades.csv in the folder
  int jobs = 1;
  answers::labs::Limits limits;
};
// Grades them one after another, a row of the table at a time; those in the table already are left alone. Returns the
// exit code. Throws InvalidArgument where there is no submission.
int grade_folder(const answers::labs::Lab& lab, const FolderQuestion& question);

// Makes the folder, which must not be there, with what a student gets. Returns the exit code.
int start_lab(const answers::labs::Lab& lab, const std::filesystem::path& folder, const std::string& student);

}  // namespace attnlab::cli
