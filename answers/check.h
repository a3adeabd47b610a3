// Is what a kernel wrote right? The question, its tensors as files (check_tensors.h), and the oracle's answer.
#pragma once

#include <functional>

#include "answers/check_tensors.h"
#include "answers/json.h"
#include "answers/work.h"
#include "oracle/check.h"
#include "oracle/declaration.h"
#include "oracle/verdict.h"

namespace attnlab::answers {

struct CheckQuestion {
  CheckSources sources;
  ProblemFields problem;         // beside the sizes, which the tensors have
  oracle::Declaration declared;  // the kernel's arithmetic
  oracle::CheckOptions options;
  // Called with what the check takes before it begins; throws to refuse it. May be empty.
  std::function<void(const Work&)> accept;
};

struct CheckAnswer {
  CheckInputs inputs;
  oracle::Verdict verdict;
  double seconds = 0;     // of the check, reading apart
  bool diagnosed = true;  // a mistake was looked for, where the output is wrong
};

// Throws InvalidArgument naming the field, and FileError.
CheckAnswer answer(const CheckQuestion& question);

// The verdict's own members (oracle/verdict.h), then the problem.
Json to_json(const CheckAnswer& answer);

}  // namespace attnlab::answers
