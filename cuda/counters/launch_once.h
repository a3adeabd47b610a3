// One run of a kernel on a problem of a given shape, with random numbers: what measurements on a GPU and
// their comparison with the emulator launch.
#pragma once

#include <functional>
#include <vector>

#include "cuda/host/attention.h"
#include "cuda/host/backward.h"
#include "reference/core/random.h"

namespace attnlab::cuda {

// softmax: `heads` rows of seqlen_kv numbers
struct Shape {
  Index seqlen_q = 1024, seqlen_kv = 1024, head_dim = 64;
  bool causal = false;
  DType type = DType::f32;
  Index batch = 1, heads = 2, kv_heads = 2;
};

using BeforeLaunch = std::function<void()>;

inline std::vector<float> random_numbers(Index count, std::uint64_t seed) {
  std::vector<float> numbers(static_cast<std::size_t>(count));
  Random random(seed);
  for (float& number : numbers) number = static_cast<float>(static_cast<double>(random.word()) * 0x1p-31 - 1);
  return numbers;
}

inline void launch_softmax_once(Backend backend, const Kernel& kernel, const Shape& s,
                                const BeforeLaunch& before) {
  const auto x = random_numbers(s.heads * s.seqlen_kv, 1);
  std::vector<float> y(x.size());
  before();
  softmax(backend, kernel.name, s.type, {x.data(), s.heads, s.seqlen_kv, s.seqlen_kv},
          {y.data(), s.heads, s.seqlen_kv, s.seqlen_kv});
}

inline attention::Problem problem_of(const Shape& s) {
  attention::Problem p;
  p.batch = s.batch, p.num_heads = s.heads, p.num_kv_heads = s.kv_heads;
  p.seqlen_q = s.seqlen_q, p.seqlen_kv = s.seqlen_kv;
  p.head_dim = p.head_dim_v = s.head_dim;
  p.causal = s.causal;
  return p;
}

// A problem of a shape, with its inputs; outputs start as zeros.
struct Numbers {
  attention::Problem p;
  std::vector<float> q, k, v, o, lse, dout, dq, dk, dv;

  explicit Numbers(const Shape& s) : p(problem_of(s)) {
    const Index rows = s.batch * s.heads * s.seqlen_q, keys = s.batch * s.kv_heads * s.seqlen_kv;
    q = random_numbers(rows * s.head_dim, 1), dout = random_numbers(rows * s.head_dim, 4);
    k = random_numbers(keys * s.head_dim, 2), v = random_numbers(keys * s.head_dim, 3);
    o.resize(q.size()), dq.resize(q.size()), lse.resize(static_cast<std::size_t>(rows));
    dk.resize(k.size()), dv.resize(v.size());
  }
  TensorView<float> queries(std::vector<float>& data, Index dim) const {
    return bhsd(data.data(), p.batch, p.num_heads, p.seqlen_q, dim);
  }
  TensorView<float> keys(std::vector<float>& data) const {
    return bhsd(data.data(), p.batch, p.num_kv_heads, p.seqlen_kv, p.head_dim);
  }
  ForwardTensors forward() {
    return {queries(q, p.head_dim), keys(k), keys(v), queries(o, p.head_dim), queries(lse, 1)};
  }
  BackwardTensors backward() {
    const Index d = p.head_dim;
    return {queries(q, d),    keys(k),        keys(v),  queries(o, d), queries(lse, 1),
            queries(dout, d), queries(dq, d), keys(dk), keys(dv)};
  }
};

inline void launch_forward_once(Backend backend, const Kernel& kernel, const Shape& s,
                                const BeforeLaunch& before) {
  Numbers numbers(s);
  const Cache cache = kernel.pass == Pass::decode ? Cache::as_given : Cache::plain;
  DeviceProblem on_device(backend, numbers.p, s.type, numbers.forward(), cache);
  before();
  on_device.forward(kernel);
}

// O and lse are zeros: which addresses a backward pass touches does not depend on them.
inline void launch_backward_once(Backend backend, const Kernel& kernel, const Shape& s,
                                 const BeforeLaunch& before) {
  Numbers numbers(s);
  const auto tensors = numbers.backward();
  DeviceProblem forward(backend, numbers.p, s.type, numbers.forward());
  forward.copy_in_results(tensors.o, tensors.lse);
  DeviceBackward on_device(backend, forward, tensors);
  before();
  on_device.backward(kernel);
}

// One run of a kernel on a problem of this shape. before is called when everything is on the device.
inline void launch_once(
    Backend backend, const Kernel& kernel, const Shape& s, const BeforeLaunch& before = [] {}) {
  switch (kernel.pass) {
    case Pass::softmax:
      return launch_softmax_once(backend, kernel, s, before);
    case Pass::forward:
      return launch_forward_once(backend, kernel, s, before);
    case Pass::backward:
      return launch_backward_once(backend, kernel, s, before);
    case Pass::decode:
      return launch_forward_once(backend, kernel, s, before);
  }
}

}  // namespace attnlab::cuda
