// What `attnlab zoo` runs: every mistake on the problems that it changes, and honest kernels.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "answers/json.h"
#include "oracle/mistakes/sensitivity.h"

namespace attnlab::answers {

struct ZooOptions {
  std::string mistake, problem;
  bool full = false;  // problems of 64k keys, every honest run, the tables of sensitivity
};

// Verdicts on the runs of one mistake, or of the zoo's kernels without one.
struct Animal {
  std::string name, title;
  int runs = 0, rejected = 0, named = 0, long_runs = 0;
  std::map<std::string, int> rejected_by;  // other projects' rules; of `judged_by` runs
  std::map<std::string, int> judged_by;
  std::vector<std::string> survived;  // problems
};

// Honest kernels that only attnlab's check judges.
struct HonestRuns {
  std::string kernels;
  int runs = 0, rejected = 0;
};

struct Zoo {
  Animal honest{"honest", "the kernel as it should be", 0, 0, 0, 0, {}, {}, {}};
  std::vector<Animal> animals;
  std::vector<std::string> rules;
  std::vector<HonestRuns> others;
  std::vector<oracle::Sensitivity> sensitivity;
};

// Throws InvalidArgument for a mistake or a problem that there is not.
Zoo run_zoo(const ZooOptions& options);
Json to_json(const Zoo& zoo);

}  // namespace attnlab::answers
