#include "python/src/verdict.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <memory>

namespace attnlab::python {
namespace {

namespace nb = nanobind;

nb::tuple tuple_of(const oracle::Place& place) {
  return nb::make_tuple(place.batch, place.head, place.row, place.col);
}

nb::dict dict_of(const oracle::Element& element) {
  nb::dict d;
  d["at"] = tuple_of(element.at);
  d["got"] = element.got;
  d["expected"] = element.expected;
  d["budget"] = element.budget;
  d["error_over_budget"] = element.error_over_budget;
  return d;
}

nb::dict dict_of(const oracle::TensorVerdict& t) {
  nb::dict d;
  d["name"] = t.name;
  d["right"] = t.right;
  d["checked"] = t.checked;
  d["wrong"] = t.wrong;
  d["nonfinite_mismatch"] = t.nonfinite_mismatch;
  d["max_error_over_budget"] = t.max_error_over_budget;
  d["worst"] = dict_of(t.worst);
  d["histogram"] = nb::cast(t.histogram);
  d["max_row_rms"] = t.max_row_rms;
  d["row_rms_limit"] = t.row_rms_limit;
  d["worst_row"] = tuple_of(t.worst_row);
  d["cosine_over_budget"] = t.cosine_over_budget;
  d["bias_over_budget"] = t.bias_over_budget;
  return d;
}

nb::dict dict_of(const oracle::DamageMap& map) {
  nb::dict d;
  d["tensor"] = map.tensor;
  d["row_step"] = map.row_step;
  d["col_step"] = map.col_step;
  d["text"] = map.text;
  auto share = std::make_unique<float[]>(std::max<std::size_t>(1, map.share.size()));
  std::copy(map.share.begin(), map.share.end(), share.get());
  float* data = share.get();
  const nb::capsule owner(data, [](void* p) noexcept { delete[] static_cast<float*>(p); });
  share.release();
  const std::size_t shape[] = {static_cast<std::size_t>(map.heads), static_cast<std::size_t>(map.rows),
                               static_cast<std::size_t>(map.cols)};
  d["share"] = nb::cast(nb::ndarray<nb::numpy, float>(data, 3, shape, owner));
  return d;
}

nb::dict dict_of(const oracle::Diagnosis& diagnosis) {
  nb::dict d;
  d["mistake"] = diagnosis.mistake;
  d["explanation"] = diagnosis.explanation;
  d["max_error_over_budget"] = diagnosis.max_error_over_budget;
  return d;
}

nb::dict dict_of(const oracle::RuleResult& result) {
  nb::dict d;
  d["rule"] = result.rule;
  d["passes"] = result.passes;
  d["detail"] = result.detail;
  return d;
}

nb::dict dict_of(const oracle::CaseFailure& failure) {
  nb::dict d;
  d["index"] = failure.index;
  d["problem"] = failure.problem;
  d["check"] = failure.check;
  d["what"] = failure.what;
  d["verdict"] = failure.verdict.tensors.empty() ? nb::none() : nb::object(python::dict_of(failure.verdict));
  d["shrunk"] = failure.shrunk;
  return d;
}

template <class T>
nb::list list_of(const std::vector<T>& values) {
  nb::list list;
  for (const T& value : values) list.append(dict_of(value));
  return list;
}

}  // namespace

nb::dict dict_of(const oracle::Verdict& verdict) {
  nb::dict d;
  d["right"] = verdict.right;
  d["kernel_class"] = verdict.kernel_class;
  d["golden"] = verdict.golden;
  d["max_error_over_budget"] = verdict.max_error_over_budget();
  d["tensors"] = list_of(verdict.tensors);
  d["damage"] = list_of(verdict.damage);
  d["diagnosis"] = list_of(verdict.diagnosis);
  d["rules"] = list_of(verdict.rules);
  d["rows_checked"] = verdict.rows_checked;
  d["rows_total"] = verdict.rows_total;
  d["coverage"] = verdict.coverage;
  d["text"] = oracle::to_text(verdict);
  d["json"] = oracle::to_json(verdict);
  return d;
}

nb::dict dict_of(const oracle::BatteryReport& report) {
  nb::dict d;
  d["right"] = report.right;
  d["run"] = report.run;
  d["skipped"] = report.skipped;
  d["planned"] = report.planned;
  d["next_case"] = report.next_case;
  d["complete"] = report.complete;
  d["left_out"] = nb::cast(report.left_out);
  d["deterministic"] = report.deterministic;
  d["max_error_over_budget"] = report.max_error_over_budget;
  d["hardest"] = report.hardest;
  d["failures"] = list_of(report.failures);
  d["seconds"] = report.seconds;
  d["text"] = oracle::to_text(report);
  d["json"] = oracle::to_json(report);
  return d;
}

}  // namespace attnlab::python
