// The outputs of both passes of an algorithm on a test's problem, in either precision.
#pragma once

#include <string>

#include "reference/core/two_level_memory.h"
#include "tests/reference/attention/random_problem.h"

namespace attnlab::testing {

template <class T>
struct Passes {
  Buffer<T> o, lse, dq, dk, dv;

  explicit Passes(const attention::Problem& p, T fill = T(0))
      : o(make_buffer<T>(p.tensor_batches(), p.num_heads, p.tensor_rows_q(), p.head_dim_v, false, fill)),
        lse(make_buffer<T>(p.tensor_batches(), p.num_heads, p.tensor_rows_q(), 1, false, fill)),
        dq(make_buffer<T>(p.tensor_batches(), p.num_heads, p.tensor_rows_q(), p.head_dim, false, fill)),
        dk(make_buffer<T>(p.tensor_batches(), p.num_kv_heads, p.tensor_rows_kv(), p.head_dim, false, fill)),
        dv(make_buffer<T>(p.tensor_batches(), p.num_kv_heads, p.tensor_rows_kv(), p.head_dim_v, false,
                          fill)) {}
};

template <class T>
struct PassInputs {
  Buffer<T> q, k, v, dout;
};

// The same numbers in the same layout in another type.
template <class T>
Buffer<T> convert(const Buffer<double>& from) {
  Buffer<T> to;
  to.data.assign(from.data.begin(), from.data.end());
  const auto& v = from.view;
  to.view = {to.data.data(), v.batch, v.heads, v.seqlen, v.dim, v.batch_stride, v.head_stride, v.row_stride};
  return to;
}
template <class T>
PassInputs<T> convert(const Case& c) {
  return {convert<T>(c.q), convert<T>(c.k), convert<T>(c.v), convert<T>(c.dout)};
}

template <class T>
void run_forward(attention::Algorithm algorithm, const attention::Problem& p, const PassInputs<T>& in,
                 const attention::Options& options, Passes<T>& out) {
  attention::forward<T>(algorithm, p, {in.q.in(), in.k.in(), in.v.in(), out.o.view, out.lse.view}, options);
}

// The backward pass of an algorithm that has none is FlashAttention-2's, from its O and lse.
inline attention::Algorithm backward_of(attention::Algorithm algorithm) {
  return attention::info(algorithm).backward ? algorithm : attention::Algorithm::flash2;
}

template <class T>
void run_passes(attention::Algorithm algorithm, const attention::Problem& p, const PassInputs<T>& in,
                const attention::Options& options, Passes<T>& out) {
  run_forward(algorithm, p, in, options, out);
  attention::backward<T>(backward_of(algorithm), p,
                         {in.q.in(), in.k.in(), in.v.in(), out.o.in(), out.lse.in(), in.dout.in(),
                          out.dq.view, out.dk.view, out.dv.view},
                         options);
}

inline std::vector<attention::Algorithm> every_algorithm() {
  std::vector<attention::Algorithm> all;
  for (const auto& a : attention::algorithms()) all.push_back(a.id);
  return all;
}

// For INSTANTIATE_TEST_SUITE_P: "flash1_literal".
struct AlgorithmName {
  template <class Param>
  std::string operator()(const Param& param) const {
    std::string name = attention::info(param.param).name;
    for (char& letter : name) letter = letter == '-' ? '_' : letter;
    return name;
  }
};

}  // namespace attnlab::testing
