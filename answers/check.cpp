#include "answers/check.h"

#include <chrono>

#include "answers/problem_json.h"

namespace attnlab::answers {

CheckAnswer answer(const CheckQuestion& question) {
  CheckAnswer result{read_check_inputs(question.sources, question.problem), {}};
  const CheckInputs& in = result.inputs;
  const oracle::KernelClass kernel_class = oracle::declared_class(in.inputs.q.dtype, question.declared);
  const auto start = std::chrono::steady_clock::now();
  result.verdict = oracle::check(in.problem, in.inputs, in.outputs, kernel_class, question.options);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  result.diagnosed = question.options.diagnose;
  return result;
}

Json to_json(const CheckAnswer& answer) {
  const CheckInputs& inputs = answer.inputs;
  Json json = Json::parse(oracle::to_json(answer.verdict));
  json["problem"] = problem_json(inputs.problem, inputs.inputs.q.dtype);
  json["layout"] = inputs.form.name();
  json["nonfinite_inputs"] = Json::object();
  for (const NonFinite& tensor : inputs.not_finite) json["nonfinite_inputs"][tensor.tensor] = tensor.count;
  json["unused_tensors"] = inputs.unused;
  json["seconds"] = answer.seconds;
  return json;
}

}  // namespace attnlab::answers
