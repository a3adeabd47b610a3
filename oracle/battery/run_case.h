// One case, run and judged.
#pragma once

#include <string>

#include "oracle/cases/case.h"

namespace attnlab::oracle {

struct Outcome {
  // declined: by the kernel. no_memory: there is too little for this case.
  enum class Kind { right, wrong, declined, no_memory } kind = Kind::right;
  std::string check;  // of a wrong one: "values", "exception", or the exact check's name
  std::string what;   // one line; of one that was not run: why
  Verdict verdict;    // of "values"
  bool deterministic = true;
};

Outcome run_case(const Kernel& kernel, const Case& c, const KernelClass& kernel_class, int threads,
                 bool diagnose);

// The smallest case that still fails in the same check: smaller extents first, then fewer options, and
// nothing that the schema has not. Calls `fails` at most `attempts` times, and no more once `stop` says so.
Case shrink(const Case& c, const Schema& schema, int attempts, const std::function<bool(const Case&)>& fails,
            const std::function<bool()>& stop);

}  // namespace attnlab::oracle
