#include "oracle/compare.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "reference/core/philox.h"

namespace attnlab::oracle {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kFalseAlarm = 1e-6;  // of the statistical limits, for a whole check

// What a number of magnitude m may become in a type that ends at max_finite.
bool overflow_allowed(const OutputRounding& type, double expected, double budget, double got) {
  if (!(std::abs(expected) + budget >= type.max_finite)) return false;
  return std::isnan(got) || (std::isinf(got) && std::signbit(got) == std::signbit(expected));
}

int histogram_bin(double ratio) {
  if (ratio == 0) return 0;
  if (!(ratio < 4)) return kHistogramBins - 1;
  return std::clamp(static_cast<int>(std::floor(std::log2(ratio))) + 13, 1, kHistogramBins - 2);
}

// The limit of a mean of squares of independent errors that counts as `effective` of them.
double squares_limit(double t, double effective) {
  return 1 + 2 * std::sqrt(t / effective) + 2 * t / effective;
}

// a / b, where nothing over nothing is nothing.
double over(double a, double b) { return a == 0 ? 0 : b > 0 ? a / b : kInf; }

}  // namespace

double row_rms_limit(double rows) {
  return std::sqrt(squares_limit(std::log(std::max(rows, 1.0) / kFalseAlarm), 1));
}

void Comparison::add_element(const OutputTensorCheck& output, const Element& e, double& squared) {
  Element element = e;
  ++partial_.checked;
  const double x = e.expected, got = e.got;
  double error = 0;
  bool mismatch = false;
  if (std::isnan(x)) {
    mismatch = !std::isnan(got);
  } else if (std::isinf(x)) {
    mismatch = got != x;
  } else if (!std::isfinite(got)) {
    mismatch = !overflow_allowed(output.rounding, x, e.budget, got);
  } else {
    const double limit = output.rounding.max_finite;
    error = std::abs(x) > limit && std::abs(got) == limit ? 0 : got - x;  // a conversion that saturates
  }
  double ratio = mismatch ? kInf : over(std::abs(error), e.budget);
  if (std::isnan(ratio)) ratio = kInf;
  ++partial_.histogram[static_cast<std::size_t>(histogram_bin(ratio))];
  if (mismatch) ++partial_.nonfinite_mismatch;
  if (!(ratio <= 1)) ++partial_.wrong;
  element.error_over_budget = ratio;
  if (partial_.checked == 1 || ratio > partial_.max_error_over_budget) {
    partial_.max_error_over_budget = ratio;
    partial_.worst = element;
  }
  if (!std::isfinite(x) || !std::isfinite(got)) return;
  squared += error * error;
  error_dot_ += error * x;
  golden_squared_ += x * x;
  signed_error_ += x == 0 ? 0 : std::copysign(error, error * x);
}

void Comparison::add_rows(const OutputTensorCheck& output, Index b, Index h, std::span<const Index> rows,
                          const RowMajor<double>& golden, const RowMajor<double>& budget,
                          const RowModel& model) {
  multiple_ = std::max(multiple_, model.multiple);
  const RowMajor<double> got = read_rows(output.got, b, h, 0, rows);
  const Index dim = golden.cols(), step = column_step(dim);
  if (damage_.columns.empty()) damage_.columns.assign(static_cast<std::size_t>(dim), 0);
  for (Index r = 0; r < golden.rows(); ++r) {
    const auto at = static_cast<std::size_t>(r);
    WrongRow row{b, h, rows[at], 0, {}};
    double squared = 0;
    const auto note = [&](Index c) {
      ++row.wrong;
      ++row.cells[static_cast<std::size_t>(c / step)];
      ++damage_.columns[static_cast<std::size_t>(c)];
    };
    for (Index c = 0; c < dim; ++c) {
      const std::uint64_t before = partial_.wrong;
      add_element(output, {{b, h, rows[at], c}, got(r, c), golden(r, c), budget(r, c), 0}, squared);
      if (partial_.wrong != before) note(c);
    }
    const double rms = std::sqrt(over(squared, model.variance[at]));
    if (rms > partial_.max_row_rms) {
      partial_.max_row_rms = rms;
      partial_.worst_row = {b, h, rows[at], 0};
    }
    if (!(rms <= output.rms_limit) && row.wrong == 0) {
      for (Index c = 0; c < dim; ++c) note(c);
    }
    if (row.wrong > 0) damage_.add(row);
    const auto any = static_cast<Index>(philox(0, static_cast<std::uint64_t>(rows[at]))[0] %
                                        static_cast<std::uint64_t>(dim));
    if (golden(r, any) != 0) sample_.push_back(std::abs(golden(r, any)));
    error_squared_ += squared;
    variance_ += model.variance[at];
    variance_squared_ += model.variance[at] * model.variance[at];
    systematic_ += model.systematic[at];
  }
}

