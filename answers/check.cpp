#include "answers/check.h"

#include <algorithm>
#include <chrono>

#include "answers/problem_json.h"
#include "reference/core/threads.h"

namespace attnlab::answers {
namespace {

// Golden values on a GPU take no time to speak of.
Work work_of(const CheckQuestion& question, const CheckInputs& in) {
  constexpr double kProduct = 4e-10;  // a core's seconds for a product in float64 and its share of the bounds
  if (question.options.golden) return {};
  const attention::Problem& p = in.problem;
  const auto rows = static_cast<double>(std::max<Index>(1, p.seqlen_q));
  const double compared = question.options.rows.sample == 0
                              ? 1
                              : std::min(1.0, static_cast<double>(question.options.rows.sample) / rows);
  const double products = score_count(p, true) * compared * static_cast<double>(p.head_dim + p.head_dim_v);
  const bool backward = in.outputs.dq || in.outputs.dk || in.outputs.dv;
  return {products * kProduct * (backward ? 5 : 1) /
              worker_count(p.batch * p.num_heads, question.options.threads),
          0};
}

}  // namespace

CheckAnswer answer(const CheckQuestion& question) {
  CheckAnswer result{read_check_inputs(question.sources, question.problem), {}};
  const CheckInputs& in = result.inputs;
  const oracle::KernelClass kernel_class = oracle::declared_class(in.inputs.q.dtype, question.declared);
  if (question.accept) question.accept(work_of(question, in));
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
