// Kernels to test checks with: an honest one, in float (fp64: double) with every option of the problem, and
// pieces for wrong ones.
#pragma once

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "oracle/kernel.h"
#include "reference/attention/head.h"

namespace attnlab::oracle {

inline void store(const OutputTensor& t, Index b, Index h, Index i, Index c, double value) {
  OutputTensor one = t;
  one.data = static_cast<std::byte*>(t.data) + c * t.dim_stride * bits(t.dtype) / 8;
  write(one, b, h, i, {&value, 1, 1, 1});
}

inline double load(const Tensor& t, Index b, Index h, Index i, Index c) {
  std::vector<double> row(static_cast<std::size_t>(t.dim));
  read(t, b, h, {i, 1}, {row.data(), 1, t.dim, t.dim});
  return row[static_cast<std::size_t>(c)];
}

// Rows of a tensor [tensor batch, heads, tensor rows, dim].
inline std::vector<double> rows_of(const Tensor& t, Index b, Index h, Rows rows) {
  std::vector<double> values(static_cast<std::size_t>(rows.size * t.dim));
  if (rows.size != 0) read(t, b, h, rows, {values.data(), rows.size, t.dim, t.dim});
  return values;
}

// Keys or values of sequence b, which may lie in pages.
inline std::vector<double> keys_of(const Tensor& t, const attention::Problem& p, Index b, Index hk) {
  const Rows rows = p.kv_rows(b);
  return t.paged() ? rows_of(t, b, hk, {0, rows.size}) : rows_of(t, p.tensor_batch(b), hk, rows);
}

// Ways to be wrong that live inside the arithmetic.
struct Slip {
  Index causal_shift = 0;      // keys too many
  bool tail_unmasked = false;  // keys beyond the length take part, up to a multiple of 16, as zeros
  double scale_factor = 1;     // of the softmax scale
  bool lse_base2 = false;
  bool reads_padding = false;    // hidden values are multiplied by 0 instead of skipped
  bool whole_batch_max = false;  // a row's maximum comes from batch entry 0
  Index dropped_key = -1;
  bool divides_first = false;  // not wrong: P is normalised before the product with V
};

// Standard attention one row at a time; outputs rounded to their types.
template <class T>
void standard_forward(const Call& call, const Slip& slip) {
  const attention::Problem& p = call.problem;
  for (Index b = 0; b < p.batch; ++b) {
    for (Index h = 0; h < p.num_heads; ++h) {
      attention::Head head = attention::head_of(p, b, h);
      const Rows qr = p.q_rows(b), kr = p.kv_rows(b);
      const Index tb = p.tensor_batch(b), hk = h / p.group_size(), d = p.head_dim, dv = p.head_dim_v;
      const auto q = rows_of(call.q, tb, h, qr), k = keys_of(call.k, p, b, hk), v = keys_of(call.v, p, b, hk);
      if (p.causal) head.right += slip.causal_shift;
      const Index padded = slip.tail_unmasked ? (kr.size + 15) / 16 * 16 : kr.size;
      for (Index i = 0; i < p.seqlen_q; ++i) {
        if (i >= qr.size) {
          if (p.packed()) break;
          for (Index c = 0; c < dv; ++c) store(call.o, tb, h, i, c, 0);
          if (call.lse) store(call.lse, tb, h, i, 0, -INFINITY);
          continue;
        }
        std::vector<T> s(static_cast<std::size_t>(padded), -INFINITY), o(static_cast<std::size_t>(dv), T{0});
        T m = static_cast<T>(head.sink), l = 0;
        for (Index j = 0; j < kr.size; ++j) {
          if (!head.visible(i, j) || j == slip.dropped_key) continue;
          T sum = 0;
          for (Index c = 0; c < d; ++c) {
            sum += static_cast<T>(q[static_cast<std::size_t>(i * d + c)]) *
                   static_cast<T>(k[static_cast<std::size_t>(j * d + c)]);
          }
          sum *= static_cast<T>(head.scale * slip.scale_factor);
          if (head.softcap > 0) {
            const auto cap = static_cast<T>(head.softcap);
            sum = cap * std::tanh(sum / cap);
          }
          sum -= static_cast<T>(head.alibi_slope) * static_cast<T>(std::abs(i + head.offset() - j));
          if (head.has_bias) sum += static_cast<T>(head.bias_at(i, j));
          s[static_cast<std::size_t>(j)] = sum;
          if (!(sum <= m)) m = sum;
        }
        for (Index j = kr.size; j < padded; ++j) s[static_cast<std::size_t>(j)] = 0, m = std::max(m, T{0});
        if (head.sink != -INFINITY) l = std::exp(static_cast<T>(head.sink) - m);
        std::vector<T> weights(s.size(), T{0});
        for (std::size_t j = 0; m != -INFINITY && j < s.size(); ++j) l += weights[j] = std::exp(s[j] - m);
        const T before = slip.divides_first && l > 0 ? l : T{1};
        for (Index j = 0; j < kr.size; ++j) {
          if (s[static_cast<std::size_t>(j)] == -INFINITY && (!slip.reads_padding || m == -INFINITY))
            continue;
          const T weight = weights[static_cast<std::size_t>(j)] / before;
          T kept = weight;
          if (head.dropout.p > 0) {
            const bool keep = (head.kept(i, j / 4) >> (j % 4) & 1u) != 0;
            kept = keep ? weight / static_cast<T>(1 - head.dropout.p) : T{0};
            if (!keep) continue;
          }
          for (Index c = 0; c < dv; ++c) {
            o[static_cast<std::size_t>(c)] += kept * static_cast<T>(v[static_cast<std::size_t>(j * dv + c)]);
          }
        }
        const bool empty = m == -INFINITY;
        const Index row = qr.begin + i;
        for (Index c = 0; c < dv; ++c) {
          store(call.o, tb, h, row, c,
                empty ? 0 : static_cast<double>(o[static_cast<std::size_t>(c)] / (l / before)));
        }
        if (!call.lse) continue;
        T lse = empty ? -INFINITY : m + std::log(l);
        if (slip.lse_base2) lse *= static_cast<T>(1.4426950408889634);
        store(call.lse, tb, h, row, 0, static_cast<double>(lse));
      }
    }
  }
}

inline void honest_forward(const Call& call, const Slip& slip = {}) {
  if (call.q.dtype == DType::f64) {
    standard_forward<double>(call, slip);
  } else {
    standard_forward<float>(call, slip);
  }
}

// Its gradients, with P from the saved lse, in double where a float kernel would sum in float.
inline void honest_backward(const Call& call) {
  const attention::Problem& p = call.problem;
  const Index d = p.head_dim, dv = p.head_dim_v;
  const auto fill = [](const OutputTensor& t) {
    for (Index b = 0; b < t.batch; ++b) {
      for (Index h = 0; h < t.heads; ++h) {
        for (Index i = 0; i < t.seqlen; ++i)
          for (Index c = 0; c < t.dim; ++c) store(t, b, h, i, c, 0);
      }
    }
  };
  fill(call.dq), fill(call.dk), fill(call.dv);
  const auto at = [](const std::vector<double>& x, Index row, Index dim, Index c) {
    return x[static_cast<std::size_t>(row * dim + c)];
  };
  for (Index b = 0; b < p.batch; ++b) {
    for (Index hk = 0; hk < p.num_kv_heads; ++hk) {
      const Rows qr = p.q_rows(b), kr = p.kv_rows(b);
      const Index tb = p.tensor_batch(b);
      const auto k = rows_of(call.k, tb, hk, kr), v = rows_of(call.v, tb, hk, kr);
      std::vector<double> dk(k.size()), dvs(v.size());
      for (Index h = hk * p.group_size(); h < (hk + 1) * p.group_size(); ++h) {
        const attention::Head head = attention::head_of(p, b, h);
        const auto q = rows_of(call.q, tb, h, qr), dout = rows_of(call.dout, tb, h, qr),
                   o = rows_of(call.saved_o, tb, h, qr), lse = rows_of(call.saved_lse, tb, h, qr);
        for (Index i = 0; i < qr.size; ++i) {
          double delta = 0;
          for (Index c = 0; c < dv; ++c) delta += at(dout, i, dv, c) * at(o, i, dv, c);
          std::vector<double> dq(static_cast<std::size_t>(d));
          for (Index j = 0; j < kr.size; ++j) {
            if (!head.visible(i, j)) continue;
            double x = 0, dp = 0, slope = 1;
            for (Index c = 0; c < d; ++c) x += at(q, i, d, c) * at(k, j, d, c);
            for (Index c = 0; c < dv; ++c) dp += at(dout, i, dv, c) * at(v, j, dv, c);
            x *= head.scale;
            if (head.softcap > 0) {
              const double t = std::tanh(x / head.softcap);
              x = head.softcap * t, slope = 1 - t * t;
            }
            x -= head.alibi_slope * static_cast<double>(std::abs(i + head.offset() - j));
            if (head.has_bias) x += static_cast<double>(head.bias_at(i, j));
            const double weight = std::exp(x - lse[static_cast<std::size_t>(i)]);
            double kept = weight;
            if (head.dropout.p > 0) {
              const bool keep = (head.kept(i, j / 4) >> (j % 4) & 1u) != 0;
              kept = keep ? weight / (1 - head.dropout.p) : 0;
              dp = keep ? dp / (1 - head.dropout.p) : 0;
            }
            const double ds = weight * (dp - delta) * slope * head.scale;
            for (Index c = 0; c < d; ++c) {
              dq[static_cast<std::size_t>(c)] += ds * at(k, j, d, c);
              dk[static_cast<std::size_t>(j * d + c)] += ds * at(q, i, d, c);
            }
            for (Index c = 0; c < dv; ++c)
              dvs[static_cast<std::size_t>(j * dv + c)] += kept * at(dout, i, dv, c);
          }
          for (Index c = 0; c < d; ++c)
            store(call.dq, tb, h, qr.begin + i, c, dq[static_cast<std::size_t>(c)]);
        }
      }
      for (Index j = 0; j < kr.size; ++j) {
        for (Index c = 0; c < d; ++c) store(call.dk, tb, hk, kr.begin + j, c, at(dk, j, d, c));
        for (Index c = 0; c < dv; ++c) store(call.dv, tb, hk, kr.begin + j, c, at(dvs, j, dv, c));
      }
    }
  }
}

inline void honest(const Call& call) {
  if (call.backward()) {
    honest_backward(call);
  } else {
    honest_forward(call);
  }
}

}  // namespace attnlab::oracle
