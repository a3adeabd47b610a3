// What the program of a lab computes: its problems, their files, and whether a result is right. A file is a line of
// text, then float32 numbers; a result is numbers alone (docs/labs.md).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "answers/labs/lab.h"

namespace attnlab::answers::labs {

// One problem, all its numbers fixed.
struct Spec {
  std::map<std::string, Index> extents;  // by the task's names
  bool causal = false;
  std::string data;
  std::uint64_t seed = 0;         // of the numbers
  bool lse = true;                // as the lab has it
  std::vector<std::string> ways;  // the same
  std::string way;                // the one to judge; empty: all
};
// "heads 2, seqlen_q 33, seqlen_kv 65, head_dim 64, causal, data normal"
std::string to_text(const Spec& spec);
// The names that formulas have: the extents, and causal as 0 or 1.
std::map<std::string, double> names_of(const Spec& spec);

// A program that computes the result of an input file: so many numbers. Throws ProgramFailed where it does not.
using Program = std::function<std::vector<float>(const std::string& input, std::size_t numbers)>;
struct ProgramFailed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Task {
  std::string name;
  bool attention = false;            // it has a causal mask
  std::vector<std::string> extents;  // in the order of the file's first line
  std::vector<std::string> (*data)();
  // Draws the numbers, runs, judges. What is wrong, in one line; nothing where all is right.
  std::optional<std::string> (*run)(const Spec& spec, const Program& program);
};
const Task* find_task(const std::string& name);
std::vector<std::string> task_names();

// The rows, a file each.
extern const Task kSoftmaxTask, kScoresTask, kAttentionTask, kBackwardTask;

// A problem of the group: whatever the group leaves open is drawn. `given`: numbers of the question that it stands in.
Spec draw(const Group& group, const Lab& lab, std::uint64_t seed,
          const std::map<std::string, Index>& given = {});

// Where a problem is wrong: a smaller one that is wrong too, the smallest that halving and counting down finds.
Spec shrink(const Spec& spec, const std::function<bool(const Spec&)>& is_wrong, int attempts);

// Seeds of one student's lab: the same for the same words on every machine.
std::uint64_t seed_of(const std::string& words);

// A file of the first line and the numbers.
std::string file_of(const std::string& line, const std::vector<const std::vector<float>*>& numbers);

}  // namespace attnlab::answers::labs
