// The problem of a question in its answer.
#pragma once

#include "answers/json.h"
#include "reference/attention/problem.h"
#include "reference/core/dtype.h"

namespace attnlab::answers {

// Sizes and every option that is in force.
Json problem_json(const attention::Problem& problem, DType dtype);

}  // namespace attnlab::answers
