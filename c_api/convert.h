// The structs of attnlab.h as the oracle's types. Everything throws InvalidArgument naming the struct and
// member.
#pragma once

#include "c_api/attnlab.h"
#include "c_api/struct_copy.h"
#include "oracle/check.h"

namespace attnlab::c_api {

attention::Problem problem_of(const attnlab_problem* problem);
oracle::Inputs inputs_of(const attnlab_inputs* inputs);
oracle::Outputs outputs_of(const attnlab_outputs* outputs);
oracle::KernelClass class_of(const attnlab_kernel_class* kernel_class, DType inputs);  // null: the usual one
oracle::CheckOptions options_of(const attnlab_check_options* options);                 // null: the usual ones

// Tensors to write, with any stride between columns.
struct ResultTensor {
  Tensor layout;  // without data where not wanted
  void* data = nullptr;
};
struct Results {
  ResultTensor o, lse, dq, dk, dv;
  bool gradients() const { return dq.data != nullptr || dk.data != nullptr || dv.data != nullptr; }
  oracle::Outputs as_outputs() const { return {o.layout, lse.layout, dq.layout, dk.layout, dv.layout}; }
};
Results results_of(const attnlab_results* results);
// Rounds golden values to the types of the tensors that are wanted.
void write(const Results& results, const oracle::Golden& golden);

}  // namespace attnlab::c_api
