// The tensors of `attnlab run`: where they come from, how they lie in memory, and the problem that their
// shapes and the fields make.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "answers/form.h"
#include "answers/problem_fields.h"
#include "answers/tensor_files.h"
#include "files/tensor.h"
#include "reference/attention/problem.h"

namespace attnlab::answers {

// As typed; empty: not given.
struct RunSources : TensorNames {
  std::string layout, dtype;
  std::uint64_t seed = 0;
  bool backward = false;

  bool random() const {
    return input.empty() && file(Role::q).empty() && file(Role::k).empty() && file(Role::v).empty();
  }
};

// A problem with its tensors. Not copied, since the problem points into mask and bias.
struct RunInputs {
  RunInputs() = default;
  RunInputs(RunInputs&&) = default;
  RunInputs& operator=(RunInputs&&) = default;

  Form form;
  attention::Problem problem;
  files::Tensor q, k, v;              // of one floating-point type
  std::optional<files::Tensor> dout;  // with RunSources::backward
  std::optional<files::Tensor> o;     // of the input: what another program computed
  MaskAndBias mask_and_bias;
  std::vector<std::string> unused;  // tensors of the input that play no part

  DType dtype() const { return q.dtype; }
  Extents q_extents() const { return form.extents(q.shape); }
  Extents k_extents() const { return form.extents(k.shape); }
  Extents v_extents() const { return form.extents(v.shape); }
  Extents o_extents() const;
};

// Called with the problem (its mask and bias not read yet) and the type of q before anything is read or
// drawn; throws to refuse it.
using Accept = std::function<void(const attention::Problem&, DType)>;

// Reads the tensors, or draws N(0, 1) rounded to the type for the sizes of the fields. Shapes and types are
// checked before data are read. Throws InvalidArgument naming the tensor, its shape and the expected one, and
// FileError.
RunInputs read_inputs(const RunSources& sources, const ProblemFields& fields, const Accept& accept);

}  // namespace attnlab::answers
