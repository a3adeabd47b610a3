// The running state of an online softmax and its merge: the one operation behind FlashAttention, split-KV
// decoding, ring attention and prefix sharing.
//
// A state over a set of keys is m = max s_j, l = sum exp(s_j - m), o = sum exp(s_j - m) v_j. merge() is
// associative and commutative (Milakov & Gimelshein 2018, section 3.1, with o carried along), with {-inf, 0,
// 0} as its neutral element.
#pragma once

#include <Eigen/Core>
#include <cmath>
#include <limits>

#include "reference/core/view.h"

namespace attnlab::softmax {

template <class T>
inline constexpr T kNegInf = -std::numeric_limits<T>::infinity();

// exp(x - m) for m >= x; 0 when x is -inf, also where m is -inf too (a state without keys weighs nothing).
template <class T>
T exp_diff(T x, T m) {
  return x == kNegInf<T> ? T(0) : std::exp(x - m);
}

// m + log(l): the log-sum-exp of a state; -inf for a state without keys.
template <class T>
T lse(T m, T l) {
  return l == T(0) ? kNegInf<T> : m + std::log(l);
}

// o is a row of head_dim_v numbers: anything Eigen can scale and add.
template <class T>
struct State {
  T m = kNegInf<T>;
  T l = 0;
  Eigen::Array<T, 1, Eigen::Dynamic> o;
};

template <class T>
State<T> merge(const State<T>& a, const State<T>& b) {
  // std::max(a, NaN) is a: keep NaN on either side.
  const T m = std::isnan(b.m) ? b.m : std::max(a.m, b.m);
  const T scale_a = exp_diff(a.m, m), scale_b = exp_diff(b.m, m);
  return {m, scale_a * a.l + scale_b * b.l, scale_a * a.o + scale_b * b.o};
}

// Merges two normalised results of disjoint key sets: outputs (rows of O) and their lse.
// Written in place of (o, lse). The form that split-KV decoding and ring attention exchange.
template <class T>
void merge_normalised(T* o, T& lse_a, const T* o_b, T lse_b, Index dim) {
  const T m = std::isnan(lse_b) ? lse_b : std::max(lse_a, lse_b);
  const T weight_a = exp_diff(lse_a, m), weight_b = exp_diff(lse_b, m);
  const T total = weight_a + weight_b;
  if (total == T(0)) return;
  for (Index c = 0; c < dim; ++c) o[c] = (weight_a * o[c] + weight_b * o_b[c]) / total;
  lse_a = m + std::log(total);
}

// row <- exp(row - m) in place; returns the sum. Weights below the smallest normal number become 0: they
// cannot change a sum that holds exp(0), Eigen's exp gives one of them (not 0) for -inf, and arithmetic on
// them is slow.
template <class T>
T exp_row(T* row, Index size, T m) {
  Eigen::Map<Eigen::Array<T, 1, Eigen::Dynamic>> x(row, size);
  if (m == kNegInf<T>) {
    x.setZero();
    return 0;
  }
  x = (x - m).exp();
  for (Index c = 0; c < size; ++c) row[c] = row[c] < std::numeric_limits<T>::min() ? T(0) : row[c];
  return x.sum();
}

template <class T>
T max_row(const T* row, Index size) {
  return size == 0 ? kNegInf<T>
                   : Eigen::Map<const Eigen::Array<T, 1, Eigen::Dynamic>>(row, size)
                         .template maxCoeff<Eigen::PropagateNaN>();
}

}  // namespace attnlab::softmax
