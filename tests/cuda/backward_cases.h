// The list of problems that every backward kernel must solve on every backend, and the judgement: the
// reference in float64, given the same inputs, O and lse, and gradient_bounds.h's bound for every element.
// Used by the tests and by check_kernels.cpp, as forward_cases.h.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cuda/host/backward.h"
#include "tests/cuda/forward_cases.h"
#include "tests/cuda/gradient_bounds.h"

namespace attnlab::testing {

using BackwardCase = ForwardCase;  // lse is always there

// Lengths stand around the edges of tiles: 32, or 16 at head_dim 256. Each kind of mask is there with more
// queries than keys, so that causal rows are empty, and with more keys than queries.
inline std::vector<BackwardCase> backward_cases(const cuda::Kernel& kernel) {
  std::vector<BackwardCase> all;
  const auto add = [&](const std::string& name, Index q, Index kv, Index d,
                       const std::function<void(BackwardCase&)>& change = {}) {
    all.push_back(forward_case(name, q, kv, d, change));
  };
  const auto everything = [](BackwardCase& c) {
    c.p.batch = 3, c.p.num_heads = 4, c.p.num_kv_heads = 2, c.seqlen_first = true;
    c.p.causal = true, c.p.window.left = 29, c.p.softcap = 2, c.p.alibi_slopes = {0.5, 0.25, 0.125, 0.06};
    c.p.dropout = {0.25, 77, 3};
    c.p.cu_seqlens_q = {0, 3, 3 + c.p.seqlen_q, 12 + c.p.seqlen_q};
    c.p.cu_seqlens_kv = {0, 9, 9 + c.p.seqlen_kv, 10 + c.p.seqlen_kv};
  };
  for (const Index d : kernel.needs.head_dims) {
    for (const DType type : kernel.needs.dtypes) {
      const std::string suffix = std::to_string(d) + "_" + std::string(name(type));
      add("dim_" + suffix, 37, 41, d, [&](BackwardCase& c) { c.type = type; });
      add("everything_" + suffix, 37, 41, d, [&](BackwardCase& c) { c.type = type, everything(c); });
    }
  }
  for (const Index q : {1, 31, 32, 33, 65}) {
    for (const Index kv : {1, 31, 32, 33, 64}) {
      add("length_" + std::to_string(q) + "_" + std::to_string(kv), q, kv, 64,
          [&](BackwardCase& c) { c.p.causal = (q + kv) % 2 == 1; });
    }
  }
  for (const Index n : {15, 16, 17, 33}) {
    add("wide_" + std::to_string(n), n, 48 - n, 256, [&](BackwardCase& c) { c.p.causal = n % 2 == 1; });
  }
  for (const auto& [q, kv] : {std::pair<Index, Index>{45, 38}, {19, 70}}) {
    const std::string shape = std::to_string(q) + "_" + std::to_string(kv);
    const auto masked = [&, q = q, kv = kv](const char* name,
                                            const std::function<void(BackwardCase&)>& change) {
      add(std::string(name) + "_" + shape, q, kv, 32, change);
    };
    masked("causal", [](BackwardCase& c) { c.p.causal = true; });
    masked("window", [](BackwardCase& c) { c.p.window = {7, 3}; });
    masked("window_left_causal", [](BackwardCase& c) { c.p.window.left = 20, c.p.causal = true; });
    masked("window_right", [](BackwardCase& c) { c.p.window.right = 5; });
    masked("window_of_one", [](BackwardCase& c) { c.p.window = {0, 0}; });
    masked("window_beyond", [](BackwardCase& c) { c.p.window = {Index{1} << 30, 1 << 20}; });
    masked("padded", [](BackwardCase& c) {
      c.p.batch = 4, c.p.causal = true;
      c.p.q_lens = {c.p.seqlen_q, 5, 0, c.p.seqlen_q - 1};
      c.p.kv_lens = {c.p.seqlen_kv - 3, c.p.seqlen_kv, 7, 0};
    });
    masked("packed", [](BackwardCase& c) {
      c.p.batch = 4, c.p.num_heads = 2, c.p.causal = true, c.seqlen_first = true;
      c.p.cu_seqlens_q = {0, 5, 5, 5 + c.p.seqlen_q, 7 + c.p.seqlen_q};
      c.p.cu_seqlens_kv = {0, c.p.seqlen_kv, c.p.seqlen_kv + 2, c.p.seqlen_kv + 11, c.p.seqlen_kv + 11};
    });
    masked("grouped", [](BackwardCase& c) { c.p.num_heads = 6, c.p.num_kv_heads = 2, c.p.causal = true; });
  }
  add("no_keys", 40, 0, 64);
  add("no_queries", 0, 40, 64);
  add("no_keys_fp16", 40, 0, 64, [](BackwardCase& c) { c.type = DType::f16; });
  add("no_queries_fp16", 0, 40, 64, [](BackwardCase& c) { c.type = DType::f16; });
  add("one_query", 1, 100, 128, [](BackwardCase& c) { c.p.causal = true, c.p.num_heads = 4; });
  add("softcap", 40, 45, 64, [](BackwardCase& c) { c.p.softcap = 1.5; });
  add("alibi", 40, 45, 64, [](BackwardCase& c) { c.p.num_heads = 3, c.p.alibi_slopes = {0.5, 0.125, 0.03}; });
  add("alibi_a_batch", 40, 30, 64, [](BackwardCase& c) {
    c.p.batch = 2, c.p.num_heads = 2, c.p.alibi_slopes = {0.5, 0.25, 0.1, 0.01}, c.p.causal = true;
  });
  add("scale_negative", 40, 40, 64, [](BackwardCase& c) { c.p.softmax_scale = -0.3; });
  add("scale_zero", 40, 40, 64, [](BackwardCase& c) { c.p.softmax_scale = 0; });
  add("multi_query", 35, 40, 80, [](BackwardCase& c) { c.p.batch = 2, c.p.num_heads = 4; });
  add("seqlen_first", 34, 40, 64,
      [](BackwardCase& c) { c.p.batch = 2, c.p.num_heads = c.p.num_kv_heads = 3, c.seqlen_first = true; });
  add("dropout", 40, 50, 64, [](BackwardCase& c) {
    c.p.batch = 2, c.p.num_heads = 2, c.p.dropout = {0.375, 0x123456789abcdefull, 42};
  });
  add("dropout_wide", 20, 35, 256, [](BackwardCase& c) { c.p.dropout = {0.1, 99, 0}; });
  keep_supported(kernel, all);
  return all;
}

// What a backward pass is given, numbers of the case's type, with O and lse as a kernel would have stored
// them.
struct BackwardInputs {
  Case c;
  Buffer<double> o, lse;
};

inline void forward_results(const BackwardCase& spec, BackwardInputs& in) {
  Passes<double> out(in.c.p);
  run_forward(attention::Algorithm::standard, in.c.p, convert<double>(in.c), {}, out);
  in.o = std::move(out.o), in.lse = std::move(out.lse);
  round_to(spec.type, in.o.data);
  round_to(DType::f32, in.lse.data);
}
inline void fill_inputs(const BackwardCase& spec, BackwardInputs& in) {
  fill_case(spec, in.c);
  forward_results(spec, in);
}

template <class T>
struct GradientBuffers {
  Buffer<T> dq, dk, dv;

