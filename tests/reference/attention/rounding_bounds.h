// Bounds of float's rounding errors for every output of attention.
//
// To first order in u = 2^-24, the unit roundoff, with d = head_dim, dv = head_dim_v and n keys in T blocks:
//
//   A score s_ij = scale q_i . k_j is off by (d + 3) u a, a = scale sum |q||k|; softcap, ALiBi and bias add
//   their own roundings, at most 16 u b, b = a + softcap + |alibi| + |bias|. e_i is the largest of these sums
//   in row i.
//   A weight exp(s - m) has the relative error e_i, plus the rounding of s - m and of exp, plus that of T
//   rescalings whose exponents add up to at most the range r_i of the row's scores:
//     w_i = e_i + u (2 r_i + 12 T + 12).
//   O is a quotient of sums of n weights: off by (2 w_i + (2 n + 6) u) sum_j p_ij keep |v_j|.
//   lse is off by w_i + n u + 4 u |lse|, and P = exp(s - lse) then has the relative error
//     p_i = e_i + w_i + (n + 10 + r_i + 4 |lse|) u.
//   dP = keep dO . v, |dP| <= g_i, and delta = dO . O, |delta| <= g_i, are off by (dv + 3) u g_i each, and
//   delta by O's error besides. So dS = P (dP - delta) is off by 2 P g_i times
//     z_i = p_i + w_i + (dv + n + 12) u, where a softcap's derivative adds 2 e_i / softcap + 24 u.
//   dQ, dK and dV are sums of as many terms as they have, one u each.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "reference/attention/head.h"
#include "tests/reference/attention/passes.h"

namespace attnlab::testing {

inline constexpr double kU = 1.0 / (1 << 24);

// Bounds of the errors of every output, by the derivation above; all sums in float64.
struct Bounds : Passes<double> {
  Bounds(const Case& c, Index bc) : Passes<double>(c.p) {
    for (Index b = 0; b < c.p.batch; ++b) {
      for (Index h = 0; h < c.p.num_heads; ++h) add_head(c, b, h, bc);
    }
  }

 private:
  void add_head(const Case& c, Index b, Index h, Index bc) {
    const attention::Problem& p = c.p;
    const attention::Head head = head_of(p, b, h);
    const Index tb = p.tensor_batch(b), g = h / p.group_size();
    const Rows qr = p.q_rows(b), kr = p.kv_rows(b);
    const auto q = c.q.in().head(tb, h, qr), k = c.k.in().head(tb, g, kr), v = c.v.in().head(tb, g, kr);
    const auto dout = c.dout.in().head(tb, h, qr);
    const double n = static_cast<double>(kr.size), blocks = static_cast<double>(ceil_div(kr.size, bc));
    const double d = static_cast<double>(p.head_dim), dv_size = static_cast<double>(p.head_dim_v);
    const double rows = static_cast<double>(qr.size * p.group_size());
    for (Index i = 0; i < qr.size; ++i) {
      std::vector<Index> keys;
      std::vector<double> s;
      double e = 0, low = head.sink == -INFINITY ? INFINITY : head.sink, high = head.sink;
      for (Index j = 0; j < kr.size; ++j) {
        if (!head.visible(i, j)) continue;
        double dot = 0, a = 0;
        for (Index t = 0; t < p.head_dim; ++t) dot += q(i, t) * k(j, t), a += std::abs(q(i, t) * k(j, t));
        const double alibi = head.alibi_slope * static_cast<double>(std::abs(i + head.offset() - j));
        const double bias = head.has_bias ? head.bias_at(i, j) : 0;
        double score = head.scale * dot;
        if (head.softcap != 0) score = head.softcap * std::tanh(score / head.softcap);
        score += bias - alibi;
        a *= std::abs(head.scale);
        e = std::max(e, kU * ((d + 3) * a + 16 * (a + head.softcap + std::abs(alibi) + std::abs(bias))));
        low = std::min(low, score), high = std::max(high, score);
        keys.push_back(j), s.push_back(score);
      }
      if (high == -INFINITY) continue;  // nothing to attend: exact zeros
      double sum = std::exp(head.sink - high);
      for (const double score : s) sum += std::exp(score - high);
      const double log_sum = high + std::log(sum), range = high - low;
      const double weight = e + kU * (2 * range + 12 * blocks + 12);
      const double probability = e + weight + kU * (n + 10 + range + 4 * std::abs(log_sum));
      lse.view.head(tb, h, qr)(i, 0) = weight + kU * (n + 4 * std::abs(log_sum));
      double zeta = probability + weight + kU * (dv_size + n + 12);
      if (head.softcap != 0) zeta += 2 * e / head.softcap + 24 * kU;
      double largest_dp = 0;
      for (const Index j : keys) {
        double dp = 0;
        for (Index t = 0; t < p.head_dim_v; ++t) dp += std::abs(dout(i, t) * v(j, t));
        largest_dp = std::max(largest_dp, dp * head.dropout_scale());
      }
      for (std::size_t at = 0; at < keys.size(); ++at) {
        const Index j = keys[at];
        const double pr = std::exp(s[at] - log_sum), dropped = pr * head.dropout_scale();
        const double ds = std::abs(head.scale) * 2 * pr * largest_dp;
        for (Index t = 0; t < p.head_dim_v; ++t) {
          o.view.head(tb, h, qr)(i, t) += (2 * weight + (2 * n + 6) * kU) * dropped * std::abs(v(j, t));
          dv.view.head(tb, g, kr)(j, t) += (probability + (rows + 4) * kU) * dropped * std::abs(dout(i, t));
        }
        for (Index t = 0; t < p.head_dim; ++t) {
          dq.view.head(tb, h, qr)(i, t) += (zeta + (n + 4) * kU) * ds * std::abs(k(j, t));
          dk.view.head(tb, g, kr)(j, t) += (zeta + (rows + 4) * kU) * ds * std::abs(q(i, t));
        }
      }
    }
  }
};

// The largest error as a fraction of its bound.
inline double worst_fraction(const Buffer<float>& got, const Buffer<double>& expected,
                             const Buffer<double>& bound) {
  double w = 0;
  for (std::size_t n = 0; n < got.data.size(); ++n) {
    const double value = got.data[n];
    if (value == expected.data[n]) continue;
    const double fraction = std::abs(value - expected.data[n]) / (bound.data[n] + 1e-37);
    if (!(fraction <= w)) w = std::isnan(fraction) ? INFINITY : fraction;
  }
  return w;
}

}  // namespace attnlab::testing
