// Is the grader right? Submissions whose points are known: the solution and honest variants of it, typical mistakes,
// and cheats. They are edits of the solution, in labs/NN_name/proof.txt; cheats of all labs are in labs/cheats.txt.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "answers/labs/grade.h"

namespace attnlab::answers::labs {

struct ProofCase {
  enum class Kind { honest, mistake, cheat, handout } kind = Kind::honest;
  std::string name;
  std::vector<std::string> loses;  // a mistake's properties
  bool refused = false;            // a cheat that must not be run; others get points for compiling, no more
  std::string source;              // the program's text
};

// What a lab's proof.txt says: the cases, and for each question a formula of its numbers.
struct Proof {
  std::vector<ProofCase> cases;
  std::map<std::string, std::string> answers;
};

// All of a lab, the solution and the handout among them. Throws FileError for a proof.txt that is none: an edit whose
// text is not in the solution exactly once, an unknown property, a question without an answer.
Proof read_proof(const Lab& lab);

struct ProofResult {
  std::string lab;
  ProofCase::Kind kind = ProofCase::Kind::honest;
  std::string name;
  bool as_expected = false;
  std::string why;  // where it is not
  int score = 0, max_score = 0;
  double seconds = 0;
};

// Grades a case as a submission. The solution comes with the lab's tests and with answers by the formulas, for three
// students; the others count as answered.
ProofResult prove(const Lab& lab, const Proof& proof, const ProofCase& proof_case, const Limits& limits);

const char* name(ProofCase::Kind kind);

}  // namespace attnlab::answers::labs
