// Declared arithmetic: rounding to a format, and matrix products whose sums are kept in a format.
//
// Tensor cores multiply exactly, add a step's products (16 of them at most) almost exactly, and round or
// truncate once per step where they add to the accumulator. That is what is modelled: steps in float64, and
// the accumulator rounded after each.
#pragma once

#include <Eigen/Core>
#include <bit>
#include <cmath>
#include <optional>

#include "oracle/kernel_class.h"
#include "reference/core/two_level_memory.h"

namespace attnlab::oracle::mistaken {

// The nearest number of a format, ties to even, or the next one toward zero. Saturates or overflows to
// infinity (NaN where the format has none).
class Rounding {
 public:
  Rounding() = default;
  explicit Rounding(const FloatFormat& format, bool toward_zero = false, bool saturate = false);
  // Absent, or wider than T: nothing to do.
  template <class T>
  static std::optional<Rounding> to(const std::optional<FloatFormat>& format, bool toward_zero = false,
                                    bool saturate = false) {
    constexpr int kBits = std::numeric_limits<T>::digits - 1;
    if (!format || format->mantissa_bits > kBits || (format->mantissa_bits == kBits && !toward_zero)) {
      return std::nullopt;
    }
    return Rounding(*format, toward_zero, saturate);
  }

  // As dtype.cpp's: adding 2^52 quanta leaves a double whose last bit is worth one quantum.
  double operator()(double value) const {
    const double magnitude = std::fabs(value);
    const auto bits = static_cast<std::int64_t>(std::bit_cast<std::uint64_t>(magnitude) >> 52);
    const std::int64_t exponent = bits < least_ ? least_ : bits > most_ ? most_ : bits;
    const double shift = std::bit_cast<double>(static_cast<std::uint64_t>(exponent + 52 - mantissa_) << 52);
    double rounded = (magnitude + shift) - shift;
    const double quantum = std::bit_cast<double>(static_cast<std::uint64_t>(exponent - mantissa_) << 52);
    rounded -= toward_zero_ && rounded > magnitude ? quantum : 0.0;
    rounded = rounded > max_finite_ ? too_large_ : rounded;
    return std::copysign(rounded, value);  // a NaN passes
  }

 private:
  std::int64_t least_ = 1, most_ = 2046, mantissa_ = 52;  // exponents with float64's bias
  bool toward_zero_ = false;
  double max_finite_ = 0, too_large_ = 0;
};

template <class Matrix>
void round_all(const std::optional<Rounding>& rounding, Matrix&& m) {
  if (!rounding) return;
  using T = typename std::decay_t<Matrix>::Scalar;
  for (Index r = 0; r < m.rows(); ++r) {
    T* row = m.data() + r * m.outerStride();
    for (Index c = 0; c < m.cols(); ++c) row[c] = static_cast<T>((*rounding)(static_cast<double>(row[c])));
  }
}

// What a tile kernel computes with. T holds every number of the accumulator's format.
template <class T>
struct Arithmetic {
  std::optional<Rounding> operands, p, scores;
  double p_scale = 1, ds_scale = 1;
  std::optional<Rounding> accumulator;  // absent: T's own rounding, to nearest, a product at a time
  // A weight below this is 0, as in arithmetic of the declared accumulator.
  double smallest_weight = 0;

  static Arithmetic declared(const KernelClass& kernel_class) {
    Arithmetic a;
    a.operands = Rounding::to<T>(kernel_class.operands);
    a.p = Rounding::to<T>(kernel_class.p, false, true);
    a.p_scale = kernel_class.p_scale, a.ds_scale = kernel_class.ds_scale;
    a.scores = Rounding::to<T>(kernel_class.scores);
    a.accumulator = Rounding::to<T>(kernel_class.accumulator,
                                    kernel_class.truncating && kernel_class.accumulator.mantissa_bits < 52);
    return a;
  }

  void round_weights(RowMajor<T>& weights) const { round_scaled(weights, p_scale); }
  void round_ds(RowMajor<T>& ds) const { round_scaled(ds, ds_scale); }

  // sum += a b, the sum kept in the accumulator's format.
  template <class A, class B, class Sum>
  void add_product(const A& a, const B& b, Sum&& sum) const {
    if (!accumulator) {
      sum.noalias() += a * b;
      return;
    }
    constexpr Index kStep = 16;
    const RowMajor<double> left = a.template cast<double>(), right = b.template cast<double>();
    RowMajor<double> step(sum.rows(), sum.cols());
    for (Index k = 0; k < left.cols(); k += kStep) {
      const Index size = std::min(kStep, left.cols() - k);
      step.noalias() = left.middleCols(k, size) * right.middleRows(k, size);
      for (Index r = 0; r < sum.rows(); ++r) {
        for (Index c = 0; c < sum.cols(); ++c) {
          sum(r, c) = static_cast<T>((*accumulator)(static_cast<double>(sum(r, c)) + step(r, c)));
        }
      }
    }
  }

 private:
  void round_scaled(RowMajor<T>& matrix, double factor) const {
    if (!p) return;
    const T scale = static_cast<T>(factor);
    if (factor != 1) matrix *= scale;
    round_all(p, matrix);
    if (factor != 1) matrix *= T(1) / scale;
  }
};

}  // namespace attnlab::oracle::mistaken
