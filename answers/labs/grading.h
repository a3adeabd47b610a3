// A grading at work: the submission, its runs so far, and what each kind of property makes of them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "answers/labs/grade.h"
#include "answers/labs/submission.h"
#include "answers/labs/task.h"

namespace attnlab::answers::labs {

class Grading {
 public:
  Grading(const Lab& lab, const GradeQuestion& question);
  Grade grade();

 private:
  // One problem, run and judged.
  struct Judged {
    Run run;                           // the last one
    std::optional<std::string> wrong;  // in one line
  };
  struct Judgement {
    bool holds = false;
    std::string output;
    int score = -1;  // where a part of the points is given
  };

  Judgement judge(const Property& property);
  Judgement compiles() const;
  Judgement values(const Property& property);
  Judgement findings(const Property& property) const;
  Judgement determinism(const Property& property);
  Judgement budget(const Property& property);
  Judgement questions(const Property& property);  // grade_questions.cpp
  Judgement as_if_answered();
  Judgement tests(const Property& property);  // grade_tests.cpp

  std::vector<Spec> problems_of(const Property& property) const;
  Judged run(const Spec& spec, std::uint64_t warp_order = 0, bool remembered = true);
  std::uint64_t right_answer(const Question& asked);
  void remember(const Run& run, const Spec& spec);

  const Lab& lab_;
  const GradeQuestion& question_;
  Submission submission_;
  Build build_;
  std::map<std::string, std::unique_ptr<Probe>> probes_;
  // Over all runs: findings by kind, the first of each with its problem; why the first run without a report has none.
  std::map<std::string, std::string> found_;
  std::string no_report_;
  bool launched_ = false;  // a kernel; C++: a run came to its end
};

// The numbers of a question for a student, by name.
std::map<std::string, Index> drawn(const Lab& lab, const Question& question, const std::string& student);
// {name} replaced by its number.
std::string with_numbers(std::string text, const std::map<std::string, Index>& numbers);

}  // namespace attnlab::answers::labs
