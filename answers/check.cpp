#include "answers/check.h"

#include "answers/problem_json.h"

namespace attnlab::answers {

Json to_json(const CheckInputs& inputs, const CheckAnswer& answer) {
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
