// Problems with tensors stored in their types, of all kinds of data, for tests of the oracle; and running a
// kernel on them.
#pragma once

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "oracle/check.h"
#include "oracle/kernel.h"
#include "tests/reference/attention/random_problem.h"

namespace attnlab::testing {

// A contiguous tensor in memory of its own.
struct Stored {
  std::vector<std::byte> bytes;
  DType dtype = DType::f32;
  Index batch = 0, heads = 0, seqlen = 0, dim = 0;

  Stored() = default;
  Stored(DType type, Index b, Index h, Index n, Index d)
      : bytes(static_cast<std::size_t>(b * h * n * d * bits(type) / 8)),
        dtype(type),
        batch(b),
        heads(h),
        seqlen(n),
        dim(d) {}
  Index size() const { return batch * heads * seqlen * dim; }
  double operator[](Index n) const {
    std::uint64_t pattern = 0;
    const auto width = static_cast<std::size_t>(bits(dtype) / 8);
    std::memcpy(&pattern, bytes.data() + static_cast<std::size_t>(n) * width, width);
    return decode(dtype, pattern);
  }
  void set(Index n, double value) {
    const std::uint64_t pattern = encode(dtype, value);
    const auto width = static_cast<std::size_t>(bits(dtype) / 8);
    std::memcpy(bytes.data() + static_cast<std::size_t>(n) * width, &pattern, width);
  }
  Index at(Index b, Index h, Index i, Index c) const { return ((b * heads + h) * seqlen + i) * dim + c; }
  oracle::Tensor tensor() const { return oracle::bhsd(bytes.data(), dtype, batch, heads, seqlen, dim); }
  oracle::OutputTensor output() { return {bytes.data(), tensor()}; }
};

// A problem, its inputs and what a kernel wrote.
struct StoredCase {
  attention::Problem p;
  Stored q, k, v, dout, o, lse, dq, dk, dv;

  // Tensors of the problem's shapes; outputs of 8-bit inputs are bf16, lse is fp32 (fp64: fp64).
  void allocate(DType type, bool backward) {
    const DType out = bits(type) == 8 ? DType::bf16 : type,
                log = type == DType::f64 ? DType::f64 : DType::f32;
    const Index b = p.tensor_batches(), nq = p.tensor_rows_q(), nk = p.tensor_rows_kv();
    q = {type, b, p.num_heads, nq, p.head_dim};
    k = {type, b, p.num_kv_heads, nk, p.head_dim};
    v = {type, b, p.num_kv_heads, nk, p.head_dim_v};
    o = {out, b, p.num_heads, nq, p.head_dim_v};
    lse = {log, b, p.num_heads, nq, 1};
    if (!backward) return;
    dout = {out, b, p.num_heads, nq, p.head_dim_v};
    dq = {out, b, p.num_heads, nq, p.head_dim};
    dk = {out, b, p.num_kv_heads, nk, p.head_dim};
    dv = {out, b, p.num_kv_heads, nk, p.head_dim_v};
  }
  oracle::Inputs inputs() const { return {q.tensor(), k.tensor(), v.tensor(), dout.tensor()}; }
  oracle::Outputs outputs() const {
    return {o.tensor(), lse.tensor(), dq.tensor(), dk.tensor(), dv.tensor()};
  }

  void run(const oracle::Kernel& kernel) {
    const oracle::Inputs in = inputs();
    kernel({p, in.q, in.k, in.v, {}, o.output(), lse.output(), {}, {}, {}, {}, {}});
    if (!in.dout) return;
    kernel({p,
            in.q,
            in.k,
            in.v,
            in.dout,
            {},
            {},
            dq.output(),
            dk.output(),
            dv.output(),
            o.tensor(),
            lse.tensor()});
  }
};

inline constexpr const char* kData[] = {"normal",       "offset-mean",     "large-logits", "outliers",
                                        "ties",         "constant-rows",   "tiny",         "integers",
                                        "zero-queries", "values-are-keys", "small-logits"};

// Fills the inputs with data of that name.
inline void fill(StoredCase& c, const std::string& data, std::uint64_t seed) {
  Random random(seed);
  const auto normal = [&](Stored& t, double scale, double mean = 0) {
    for (Index n = 0; n < t.size(); ++n) t.set(n, mean + scale * random.normal());
  };
  const double mean = data == "offset-mean" ? 3 : 0, size = data == "tiny" ? 1e-6 : 1;
  for (Stored* t : {&c.q, &c.k, &c.v, &c.dout}) normal(*t, size, mean);
  if (data == "large-logits") normal(c.q, 30), normal(c.k, 30);
  if (data == "small-logits") normal(c.q, 2e-3);
  if (data == "zero-queries") std::fill(c.q.bytes.begin(), c.q.bytes.end(), std::byte{0});
  if (data == "outliers") {
    for (Stored* t : {&c.q, &c.k, &c.v}) {
      for (Index n = 0; n < t->size(); ++n) {
        if (random.chance(0.001)) t->set(n, (*t)[n] + 10 * random.normal());
      }
    }
  }
  if (data == "integers") {
    for (Stored* t : {&c.q, &c.k, &c.v, &c.dout}) {
      for (Index n = 0; n < t->size(); ++n) t->set(n, static_cast<double>(random.integer(-2, 2)));
    }
  }
  const auto repeat_rows = [](Stored& t, Index distinct) {  // row i is row i % distinct
    for (Index n = 0; n < t.size(); ++n) {
      const Index col = n % t.dim, row = n / t.dim % t.seqlen, head = n / (t.dim * t.seqlen);
      t.set(n, t[(head * t.seqlen + row % distinct) * t.dim + col]);
    }
  };
  if (data == "ties") repeat_rows(c.k, 3);
  if (data == "constant-rows") repeat_rows(c.q, 1), repeat_rows(c.k, 2), repeat_rows(c.v, 2);
  if (data == "values-are-keys" && c.k.dim == c.v.dim && c.k.dtype == c.v.dtype) c.v.bytes = c.k.bytes;
}

}  // namespace attnlab::testing
