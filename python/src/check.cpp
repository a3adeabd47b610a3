// _core.check: the oracle's verdict on a kernel's outputs.
#include "oracle/check.h"

#include "python/src/argument.h"
#include "python/src/declared.h"
#include "python/src/functions.h"
#include "python/src/question.h"
#include "python/src/verdict.h"

namespace attnlab::python {
namespace {

nb::dict check(const nb::dict& arguments, const nb::dict& declared, const nb::object& rows,
               const nb::object& seed, const nb::object& diagnose, const nb::object& rules) {
  Question question;
  read_question(arguments, question);
  const oracle::KernelClass kernel_class =
      oracle::declared_class(question.inputs.q.dtype, declaration_of(declared));
  oracle::CheckOptions options;
  options.rows = oracle::RowChoice::parse(argument_as<std::string>("rows", rows));
  options.rows.seed = argument_as<std::uint64_t>("seed", seed);
  options.threads = question.threads;
  options.diagnose = argument_as<bool>("diagnose", diagnose);
  options.rules = argument_as<bool>("rules", rules);
  options.golden = question.golden;
  oracle::Verdict verdict;
  {
    const nb::gil_scoped_release released;
    verdict = oracle::check(question.problem, question.inputs, question.outputs, kernel_class, options);
  }
  return dict_of(verdict);
}

}  // namespace

void add_check(nb::module_& module) {
  module.def("check", &check, nb::arg("arguments"), nb::arg("declared"), nb::arg("rows").none(),
             nb::arg("seed").none(), nb::arg("diagnose").none(), nb::arg("rules").none());
}

}  // namespace attnlab::python
