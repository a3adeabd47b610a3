// The steps of a softmax on a row that lies in SRAM. -inf is a hidden entry: it weighs exactly 0, also in a
// row that holds nothing else. NaN stays NaN.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>

#include "reference/core/view.h"

namespace attnlab::softmax {

template <class T>
inline constexpr T kNegInf = -std::numeric_limits<T>::infinity();

// exp(x - m) for m >= x; 0 when x is -inf, also where m is -inf too (a row without keys weighs nothing).
template <class T>
T exp_diff(T x, T m) {
  return x == kNegInf<T> ? T(0) : std::exp(x - m);
}

// m + log(l): the log-sum-exp of a row with maximum m and l = sum exp(x - m); -inf for a row without keys.
template <class T>
T lse(T m, T l) {
  return l == T(0) ? kNegInf<T> : m + std::log(l);
}

// The larger, NaN if either is (IEEE 754's maximum; std::max depends on their order).
template <class T>
T maximum(T a, T b) {
  return std::isnan(b) || a < b ? b : a;
}

// The largest entry; -inf for an empty row. In a row with a NaN it may be any of the entries (Eigen's fast
// maximum), but never -inf, so that what is summed next becomes NaN.
template <class T>
T max_row(const T* row, Index size) {
  if (size == 0) return kNegInf<T>;
  const Eigen::Map<const Eigen::Array<T, 1, Eigen::Dynamic>> x(row, size);
  const T m = x.maxCoeff();
  return m == kNegInf<T> ? x.template maxCoeff<Eigen::PropagateNaN>() : m;
}

// sum exp(row - m).
template <class T>
T sum_exp_row(const T* row, Index size, T m) {
  if (m == kNegInf<T>) return 0;
  return (Eigen::Map<const Eigen::Array<T, 1, Eigen::Dynamic>>(row, size) - m).exp().sum();
}

// row <- exp(row - m) in place; returns the sum. Weights below the smallest normal number become 0: they
// cannot change a sum that holds exp(0), Eigen's exp gives one of them (not 0) for -inf, and arithmetic on
// them is slow. One pass in Eigen's vector registers: beside matrix products as fast as Eigen's, this loop
// decides an algorithm's speed.
template <class T>
T exp_row(T* row, Index size, T m) {
  namespace simd = Eigen::internal;
  using Packet = typename simd::packet_traits<T>::type;
  constexpr Index kWidth = simd::packet_traits<T>::size;
  constexpr T kSmallest = std::numeric_limits<T>::min();
  if (m == kNegInf<T>) {
    std::fill(row, row + size, T(0));
    return 0;
  }
  const Packet shift = simd::pset1<Packet>(m), smallest = simd::pset1<Packet>(kSmallest);
  Packet sums = simd::pset1<Packet>(T(0));
  Index c = 0;
  for (; c + kWidth <= size; c += kWidth) {
    const Packet p = simd::pexp(simd::psub(simd::ploadu<Packet>(row + c), shift));
    const Packet kept = simd::pandnot(p, simd::pcmp_lt(p, smallest));  // NaN is not less: it stays
    simd::pstoreu(row + c, kept);
    sums = simd::padd(sums, kept);
  }
  T sum = simd::predux(sums);
  for (; c < size; ++c) {
    const T p = std::exp(row[c] - m);
    sum += row[c] = p < kSmallest ? T(0) : p;
  }
  return sum;
}

}  // namespace attnlab::softmax
