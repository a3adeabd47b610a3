// _core.check: the oracle's verdict on a kernel's outputs.
#include "reference/oracle/check.h"

#include <nanobind/stl/string.h>

#include "python/src/declared.h"
#include "python/src/functions.h"
#include "python/src/question.h"
#include "python/src/verdict.h"

namespace attnlab::python {
namespace {

nb::dict check(const nb::dict& arguments, const nb::dict& declared, const std::string& rows,
               std::uint64_t seed, bool diagnose, bool rules) {
  Question question;
  read_question(arguments, question);
  const oracle::KernelClass kernel_class =
      oracle::declared_class(question.inputs.q.dtype, declaration_of(declared));
  oracle::CheckOptions options;
  options.rows = oracle::RowChoice::parse(rows);
  options.rows.seed = seed;
  options.threads = question.threads;
  options.diagnose = diagnose;
  options.rules = rules;
  oracle::Verdict verdict;
  {
    const nb::gil_scoped_release released;
    verdict = oracle::check(question.problem, question.inputs, question.outputs, kernel_class, options);
  }
  return dict_of(verdict);
}

}  // namespace

void add_check(nb::module_& module) {
  module.def("check", &check, nb::arg("arguments"), nb::arg("declared"), nb::arg("rows"), nb::arg("seed"),
             nb::arg("diagnose"), nb::arg("rules"));
}

}  // namespace attnlab::python