void Comparison::merge(Comparison&& later) {
  if (later.partial_.checked == 0) return;
  if (partial_.checked == 0) {
    *this = std::move(later);
    return;
  }
  TensorVerdict& p = partial_;
  const TensorVerdict& q = later.partial_;
  p.checked += q.checked;
  p.wrong += q.wrong;
  p.nonfinite_mismatch += q.nonfinite_mismatch;
  if (q.max_error_over_budget > p.max_error_over_budget) {
    p.max_error_over_budget = q.max_error_over_budget;
    p.worst = q.worst;
  }
  for (std::size_t bin = 0; bin < p.histogram.size(); ++bin) p.histogram[bin] += q.histogram[bin];
  if (q.max_row_rms > p.max_row_rms) {
    p.max_row_rms = q.max_row_rms;
    p.worst_row = q.worst_row;
  }
  damage_.merge(std::move(later.damage_));
  error_squared_ += later.error_squared_;
  error_dot_ += later.error_dot_;
  golden_squared_ += later.golden_squared_;
  signed_error_ += later.signed_error_;
  variance_ += later.variance_;
  variance_squared_ += later.variance_squared_;
  systematic_ += later.systematic_;
  multiple_ = std::max(multiple_, later.multiple_);
  sample_.insert(sample_.end(), later.sample_.begin(), later.sample_.end());
}

double Comparison::multiplicity() const {
  std::vector<double> values = sample_;
  std::sort(values.begin(), values.end());
  const auto count = static_cast<double>(values.size());
  if (count < 2) return static_cast<double>(partial_.checked);
  double pairs = 0, run = 0;
  for (std::size_t i = 1; i < values.size(); ++i) {
    run = values[i] - values[i - 1] <= 0x1p-40 * values[i] ? run + 1 : 0;
    pairs += run;
  }
  return std::max(1.0, static_cast<double>(partial_.checked) * pairs / (0.5 * count * (count - 1)));
}

TensorVerdict Comparison::verdict(const OutputTensorCheck& output) const {
  TensorVerdict v = partial_;
  v.name = output.name;
  v.row_rms_limit = output.rms_limit;
  const double t = std::log(1 / kFalseAlarm);
  const double multiple = std::max(multiplicity(), multiple_);
  const double effective =
      variance_squared_ > 0 ? std::max(1.0, variance_ * variance_ / variance_squared_ / multiple) : 1;
  if (golden_squared_ > 0) {
    // With y = x + e and the angle between x and y: sin^2 = (|e|^2 - (e.x)^2 / |x|^2) / |y|^2.
    const double y_squared = std::max(0.0, golden_squared_ + 2 * error_dot_ + error_squared_);
    const double across = std::max(0.0, error_squared_ - error_dot_ * error_dot_ / golden_squared_);
    const double sine_squared = y_squared > 0 ? std::min(1.0, across / y_squared) : 1;
    const double cosine = std::sqrt(1 - sine_squared) * (golden_squared_ + error_dot_ < 0 ? -1 : 1);
    const double distance = cosine < 0 || y_squared == 0 ? 1 - cosine : sine_squared / (1 + cosine);
    const double honest = variance_ * squares_limit(t, effective) / golden_squared_ / 2;
    v.cosine_over_budget = over(distance, honest);
  }
  v.bias_over_budget =
      over(std::abs(signed_error_),
           systematic_ + std::sqrt(2 * t * multiple * variance_ * static_cast<double>(output.got.dim)));
  v.right = v.wrong == 0 && v.max_row_rms <= v.row_rms_limit && v.cosine_over_budget <= 1 &&
            v.bias_over_budget <= 1;
  return v;
}

}  // namespace attnlab::oracle
