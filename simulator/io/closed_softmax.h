// HBM traffic, SRAM peak and FLOPs of softmax on a row of V elements, read in pieces of Bc >= 1, in closed
// form. Accesses per element: naive 3, safe 4, online 3 (Milakov & Gimelshein 2018, sections 2 and 3),
// log-sum-exp 1, backward 5.
#pragma once

#include "reference/softmax/softmax.h"
#include "simulator/io/traffic.h"

namespace attnlab::io {

// One row of V elements, specialised per algorithm.
template <softmax::Algorithm>
struct SoftmaxForm;
template <>
struct SoftmaxForm<softmax::Algorithm::naive> {
  static Traffic forward(Index v, Index bc);
};
template <>
struct SoftmaxForm<softmax::Algorithm::safe> {
  static Traffic forward(Index v, Index bc);
};
template <>
struct SoftmaxForm<softmax::Algorithm::online> {
  static Traffic forward(Index v, Index bc);
};

Traffic softmax_traffic(softmax::Algorithm algorithm, Index v, Index bc);
Traffic log_sum_exp_traffic(Index v, Index bc);
Traffic softmax_backward_traffic(Index v, Index bc);

}  // namespace attnlab::io