  explicit GradientBuffers(const attention::Problem& p, bool seqlen_first = false)
      : dq(make_buffer<T>(p.tensor_batches(), p.num_heads, p.tensor_rows_q(), p.head_dim, seqlen_first)),
        dk(make_buffer<T>(p.tensor_batches(), p.num_kv_heads, p.tensor_rows_kv(), p.head_dim, seqlen_first)),
        dv(make_buffer<T>(p.tensor_batches(), p.num_kv_heads, p.tensor_rows_kv(), p.head_dim, seqlen_first)) {
  }
};

// In float64. FlashAttention-2 takes delta from O, as the kernels do; standard attention would recompute O
// without its rounding.
inline GradientBuffers<double> exact_gradients(const BackwardInputs& in) {
  GradientBuffers<double> g(in.c.p);
  const auto& c = in.c;
  attention::backward<double>(
      attention::Algorithm::flash2, c.p,
      {c.q.in(), c.k.in(), c.v.in(), in.o.in(), in.lse.in(), c.dout.in(), g.dq.view, g.dk.view, g.dv.view});
  return g;
}

// The same numbers in the order [batch, heads, seqlen, dim].
inline Buffer<float> in_order(const Buffer<float>& from) {
  const auto& v = from.view;
  auto to = make_buffer<float>(v.batch, v.heads, v.seqlen, v.dim);
  for (Index b = 0; b < v.batch; ++b) {
    for (Index h = 0; h < v.heads; ++h) {
      for (Index i = 0; i < v.seqlen; ++i) {
        for (Index t = 0; t < v.dim; ++t) to.view.head(b, h)(i, t) = v.head(b, h)(i, t);
      }
    }
  }
  return to;
}

// A kernel's, from poisoned gradients and workspace, in the order [batch, heads, seqlen, dim].
inline GradientBuffers<float> kernel_gradients(cuda::Backend backend, const cuda::Kernel& kernel,
                                               const BackwardCase& spec, const BackwardInputs& given) {
  const attention::Problem& p = given.c.p;
  const auto in = convert<float>(given.c);
  auto o = convert<float>(given.o), lse = convert<float>(given.lse);
  GradientBuffers<float> g(p, spec.seqlen_first);
  cuda::DeviceProblem forward(backend, p, spec.type, {in.q.in(), in.k.in(), in.v.in(), o.view, lse.view});
  forward.copy_in_results(o.in(), lse.in());
  const cuda::BackwardTensors tensors{in.q.in(),    in.k.in(), in.v.in(), o.in(),   lse.in(),
                                      in.dout.in(), g.dq.view, g.dk.view, g.dv.view};
  cuda::DeviceBackward backward(backend, forward, tensors);
  backward.poison();  // the workspace is poisoned when it is allocated
  backward.backward(kernel);
  backward.copy_out(tensors);
  GradientBuffers<float> ordered(p);
  ordered.dq = in_order(g.dq), ordered.dk = in_order(g.dk), ordered.dv = in_order(g.dv);
  return ordered;
}

// The largest errors as fractions of their bounds: at most 1 where the kernel is right.
struct GradientFractions {
  double dq = 0, dk = 0, dv = 0;
};

inline GradientFractions gradient_fractions(const BackwardCase& spec, const BackwardInputs& in,
                                            const GradientBuffers<float>& got) {
  const auto exact = exact_gradients(in);
  const GradientBounds bounds(in.c, in.o, in.lse);
  const DType type = spec.type;
  return {worst_fraction_of(got.dq, exact.dq, bounds.dq, type),
          worst_fraction_of(got.dk, exact.dk, bounds.dk, type),
          worst_fraction_of(got.dv, exact.dv, bounds.dv, type)};
}

inline GradientFractions run_backward_case(cuda::Backend backend, const cuda::Kernel& kernel,
                                           const BackwardCase& spec) {
  BackwardInputs in;
  fill_inputs(spec, in);
  return gradient_fractions(spec, in, kernel_gradients(backend, kernel, spec, in));
}

}  // namespace attnlab::testing
