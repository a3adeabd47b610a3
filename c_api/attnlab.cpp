// The C functions: structs to the oracle's types and back; no exception leaves.
#include "c_api/attnlab.h"

#include <exception>
#include <memory>
#include <new>
#include <string>

#include "c_api/convert.h"
#include "oracle/check.h"
#include "reference/core/errors.h"

using attnlab::InvalidArgument;
namespace oracle = attnlab::oracle;
namespace c_api = attnlab::c_api;

struct attnlab_verdict {
  oracle::Verdict verdict;
  std::string text, json;
};

namespace {

std::string& last_error() {
  thread_local std::string text;
  return text;
}

attnlab_status failed(attnlab_status status, const char* what) noexcept {
  try {
    last_error() = what;
  } catch (...) {
    // Out of memory: the status says it.
  }
  return status;
}

// Runs `work`; what it throws becomes a status and a text.
template <class Work>
attnlab_status guarded(Work work) noexcept {
  try {
    work();
    return ATTNLAB_OK;
  } catch (const InvalidArgument& error) {
    return failed(ATTNLAB_INVALID_ARGUMENT, error.what());
  } catch (const std::bad_alloc&) {
    return failed(ATTNLAB_OUT_OF_MEMORY, "out of memory");
  } catch (const std::exception& error) {
    return failed(ATTNLAB_INTERNAL_ERROR, error.what());
  } catch (...) {
    return failed(ATTNLAB_INTERNAL_ERROR, "unknown exception");
  }
}

}  // namespace

const char* attnlab_version(void) { return ATTNLAB_VERSION; }

const char* attnlab_last_error(void) { return last_error().c_str(); }

attnlab_status attnlab_check(const attnlab_problem* problem, const attnlab_inputs* inputs,
                             const attnlab_outputs* outputs, const attnlab_kernel_class* kernel_class,
                             const attnlab_check_options* options, attnlab_verdict** verdict) {
  if (verdict != nullptr) *verdict = nullptr;
  return guarded([&] {
    if (verdict == nullptr) throw InvalidArgument("verdict", "NULL", "where to put it");
    const attnlab::attention::Problem p = c_api::problem_of(problem);
    const oracle::Inputs in = c_api::inputs_of(inputs);
    const oracle::Outputs out = c_api::outputs_of(outputs);
    const oracle::KernelClass declared = c_api::class_of(kernel_class, in.q.dtype);
    auto result = std::make_unique<attnlab_verdict>();
    result->verdict = oracle::check(p, in, out, declared, c_api::options_of(options));
    result->text = oracle::to_text(result->verdict);
    result->json = oracle::to_json(result->verdict);
    *verdict = result.release();
  });
}

int attnlab_verdict_right(const attnlab_verdict* verdict) {
  return verdict != nullptr && verdict->verdict.right ? 1 : 0;
}

double attnlab_verdict_max_error_over_budget(const attnlab_verdict* verdict) {
  return verdict == nullptr ? 0 : verdict->verdict.max_error_over_budget();
}

attnlab_status attnlab_verdict_worst(const attnlab_verdict* verdict, attnlab_element* element) {
  return guarded([&] {
    if (verdict == nullptr) throw InvalidArgument("verdict", "NULL", "one that attnlab_check gave");
    if (verdict->verdict.tensors.empty()) throw InvalidArgument("verdict", "nothing compared", "an output");
    const oracle::TensorVerdict& tensor = verdict->verdict.worst_tensor();
    const oracle::Element& worst = tensor.worst;
    c_api::write_struct(element, "element",
                        {.size = 0,
                         .tensor = tensor.name.c_str(),
                         .batch = worst.at.batch,
                         .head = worst.at.head,
                         .row = worst.at.row,
                         .column = worst.at.col,
                         .got = worst.got,
                         .expected = worst.expected,
                         .budget = worst.budget,
                         .error_over_budget = worst.error_over_budget});
  });
}

const char* attnlab_verdict_diagnosis(const attnlab_verdict* verdict) {
  if (verdict == nullptr || verdict->verdict.diagnosis.empty()) return nullptr;
  return verdict->verdict.diagnosis.front().mistake.c_str();
}

const char* attnlab_verdict_text(const attnlab_verdict* verdict) {
  return verdict == nullptr ? "" : verdict->text.c_str();
}

const char* attnlab_verdict_json(const attnlab_verdict* verdict) {
  return verdict == nullptr ? "" : verdict->json.c_str();
}

void attnlab_verdict_free(attnlab_verdict* verdict) { delete verdict; }

attnlab_status attnlab_attention(const attnlab_problem* problem, const attnlab_inputs* inputs,
                                 const attnlab_results* results, int threads) {
  return guarded([&] {
    const attnlab::attention::Problem p = c_api::problem_of(problem);
    oracle::Inputs in = c_api::inputs_of(inputs);
    const c_api::Results out = c_api::results_of(results);
    if (out.gradients() && !in.dout) throw InvalidArgument("inputs.dout", "NULL", "a tensor, for gradients");
    if (!out.gradients()) in.dout = {};
    oracle::require_fit(p, in, out.as_outputs());
    c_api::write(out, oracle::golden(p, in, threads));
  });
}
