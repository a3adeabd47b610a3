// Is this output right? The entry point of the oracle: docs/oracle.md says what is compared and why.
#pragma once

#include "oracle/golden.h"
#include "oracle/kernel_class.h"
#include "oracle/tensor.h"
#include "oracle/verdict.h"

namespace attnlab::oracle {

struct CheckOptions {
  RowChoice rows = {};
  int threads = 0;
  bool diagnose = true;
  bool rules = false;        // also what other projects' rules say (oracle/rules.h)
  GoldenSource golden = {};  // where golden values come from, if not from here
};

// Compares what a kernel wrote with golden values, element by element, row by row and as a whole. Gradients
// need every row; with a sample of rows, dk and dv are refused. Throws InvalidArgument where tensors do not
// fit the problem.
Verdict check(const attention::Problem& problem, const Inputs& inputs, const Outputs& outputs,
              const KernelClass& kernel_class, const CheckOptions& options = {});

// The class is the usual one of q's type.
Verdict check(const attention::Problem& problem, const Inputs& inputs, const Outputs& outputs,
              const CheckOptions& options = {});

}  // namespace attnlab::oracle
