// The running state of an online softmax, and how two states merge. FlashAttention, split-KV decoding, ring
// attention and prefix sharing all rest on this operation.
//
// The state of a set of keys is m = max s_j, l = sum exp(s_j - m), o = sum exp(s_j - m) v_j. merge() is
// associative and commutative; its neutral element is State{} = {-inf, 0, 0}. Milakov & Gimelshein (2018),
// section 3.1, have it for (m, l); o is carried along.
#pragma once

#include <type_traits>

#include "reference/softmax/row.h"

namespace attnlab::softmax {

// o is a row of head_dim_v numbers; an empty one stands for zeros.
template <class T>
struct State {
  T m = kNegInf<T>;
  T l = 0;
  Eigen::Array<T, 1, Eigen::Dynamic> o;
};

template <class T>
State<T> merge(const State<T>& a, const State<T>& b) {
  const T m = maximum(a.m, b.m);
  const T scale_a = exp_diff(a.m, m), scale_b = exp_diff(b.m, m);
  State<T> sum{m, scale_a * a.l + scale_b * b.l, scale_a * a.o};
  if (sum.o.size() == 0) {
    sum.o = scale_b * b.o;
  } else if (b.o.size() != 0) {
    sum.o += scale_b * b.o;
  }
  return sum;
}

// Merges two normalised results of disjoint key sets, (o, lse_a) and (o_b, lse_b): rows of O and their lse.
// The result replaces (o, lse_a). Split-KV decoding and ring attention exchange results of this form.
template <class T>
void merge_normalised(T* o, T& lse_a, const T* o_b, std::type_identity_t<T> lse_b, Index dim) {
  const T m = maximum<T>(lse_a, lse_b);
  const T weight_a = exp_diff(lse_a, m), weight_b = exp_diff<T>(lse_b, m);
  const T total = weight_a + weight_b;
  if (total == T(0)) return;
  for (Index c = 0; c < dim; ++c) o[c] = (weight_a * o[c] + weight_b * o_b[c]) / total;
  lse_a = m + std::log(total);
}

}  // namespace attnlab::softmax
