// attnlab grade --prove: submissions whose points are known.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "answers/labs/proof.h"

namespace attnlab::cli {

struct ProofQuestion {
  std::string lab;  // empty: all
  int jobs = 1;
  Index draw = 0;  // of each lab; 0: all
  std::uint64_t seed = 0;
  std::filesystem::path page;
  answers::labs::Limits limits;
};
// Returns the exit code: 1 where a submission gets other points than it should.
int prove_grader(const ProofQuestion& question);

}  // namespace attnlab::cli
