// The tensors of `attnlab check`: what a kernel was given and what it wrote, from files, as the oracle takes
// them.
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <vector>

#include "answers/form.h"
#include "answers/problem_fields.h"
#include "answers/tensor_files.h"
#include "answers/tensor_source.h"
#include "files/tensor.h"
#include "oracle/tensor.h"

namespace attnlab::answers {

// As typed; empty: not given.
struct CheckSources : TensorNames {
  std::string layout, page_layout;
  std::string dtype, kv_dtype, out_dtype;
};

// Numbers of a tensor that are NaN or infinite.
struct NonFinite {
  std::string tensor;
  std::uint64_t count = 0;
};

// A problem with what was given and written. Not copied, since it points into its own storage.
struct CheckInputs {
  CheckInputs() = default;
  CheckInputs(CheckInputs&&) = default;

  Form form;
  attention::Problem problem;
  oracle::Inputs inputs;
  oracle::Outputs outputs;
  std::vector<NonFinite> not_finite;  // of q, k, v and dout
  std::vector<std::string> unused;    // tensors of the input that play no part

  // What the views above point into.
  std::list<files::Tensor> tensors;
  MaskAndBias mask_and_bias;
  std::vector<std::int32_t> block_table;
  std::list<std::vector<float>> scales;
};

// Reads everything; shapes and types are checked before data are read. Throws InvalidArgument naming the
// field or tensor, what it is and what was expected, and FileError.
CheckInputs read_check_inputs(const CheckSources& sources, const ProblemFields& fields);

}  // namespace attnlab::answers
