// Bounds of a backward kernel's errors, for every element of dQ, dK and dV. The kernel and the float64 pass
// get the same numbers, O and lse among them, so only the kernel's own roundings count.
//
// With u = 2^-24, d = head_dim, n keys a row and r queries (of all heads of the group) a key:
//
//   A score is off by e = (d + 3) u a + 16 u b, a = scale sum |q||k|, b = a + softcap + |alibi|, as in
//   tests/reference/attention/rounding_bounds.h.
//   P = exp(s - lse) is off by (e + u (|s| + |lse| + 8)) P: the difference's rounding, 2 units in the last
//   place of CUDA's expf; and by the smallest normal number, below which it becomes 0.
//   dP = keep dO . v, |dP| <= g, is off by (d + 3) u g; delta = dO . O, |delta| <= h, by (d + 3) u h. So
//   dS = P (dP - delta) is off by (that of P) (g + h) + (d + 6) u P (g + h).
//   softcap's derivative 1 - t^2 is off by 2 e / softcap + 20 u: twice the error of t, 2 units of CUDA's
//   tanhf among it. dQ sums n terms (in tiles, whose sums are added: never more additions), dK and dV r
//   terms: (n + 4) u and (r + 4) u of the sum of their sizes; 4 for scale, dropout's factor and the last
//   additions. An element stored in a narrower type is rounded once more.
// To first order; e and the others are demanded to be below 1 %, and the bounds raised by that.
#pragma once

#include <cfloat>
#include <cmath>
#include <stdexcept>

#include "reference/attention/head.h"
#include "tests/reference/attention/passes.h"

namespace attnlab::testing {

struct GradientBounds {
  Buffer<double> dq, dk, dv;

  // o and lse: what the backward pass is given.
  GradientBounds(const Case& c, const Buffer<double>& o, const Buffer<double>& lse) {
    const attention::Problem& p = c.p;
    dq = make_buffer<double>(p.tensor_batches(), p.num_heads, p.tensor_rows_q(), p.head_dim);
    dk = make_buffer<double>(p.tensor_batches(), p.num_kv_heads, p.tensor_rows_kv(), p.head_dim);
    dv = make_buffer<double>(p.tensor_batches(), p.num_kv_heads, p.tensor_rows_kv(), p.head_dim_v);
    for (Index b = 0; b < p.batch; ++b) {
      for (Index h = 0; h < p.num_heads; ++h) add_head(c, o, lse, b, h);
    }
  }

 private:
  void add_head(const Case& c, const Buffer<double>& o_all, const Buffer<double>& lse_all, Index b, Index h) {
    constexpr double u = 1.0 / (1 << 24);
    const attention::Problem& p = c.p;
    const attention::Head head = head_of(p, b, h);
    const Index tb = p.tensor_batch(b), g = h / p.group_size();
    const Rows qr = p.q_rows(b), kr = p.kv_rows(b);
    const auto q = c.q.in().head(tb, h, qr), k = c.k.in().head(tb, g, kr), v = c.v.in().head(tb, g, kr);
    const auto dout = c.dout.in().head(tb, h, qr), o = o_all.in().head(tb, h, qr);
    const auto lse = lse_all.in().head(tb, h, qr);
    const double d = static_cast<double>(p.head_dim), n = static_cast<double>(kr.size);
    const double r = static_cast<double>(qr.size * p.group_size());
    for (Index i = 0; i < qr.size; ++i) {
      double delta = 0;
      for (Index t = 0; t < p.head_dim; ++t) delta += std::abs(dout(i, t) * o(i, t));
      for (Index j = 0; j < kr.size; ++j) {
        if (!head.visible(i, j)) continue;
        double dot = 0, a = 0, dp = 0;
        for (Index t = 0; t < p.head_dim; ++t) {
          dot += q(i, t) * k(j, t);
          a += std::abs(head.scale * q(i, t) * k(j, t));
          dp += head.dropout_scale() * std::abs(dout(i, t) * v(j, t));
        }
        const double alibi = head.alibi_slope * static_cast<double>(std::abs(i + head.offset() - j));
        double s = head.scale * dot;
        if (head.softcap != 0) s = head.softcap * std::tanh(s / head.softcap);
        s -= alibi;
        const double e = u * ((d + 3) * a + 16 * (a + head.softcap + std::abs(alibi)));
        const double p_ij = std::exp(s - lse(i, 0));
        const double relative = e + u * (std::abs(s) + std::abs(lse(i, 0)) + 8);
        const double cap = head.softcap == 0 ? 0 : 2 * e / head.softcap + 20 * u;
        if (relative + cap > 0.01) throw std::logic_error("gradient_bounds.h: first order is not enough");
        const double p_error = relative * p_ij + static_cast<double>(FLT_MIN), size = dp + delta;
        const double ds_error = p_error * size + (cap + (d + 6) * u) * p_ij * size;
        const double scale = 1.01 * std::abs(head.scale), keep = 1.01 * head.dropout_scale();
        for (Index t = 0; t < p.head_dim; ++t) {
          dq.view.head(tb, h, qr)(i, t) += scale * (ds_error + (n + 4) * u * p_ij * size) * std::abs(k(j, t));
          dk.view.head(tb, g, kr)(j, t) += scale * (ds_error + (r + 4) * u * p_ij * size) * std::abs(q(i, t));
          dv.view.head(tb, g, kr)(j, t) += keep * (p_error + (r + 4) * u * p_ij) * std::abs(dout(i, t));
        }
      }
    }
  }
};

}  // namespace attnlab::testing
