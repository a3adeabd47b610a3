// A course lab: what is asked of the student and how it is judged, as labs/NN_name/grade.json says. docs/labs.md is the
// page of the form.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "reference/core/view.h"

namespace attnlab::answers::labs {

struct Text {
  std::string en, zh;
};

// A number of a problem: fixed, or drawn from [low, high]. `of` names a number of the question that it stands in.
struct Extent {
  Index low = 0, high = 0;
  std::string of;
};

// Problems of one kind.
struct Group {
  Index count = 1;
  std::map<std::string, Extent> extents;  // by the task's names (task.h)
  bool one_seqlen = false;                // seqlen_q and seqlen_kv are the same number
  std::optional<bool> causal;             // absent: drawn
  std::vector<Index> head_dims;           // one of them
  std::string data = "normal";
};

// What points are given for.
struct Property {
  enum class Kind { compiles, values, findings, determinism, budget, questions, tests };
  std::string name;
  Kind kind = Kind::values;
  Text title;
  int points = 0;
  std::vector<Group> problems;       // values, determinism, budget
  std::vector<std::string> of;       // findings: their kinds
  std::vector<std::string> metrics;  // budget: their sum is held against
  std::string at_most, at_least;     // these formulas (formula.h); one may be empty
  Text advice;                       // budget: what to look at
  std::string way;                   // of the lab's ways; empty: all
};

// A number that the student says before anything runs; the counters say whether it is right.
struct Question {
  std::string name;
  Text text;                            // with {name} for each number that is drawn
  std::map<std::string, Extent> draws;  // by name
  std::string program;                  // a file of the lab's folder, or "submission"
  std::vector<std::string> arguments;   // of a file
  Group problem;                        // of the submission
  std::vector<std::string> metrics;
  std::string way;
};

struct Lab {
  std::filesystem::path folder;
  std::string name;  // "05_flash"
  Text title, goal;
  std::string task;
  bool lse = true;                // attention: whether the result has it
  std::vector<std::string> ways;  // C++: results of several functions, one behind the other
  int minutes = 0;
  Index max_lines = 0;
  std::vector<std::string> warnings;
  std::vector<Property> properties;
  std::vector<Question> questions;

  bool is_cuda() const { return source.extension() == ".cu"; }
  std::filesystem::path source;  // "solution.cu" or "solution.cpp"
  int max_score() const;
};

// The lab in a folder. Throws FileError naming file and field.
Lab read_lab(const std::filesystem::path& folder);

// By its folder's path, its name, or the number that the name begins with. Throws InvalidArgument listing the names.
Lab find_lab(const std::string& name);
// Those that come with the program, by name.
std::vector<Lab> all_labs();

}  // namespace attnlab::answers::labs
