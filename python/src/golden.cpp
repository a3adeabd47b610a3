// _core.golden: attention in float64.
#include "oracle/golden.h"

#include <optional>
#include <utility>

#include "python/src/functions.h"
#include "python/src/question.h"

namespace attnlab::python {
namespace {

nb::dict golden(const nb::dict& arguments) {
  Question question;
  read_question(arguments, question);
  oracle::Golden values;
  {
    const nb::gil_scoped_release released;
    std::optional<oracle::Golden> elsewhere;
    if (question.golden) elsewhere = question.golden(question.problem, question.inputs);
    values = elsewhere ? *std::move(elsewhere)
                       : oracle::golden(question.problem, question.inputs, question.threads);
  }
  nb::dict result;
  const auto add = [&](const char* name, oracle::GoldenTensor& tensor, bool with_dim) {
    result[name] = numpy_of(std::move(tensor.values), tensor.batch, tensor.heads, tensor.rows,
                            with_dim ? tensor.dim : 0);
  };
  add("o", values.o, true);
  add("lse", values.lse, false);
  if (question.inputs.dout) {
    add("dq", values.dq, true);
    add("dk", values.dk, true);
    add("dv", values.dv, true);
  }
  return result;
}

}  // namespace

void add_golden(nb::module_& module) { module.def("golden", &golden, nb::arg("arguments")); }

}  // namespace attnlab::python
