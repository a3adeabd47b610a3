// The list of problems that every forward kernel must solve on every backend, as far as its row takes them,
// and the judgement: the
// reference in float64 on the same numbers, and a bound for every element that follows from lengths and
// types. Used by the tests and by check_kernels.cpp, which runs it where there is a GPU and no test
// framework.
//
// The bound: tests/reference/attention/rounding_bounds.h for a computation in fp32, to which a 16-bit output
// adds its own rounding, u |o| or half a subnormal step. Inputs are numbers of their type already, so they
// add nothing.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cuda/host/attention.h"
#include "reference/core/dtype.h"
#include "tests/reference/attention/rounding_bounds.h"

namespace attnlab::testing {

struct ForwardCase {
  std::string name;
  DType type = DType::f32;
  attention::Problem p;
  bool seqlen_first = false;  // [batch, seqlen, heads, dim]
  bool lse = true;
};

inline ForwardCase forward_case(const std::string& name, Index seqlen_q, Index seqlen_kv, Index head_dim,
                                const std::function<void(ForwardCase&)>& change = {}) {
  ForwardCase c;
  c.name = name;
  c.p.seqlen_q = seqlen_q, c.p.seqlen_kv = seqlen_kv;
  c.p.head_dim = c.p.head_dim_v = head_dim;
  if (change) change(c);
  // The kernels hold these in fp32: the problem's real numbers are the rounded ones.
  c.p.softmax_scale = static_cast<double>(static_cast<float>(c.p.scale()));
  c.p.softcap = static_cast<double>(static_cast<float>(c.p.softcap));
  for (double& slope : c.p.alibi_slopes) slope = static_cast<double>(static_cast<float>(slope));
  return c;
}

// Leaves out what the kernel's row does not take.
inline void keep_supported(const cuda::Kernel& kernel, std::vector<ForwardCase>& cases) {
  const cuda::DeviceLimits any{kernel.needs.min_compute_capability, SIZE_MAX};
  std::erase_if(cases, [&](const ForwardCase& c) {
    return cuda::refusal(kernel, cuda::need_of(c.p, c.type), any).has_value();
  });
}

// Lengths stand around the edges of tiles: rows of 16, 32, 64 and 128, columns of 16, 32 and 64.
inline std::vector<ForwardCase> forward_cases(const cuda::Kernel& kernel) {
  std::vector<ForwardCase> all;
  const auto add = [&](const std::string& name, Index q, Index kv, Index d,
                       const std::function<void(ForwardCase&)>& change = {}) {
    all.push_back(forward_case(name, q, kv, d, change));
  };
  for (const Index d : kernel.needs.head_dims) {
    for (const DType type : kernel.needs.dtypes) {
      add("dim_" + std::to_string(d) + "_" + std::string(name(type)), 65, 97, d,
          [&](ForwardCase& c) { c.type = type, c.p.num_heads = 2; });
    }
  }
  for (const Index n : {1, 15, 16, 17, 31, 32, 33, 63, 64, 127, 128, 129}) {
    add("length_" + std::to_string(n), n, n, 64, [&](ForwardCase& c) { c.p.causal = n % 2 == 1; });
  }
  add("more_keys", 33, 150, 64);
  add("more_queries", 150, 33, 64);
  add("no_keys", 40, 0, 64);
  add("no_queries", 0, 40, 64);
  add("causal", 130, 130, 64, [](ForwardCase& c) { c.p.causal = true; });
  add("causal_more_keys", 70, 150, 80, [](ForwardCase& c) { c.p.causal = true; });
  add("causal_more_queries", 150, 70, 32, [](ForwardCase& c) { c.p.causal = true; });
  add("one_query", 1, 100, 128, [](ForwardCase& c) { c.p.causal = true, c.p.num_heads = 4; });
  add("window", 140, 140, 64, [](ForwardCase& c) { c.p.window = {20, 7}; });
  add("window_left_causal", 130, 160, 64, [](ForwardCase& c) { c.p.window.left = 33, c.p.causal = true; });
  add("window_right_more_queries", 150, 60, 96, [](ForwardCase& c) { c.p.window.right = 5; });
  add("window_of_one", 90, 90, 64, [](ForwardCase& c) { c.p.window = {0, 0}; });
  add("window_beyond", 50, 60, 64, [](ForwardCase& c) { c.p.window = {Index{1} << 30, 1 << 20}; });
  add("softcap", 66, 80, 64, [](ForwardCase& c) { c.p.softcap = 1.5; });
  add("alibi", 70, 90, 64, [](ForwardCase& c) { c.p.num_heads = 3, c.p.alibi_slopes = {0.5, 0.125, 0.03}; });
  add("alibi_a_batch", 40, 30, 64, [](ForwardCase& c) {
    c.p.batch = 2, c.p.num_heads = 2, c.p.alibi_slopes = {0.5, 0.25, 0.1, 0.01}, c.p.causal = true;
  });
  add("scale_negative", 40, 40, 64, [](ForwardCase& c) { c.p.softmax_scale = -0.3; });
  add("scale_zero", 40, 40, 64, [](ForwardCase& c) { c.p.softmax_scale = 0; });
  add("scale_large", 64, 64, 64, [](ForwardCase& c) { c.p.softmax_scale = 20; });
  add("grouped", 50, 70, 64, [](ForwardCase& c) { c.p.batch = 2, c.p.num_heads = 6, c.p.num_kv_heads = 2; });
  add("multi_query", 50, 70, 80, [](ForwardCase& c) { c.p.num_heads = 4; });
  add("seqlen_first", 66, 50, 64,
      [](ForwardCase& c) { c.p.batch = 2, c.p.num_heads = c.p.num_kv_heads = 3, c.seqlen_first = true; });
  add("packed", 80, 90, 64, [](ForwardCase& c) {
    c.p.batch = 4, c.p.num_heads = 2, c.seqlen_first = true;
    c.p.cu_seqlens_q = {0, 80, 80, 97, 113}, c.p.cu_seqlens_kv = {0, 33, 60, 60, 150};
  });
  add("packed_causal", 70, 70, 64, [](ForwardCase& c) {
    c.p.batch = 3, c.p.causal = true;
    c.p.cu_seqlens_q = c.p.cu_seqlens_kv = {0, 70, 71, 120};
  });
  add("padded", 80, 90, 64, [](ForwardCase& c) {
    c.p.batch = 3, c.p.q_lens = {80, 0, 65}, c.p.kv_lens = {31, 90, 0};
  });
  add("padded_causal", 140, 70, 32, [](ForwardCase& c) {
    c.p.batch = 2, c.p.q_lens = {130, 17}, c.p.kv_lens = {70, 64}, c.p.causal = true;
  });
  add("padded_keys_only", 40, 90, 64, [](ForwardCase& c) { c.p.batch = 2, c.p.kv_lens = {17, 80}; });
  add("dropout", 70, 101, 64, [](ForwardCase& c) {
    c.p.batch = 2, c.p.num_heads = 2, c.p.dropout = {0.3, 0x123456789abcdefull, 7};
  });
  add("dropout_wide", 40, 70, 256, [](ForwardCase& c) { c.p.dropout = {0.1, 99, 0}; });
  add("dropout_tiny", 33, 33, 64, [](ForwardCase& c) { c.p.dropout = {1e-18, 5, 1}; });
  add("no_lse", 40, 50, 64, [](ForwardCase& c) { c.lse = false; });
  for (const DType type : kernel.needs.dtypes) {
    add("everything_" + std::string(name(type)), 100, 140, 128, [&](ForwardCase& c) {
      c.type = type;
      c.p.batch = 2, c.p.num_heads = 4, c.p.num_kv_heads = 2, c.seqlen_first = true;
      c.p.causal = true, c.p.window.left = 50, c.p.softcap = 3, c.p.alibi_slopes = {0.3, 0.1, 0.05, 0.01};
      c.p.cu_seqlens_q = {0, 100, 137}, c.p.cu_seqlens_kv = {0, 90, 230};
      c.p.dropout = {0.2, 31, 2};
    });
  }
  keep_supported(kernel, all);
  return all;
}

// The largest error of O and of lse, as fractions of their bounds: at most 1 where the kernel is right.
struct Fractions {
  double o = 0, lse = 0;
};

// max |got - expected| / (bound + rounding to the output's type). A NaN is beyond every bound.
inline double worst_fraction_of(const Buffer<float>& got, const Buffer<double>& expected,
                                const Buffer<double>& bound, DType type) {
  const FloatFormat format = float_format(type);
  double worst = 0;
  for (std::size_t n = 0; n < got.data.size(); ++n) {
    const double value = static_cast<double>(got.data[n]), exact = expected.data[n];
    if (value == exact) continue;
    double allowed = bound.data[n];
    if (type != DType::f32) {
      allowed += format.unit_roundoff() * (std::abs(exact) + allowed) + format.min_subnormal() / 2;
    }
    const double fraction = std::abs(value - exact) / (allowed + 1e-37);
    if (!(fraction <= worst)) worst = std::isnan(fraction) ? INFINITY : fraction;
  }
  return worst;
}

// The tensors of a case: normally distributed, in numbers of the case's type.
inline void fill_case(const ForwardCase& spec, Case& c) {
  c.p = spec.p;
  Random random(17);
  const auto fill = [&](Index heads, Index rows) {
    auto b = random_buffer<double>(random, spec.p.tensor_batches(), heads, rows, spec.p.head_dim,
                                   spec.seqlen_first);
    round_to(spec.type, b.data);
    return b;
  };
  c.q = fill(c.p.num_heads, c.p.tensor_rows_q());
  c.k = fill(c.p.num_kv_heads, c.p.tensor_rows_kv());
  c.v = fill(c.p.num_kv_heads, c.p.tensor_rows_kv());
  c.dout = fill(c.p.num_heads, c.p.tensor_rows_q());
}

struct KernelOutputs {
  Buffer<float> o, lse;  // [batch, heads, seqlen, dim]; no lse unless the case asks for it
};

// A kernel's, from poisoned outputs and workspace.
inline KernelOutputs kernel_outputs(cuda::Backend backend, const cuda::Kernel& kernel,
                                    const ForwardCase& spec, const Case& c) {
  const auto in = convert<float>(c);
  const Index batches = c.p.tensor_batches(), rows = c.p.tensor_rows_q();
  auto o = make_buffer<float>(batches, c.p.num_heads, rows, c.p.head_dim, spec.seqlen_first);
  KernelOutputs out{make_buffer<float>(batches, c.p.num_heads, rows, c.p.head_dim),
                    make_buffer<float>(batches, c.p.num_heads, rows, 1)};
  const cuda::ForwardTensors tensors{in.q.in(), in.k.in(), in.v.in(), o.view,
                                     spec.lse ? OutputTensor(out.lse.view) : OutputTensor()};
  cuda::DeviceProblem on_device(backend, c.p, spec.type, tensors);
  on_device.poison();  // the workspace is poisoned when it is allocated
  on_device.forward(kernel);
  on_device.copy_out(tensors);
  for (Index b = 0; b < batches; ++b) {  // into the one order
    for (Index h = 0; h < c.p.num_heads; ++h) {
      for (Index i = 0; i < rows; ++i) {
        for (Index t = 0; t < c.p.head_dim; ++t) out.o.view.head(b, h)(i, t) = o.view.head(b, h)(i, t);
      }
    }
  }
  return out;
}

inline Fractions forward_fractions(const cuda::Kernel& kernel, const ForwardCase& spec, const Case& c,
                                   const KernelOutputs& got) {
  Passes<double> exact(c.p);
  run_forward(attention::Algorithm::standard, c.p, convert<double>(c), {}, exact);
  const Index tile = kernel.whole_rows ? std::max<Index>(c.p.seqlen_kv, 1)
                                       : kernel.geometry(static_cast<int>(c.p.head_dim), {}).bc;
  const Bounds bounds(c, tile);
  Fractions worst;
  worst.o = worst_fraction_of(got.o, exact.o, bounds.o, spec.type);
  if (spec.lse) worst.lse = worst_fraction_of(got.lse, exact.lse, bounds.lse, DType::f32);
  return worst;
}

inline Fractions run_forward_case(cuda::Backend backend, const cuda::Kernel& kernel,
                                  const ForwardCase& spec) {
  Case c;
  fill_case(spec, c);
  return forward_fractions(kernel, spec, c, kernel_outputs(backend, kernel, spec, c));
}

}  // namespace attnlab::testing
