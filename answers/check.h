// Is what a kernel wrote right? The answer about the tensors of check_tensors.h.
#pragma once

#include "answers/check_tensors.h"
#include "answers/json.h"
#include "oracle/verdict.h"

namespace attnlab::answers {

struct CheckAnswer {
  oracle::Verdict verdict;
  double seconds = 0;
  bool diagnosed = true;  // a mistake was looked for, where the output is wrong
};

// The verdict's own members (oracle/verdict.h), then the problem.
Json to_json(const CheckInputs& inputs, const CheckAnswer& answer);

}  // namespace attnlab::answers
