// attnlab grade: a submission judged, property by property.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "answers/labs/lab.h"
#include "answers/labs/submission.h"

namespace attnlab::answers::labs {

struct GradeQuestion {
  std::filesystem::path source;
  std::string student = "anyone";                       // hidden problems and questions are drawn from it
  std::optional<std::filesystem::path> answers, tests;  // absent: answers.txt and tests.txt beside the source
  // For proofs of the grader: the questions count as answered, the tests as right ones.
  bool right_answers = false, right_tests = false;
  Limits limits;
};

struct PropertyGrade {
  std::string name;
  Text title;
  int score = 0, max_score = 0;
  std::string output;  // why points are lost, or what was looked at
};

struct Grade {
  std::string lab, student;
  std::vector<PropertyGrade> tests;
  int score = 0, max_score = 0;
};

// Throws FileError for files that cannot be read, and where this system makes no sandbox.
Grade grade(const Lab& lab, const GradeQuestion& question);

// A question with its numbers, as the student gets it.
struct Asked {
  std::string name;
  Text text;
  std::map<std::string, Index> numbers;
};
std::vector<Asked> questions_of(const Lab& lab, const std::string& student);
// The file for the answers, with the questions as comments.
std::string answer_sheet(const Lab& lab, const std::string& student);

}  // namespace attnlab::answers::labs
