// Attention on the tensors of run_tensors.h, and how good it is: the question and its answer.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "answers/json.h"
#include "answers/run_check.h"
#include "answers/run_tensors.h"
#include "answers/work.h"

namespace attnlab::answers {

struct RunQuestion {
  const attention::AlgorithmInfo* algorithm = nullptr;
  bool in_double = false, backward = false;
  attention::Tiles tiles;  // 0: the library's choice
  double density = 1;      // blocksparse: share of tiles that exist
  int threads = 0;
  std::optional<Index> check_heads;  // nothing: as many as a few seconds allow
};

struct RunAnswer {
  files::Tensor o, lse;  // in the type and form of the input; lse in the precision computed in
  std::optional<files::Tensor> dq, dk, dv;  // with a backward pass
  int threads = 1;
  attention::Tiles tiles;  // of blocksparse; else as asked
  double forward_seconds = 0, backward_seconds = 0;
  std::optional<CheckResult> check;    // nothing when no head was compared
  std::optional<Agreement> from_file;  // the output beside the o of the input, padding apart
  RowCount rows;
  std::uint64_t not_finite = 0;  // elements of the output, as written
};

// Throws InvalidArgument unless the question fits a problem of operands of this type: the precision, the
// density, and memory for it all on this machine.
void validate(const RunQuestion& question, const attention::Problem& problem, DType dtype);

// What that takes.
Work work_of(const RunQuestion& question, const attention::Problem& problem, DType dtype);

RunAnswer answer(const RunQuestion& question, const RunInputs& inputs);

// `written`: the files that now hold results.
Json to_json(const RunQuestion& question, const RunInputs& inputs, const RunAnswer& answer,
             const std::vector<std::string>& written);
}  // namespace attnlab::answers
