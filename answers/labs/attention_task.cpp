// Attention and its gradients: the oracle's battery draws the numbers and judges what comes back.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "answers/labs/task.h"
#include "oracle/battery/run_case.h"
#include "oracle/cases/case.h"

namespace attnlab::answers::labs {
namespace {

// Students' programs compute in fp32, with no NaN among their inputs: profiles that ask for more are left out.
std::vector<std::string> data() {
  std::vector<std::string> names;
  for (const oracle::Profile& profile : oracle::profiles()) {
    const std::string name = profile.name;
    const bool special =
        name == "real" || name == "subnormals" || name == "hidden-nan" || name == "minus-infinity";
    if (!special) names.push_back(name);
  }
  return names;
}

std::vector<float> numbers(const Tensor& tensor) {
  std::vector<float> values;
  const auto* data = static_cast<const float*>(tensor.data);
  for (Index h = 0; h < tensor.heads; ++h) {
    for (Index i = 0; i < tensor.seqlen; ++i) {
      const float* const row = data + h * tensor.head_stride + i * tensor.row_stride;
      values.insert(values.end(), row, row + tensor.dim);
    }
  }
  return values;
}

// Takes the tensor's numbers from the front.
void store(const OutputTensor& tensor, const float*& from) {
  if (!tensor) return;
  for (Index h = 0; h < tensor.heads; ++h) {
    for (Index i = 0; i < tensor.seqlen; ++i, from += tensor.dim)
      std::copy_n(from, tensor.dim,
                  static_cast<float*>(tensor.data) + h * tensor.head_stride + i * tensor.row_stride);
  }
}

std::size_t size(const OutputTensor& tensor) {
  return tensor ? static_cast<std::size_t>(tensor.heads * tensor.seqlen * tensor.dim) : 0;
}

void call(const oracle::Call& c, const Program& program) {
  const attention::Problem& p = c.problem;
  const std::vector<float> q = numbers(c.q), k = numbers(c.k), v = numbers(c.v);
  const std::string line = fmt::format("{} {} {} {} {} {}", c.backward() ? "backward" : "attention",
                                       p.num_heads, p.seqlen_q, p.seqlen_kv, p.head_dim, p.causal ? 1 : 0);
  if (!c.backward()) {
    const std::vector<float> result = program(file_of(line, {&q, &k, &v}), size(c.o) + size(c.lse));
    const float* from = result.data();
    store(c.o, from), store(c.lse, from);
    return;
  }
  const std::vector<float> o = numbers(c.saved_o), lse = numbers(c.saved_lse), dout = numbers(c.dout);
  const std::vector<float> result =
      program(file_of(line, {&q, &k, &v, &o, &lse, &dout}), size(c.dq) + size(c.dk) + size(c.dv));
  const float* from = result.data();
  store(c.dq, from), store(c.dk, from), store(c.dv, from);
}

// "o[0][17][3] is 0.25, expected 0.5; 64 of 128 wrong: rows 16..31, all columns".
std::string wrong_values(const oracle::Verdict& verdict) {
  const oracle::TensorVerdict& tensor = verdict.worst_tensor();
  if (tensor.wrong == 0)
    return tensor.name +
           ": each number is near, but all together they are farther away than rounding explains";
  const oracle::Place& at = tensor.worst.at;
  std::string text = fmt::format("{}[{}][{}]", tensor.name, at.head, at.row);
  if (tensor.name != "lse") text += fmt::format("[{}]", at.col);
  const double got = std::isnan(tensor.worst.got) ? NAN : tensor.worst.got;  // whatever its sign
  text += fmt::format(" is {:.6g}, expected {:.6g}; {} of {} wrong", got, tensor.worst.expected, tensor.wrong,
                      tensor.checked);
  if (!verdict.damage.empty() && !verdict.damage.front().text.empty())
    text += ": " + verdict.damage.front().text;
  if (!verdict.diagnosis.empty()) text += "\nit looks like this: " + verdict.diagnosis.front().explanation;
  return text;
}

std::optional<std::string> run(const Spec& spec, const Program& program, bool backward) {
  oracle::Case c;
  attention::Problem& p = c.problem;
  p.num_heads = p.num_kv_heads = spec.extents.at("heads");
  p.seqlen_q = spec.extents.at("seqlen_q"), p.seqlen_kv = spec.extents.at("seqlen_kv");
  p.head_dim = p.head_dim_v = spec.extents.at("head_dim");
  p.causal = spec.causal;
  c.backward = backward;
  c.lse = spec.lse && !backward;
  c.profile = &oracle::find_profile(spec.data);
  c.seed = spec.seed;
  const oracle::Kernel kernel = [&](const oracle::Call& asked) { call(asked, program); };
  const oracle::Outcome outcome = oracle::run_case(kernel, c, oracle::usual_class(DType::f32), 1, true);
  if (outcome.kind == oracle::Outcome::Kind::right) return std::nullopt;
  return outcome.check == "values" ? wrong_values(outcome.verdict) : outcome.what;
}
std::optional<std::string> run_forward(const Spec& spec, const Program& program) {
  return run(spec, program, false);
}
std::optional<std::string> run_backward(const Spec& spec, const Program& program) {
  return run(spec, program, true);
}

}  // namespace

const Task kAttentionTask{
    "attention", true, {"heads", "seqlen_q", "seqlen_kv", "head_dim"}, data, run_forward};
const Task kBackwardTask{
    "backward", true, {"heads", "seqlen_q", "seqlen_kv", "head_dim"}, data, run_backward};

}  // namespace attnlab::answers::labs
