// The weights of one row of attention and the errors that a kernel of a class may make in each of them: what
// the forward and the backward budget are made of. In T: budgets need no more digits than float has, unless
// the class or the logits do.
#pragma once

#include <array>
#include <limits>
#include <span>
#include <vector>

#include "oracle/arithmetic.h"
#include "oracle/budget.h"
#include "reference/attention/scores.h"
#include "reference/core/blocks.h"
#include "reference/core/philox.h"
#include "reference/softmax/row.h"

namespace attnlab::oracle {

// In float64, whatever the expression is computed in.
template <class Expression>
double sum(const Expression& e) {
  return static_cast<double>(e.sum());
}

template <class T>
using Row = Eigen::Array<T, 1, Eigen::Dynamic>;
template <class T>
using RowMap = Eigen::Map<Row<T>>;

// How often the running maximum moves while a kernel goes over a row in tiles of at least `block` keys, first
// to last or last to first, whichever is more. Split keys and other orders: a few more.
template <class T>
double maximum_moves(const T* s, Index size, Index block) {
  constexpr double kSplits = 4;
  const Index blocks = ceil_div(size, block);
  static thread_local std::vector<T> tops;
  tops.resize(static_cast<std::size_t>(blocks));
  for (Index b = 0; b < blocks; ++b) {
    const Index first = b * block;
    tops[static_cast<std::size_t>(b)] = softmax::max_row(s + first, std::min(block, size - first));
  }
  const auto records = [](auto begin, auto end) {
    double count = 0;
    T top = -std::numeric_limits<T>::infinity();
    for (; begin != end; ++begin) {
      if (*begin > top) top = *begin, count += 1;
    }
    return count;
  };
  const double most = std::max(records(tops.begin(), tops.end()), records(tops.rbegin(), tops.rend()));
  return std::min(most + kSplits, static_cast<double>(blocks));
}

// How many of a row's weights are equal, or so close that P's format holds one number for them: their
// roundings are then one rounding. Estimated from the pairs among some of the keys.
template <class T>
double multiplicity(const T* s, Index size, double u_p) {
  constexpr std::size_t kSample = 96;
  constexpr double kEqual = 0x1p-18, kCommon = 0.25;
  std::array<T, kSample> sample;
  std::size_t count = 0;
  const Index step = std::max<Index>(1, size / static_cast<Index>(kSample));
  Index seen = 0;
  for (Index c = 0; c < size && count < kSample; c += step) {
    // A key of each stretch, at a place that no period of the data follows.
    const Index at = std::min(size - 1, c + static_cast<Index>(philox(1, static_cast<std::uint64_t>(c))[0] %
                                                               static_cast<std::uint64_t>(step)));
    ++seen;
    if (s[at] > -std::numeric_limits<T>::infinity()) sample[count++] = s[at];
  }
  if (count < 2) return 1;
  std::sort(sample.begin(), sample.begin() + static_cast<std::ptrdiff_t>(count));
  // Pairs of sorted values no further apart than `width`.
  const auto pairs_within = [&](double width) {
    double pairs = 0;
    for (std::size_t low = 0, high = 0; high < count; ++high) {
      while (static_cast<double>(sample[high]) - static_cast<double>(sample[low]) > width) ++low;
      pairs += static_cast<double>(high - low);
    }
    return pairs / (0.5 * static_cast<double>(count) * static_cast<double>(count - 1));
  };
  const double visible = static_cast<double>(size) * static_cast<double>(count) / static_cast<double>(seen);
  const double top = std::abs(static_cast<double>(sample[count - 1]));
  const double equal = pairs_within(kEqual * (1 + top)), close = pairs_within(u_p);
  return 1 + visible * std::max(equal, close > kCommon ? close : 0);
}

template <class T>
struct RowErrors {
  // The keys that some row of `rows` sees through the band.
  RowErrors(const attention::Head& h, const KeyNorms& norms, std::span<const Index> rows,
            const Arithmetic& arithmetic)
      : head(h), a(arithmetic) {
    begin = head.band_begin(rows.front());
    width = std::max<Index>(0, head.band_end(rows.back()) - begin);
    if (width == 0) return;
    k = part(norms.k), k_max = part(norms.k_max);
    v = part(norms.v, norms.v_scale), v_max = part(norms.v_row, norms.v_scale);
  }
  Row<T> part(const std::vector<double>& all, double unit = 1) const {
    return (Eigen::Map<const Row<double>>(all.data() + begin, width) / unit).template cast<T>();
  }

  // s: the row's logits at the keys; q: its query; top: its largest logit, in float64. squares: for each key
  // the sum of (q_t k_t)^2, or null where a bound of it is good enough, see exact_products().
  template <class Query>
  void set_row(Index i, const T* s, const Query& q, double top, const T* squares) {
    const double scale = std::abs(head.scale), d = static_cast<double>(head.head_dim);
    const double q_norm = q.norm(), q_max = q.cwiseAbs().maxCoeff();
    moves = maximum_moves(s, width, a.kernel.min_block_kv);
    multiple = multiplicity(s, width, a.u_p);
    const Eigen::Map<const Row<T>> logit(s, width);
    p = logit;
    const T largest = std::max(softmax::max_row(s, width), static_cast<T>(head.sink));
    const T sink = softmax::exp_diff(static_cast<T>(head.sink), largest);
    l = static_cast<double>(softmax::exp_row(p.data(), width, largest) + sink);
    p /= static_cast<T>(l);
    sink_weight = static_cast<double>(sink) / l;
    visible = static_cast<double>((p > T(0)).count());
    size = (logit > -std::numeric_limits<T>::infinity()).select(logit.abs(), T(0));

    shown = (p > T(0)).select(logit, T(0));
    mean_logit = sum(p * shown);
    spread = sum(p * (shown - static_cast<T>(mean_logit)).abs() * v);

    max_size = std::abs(top);
    base = (2 + moves) * a.kernel.exp_error + a.u * (4 + 4 * max_size + 8 * head.softcap);
    dot = static_cast<T>(scale * q_norm) * k;
    if (squares != nullptr) {
      const Eigen::Map<const Row<T>> sums(squares,
                                          width);  // not finite beside an infinite key, which is hidden
      products = static_cast<T>(scale) * (p > T(0)).select(sums.max(T(0)), T(0)).sqrt();
    } else {
      products = static_cast<T>(scale) * (static_cast<T>(q_max) * k).min(static_cast<T>(q_norm) * k_max);
    }
    set_logit_errors(i, d);
    set_weight_errors(logit, static_cast<double>(largest));
    // What P's rounding does to a weight; one that is 1 is held exactly.
    const double eta = a.eta_p / (a.kernel.scores ? 1.0 : l);
    rounding = (static_cast<T>(a.u_p) * p).max(p.min(static_cast<T>(eta)));
    if (head.dropout.p == 0) {
      rounding = rounding.min((T(1) - p).max(T(0)));
    } else {  // 1 / (1 - p) comes in before or after
      rounding += static_cast<T>(2 * a.u) * p;
    }
  }

  // eps and random.
  void set_logit_errors(Index i, double d) {
    const bool shifted = head.softcap != 0 || head.alibi_slope != 0 || head.has_bias;
    const Row<T>& product = shifted ? dot : size;  // bounds |q . k|
    const auto to = [](double x) { return static_cast<T>(x); };
    // Roundings to nearest multiply partial sums, which come back from twice the largest product at most.
    const Row<T> partial = (T(0.5) * (product.square() + products.square())).sqrt();
    const Row<T> worst = to(a.u_sum * (d + 3)) * dot;
    eps =
        to(base) + (a.kernel.truncating
                        ? worst
                        : worst.min(to(std::sqrt(2.0) * kConfidence * a.u_sum * std::sqrt(d + 3)) * partial));
    // Scores that are stored are rounded as products, and again when they are scaled.
    eps += to(4 * a.u + 2 * a.u_scores) * size;
    const double exp_variance = a.kernel.exp_error * a.kernel.exp_error * kUniform;
    const double argument = a.u * a.u * (4 + max_size * max_size + 16 * head.softcap * head.softcap);
    const double typical = a.typical_sum(d + 3);
    random = to(exp_variance + argument) + (to(typical) * partial).square() +
             (to(std::sqrt(a.u * a.u + 2 * kUniform * a.u_scores * a.u_scores)) * size).square();
    if (a.u_operand > 0) {
      eps += (to(2 * a.u_operand) * dot).min(to(kConfidence * std::sqrt(2.0) * a.u_operand) * products);
      random += (to(std::sqrt(2 * kUniform) * a.u_operand) * products).square();
    }
    if (head.softcap != 0) {
      const Row<T> tanh_error = to(a.kernel.tanh_error) * dot.min(to(head.softcap));
      eps += tanh_error;
      random += tanh_error.square() * to(kUniform);
    }
    random = random.sqrt();
    if (head.alibi_slope == 0 && !head.has_bias) return;
    for (Index c = 0; c < width; ++c) {
      if (!(p(c) > T(0))) continue;
      const T error = to(4 * a.u + 2 * a.u_scores) * (std::abs(alibi(i, c)) + std::abs(bias(i, c)));
      eps(c) += error;
      random(c) += error / T(2);
    }
  }

  // How far a weight may be off, given the errors of all logits.
  //
  // With p' = p e^eps / sum(p e^eps), the sum lies within e^(+-shift), shift = log(sum(p e^|eps|)). To first
  // order, |p' - p| <= p (1 - p) eps + p * sum of the others' p eps; the second part is an error of O as a
  // whole, and is left to the caller. Where errors are too large for a first order, the weight itself is
  // bounded, between 0 and 1.
  template <class Logits>
  void set_weight_errors(const Logits& logit, double largest) {
    constexpr double kFirstOrder = 0.02;
    const double sink_error = sink_weight > 0 ? base + 4 * a.u * std::abs(head.sink) : 0;
    first_order = static_cast<double>(eps.maxCoeff()) <= kFirstOrder && sink_error <= kFirstOrder;
    if (visible == 0) {  // a row with only a sink
      weighted = others = 0;
      weight_error.setZero(width);
      first_order = true;
    } else if (first_order) {
      constexpr double kSecondOrder = 1 + 2 * kFirstOrder;
      weighted = kSecondOrder * (static_cast<double>((p * eps).sum()) + sink_weight * sink_error);
      weight_error = static_cast<T>(kSecondOrder) * p * (T(1) - p) * eps;
      others = std::max(0.0, weighted - static_cast<double>((p.square() * eps).sum()));
    } else {
      set_large_errors(logit, largest, sink_error);
    }
  }
  template <class Logits>
  void set_large_errors(const Logits& logit, double largest, double sink_error) {
    constexpr double kMostError = 700;  // exp() of it is finite
    log_p = (logit - static_cast<T>(largest + std::log(l))).template cast<double>();
    const double top_gain = (log_p + eps.template cast<double>()).maxCoeff();
    const double gained = (log_p + eps.template cast<double>() - top_gain).exp().sum();
    const double sink_gain = sink_weight > 0 ? sink_weight * std::exp(std::min(sink_error, kMostError)) : 0;
    weighted = std::log(std::exp(std::min(std::log(gained) + top_gain, kMostError)) + sink_gain);
    weight_error = bound_of(weighted, 0);
    // What one weight gains, the others lose.
    const T all = weight_error.sum() + static_cast<T>(sink_weight > 0 ? std::min(1.0, sink_gain) : 0);
    weight_error = weight_error.min(all - weight_error);
    others = 0;
  }
  // The larger of e^(log p + eps + shift) - p, where the weight may be at most e^most, and of
  // p - e^(log p - eps - shift).
  Row<T> bound_of(double shift, double most) const {
    const Row<double> error = eps.template cast<double>() + shift, weight = p.template cast<double>();
    return ((log_p + error).min(most).exp() - weight).max(weight * (1 - (-error).exp())).template cast<T>();
  }

  T alibi(Index i, Index c) const {
    return static_cast<T>(head.alibi_slope) * static_cast<T>(std::abs(i + head.offset() - begin - c));
  }
  T bias(Index i, Index c) const { return head.has_bias ? static_cast<T>(head.bias_at(i, begin + c)) : T(0); }

  const attention::Head& head;
  const Arithmetic& a;
  Index begin = 0, width = 0;
  Row<T> k, k_max;  // norms of the keys
  Row<T> v, v_max;  // norms of the values, in units of KeyNorms::v_scale: their squares must not underflow
  // Of the row.
  double moves = 0;     // of the running maximum
  double multiple = 1;  // weights that are one number, see multiplicity()
  double visible = 0;   // keys with a weight
  double l = 0, sink_weight = 0, max_size = 0;
  double mean_logit = 0, spread = 0;  // sums of p s and of p |s - mean s| |v|
  double base = 0;                    // the part of eps that all keys have
  Row<T> p;                           // weights, normalised
  Row<T> shown, size;                 // the logit, 0 where hidden, and |logit|
  Row<T> dot, products;  // scale |q| |k|, and the root of the sum of squared products, or a bound of it
  Row<T> eps, random;    // a logit's error, which is its weight's relative one: the bound, and its deviation
  Row<T> rounding;       // of P, absolute
  bool first_order = true;
  double weighted = 0;  // error of the sum of weights, relative
  double others = 0;    // sum of p times what the other weights' errors do to it
  Row<T> weight_error;  // absolute, see set_weight_errors()
  Row<double> log_p;    // only without first_order
};

// Whether sums are about as coarse as P, so that a model must know what they do to which key. Elsewhere P's
// rounding is all there is to see, and bounds of the rest will do.
inline bool exact_products(const Arithmetic& a) { return a.u_p <= 16 * a.u_sum || a.u_operand > 0; }

// Whether the class or the logits need float64: beyond these logits float's own errors show in the weights.
inline bool needs_double(const attention::Head& head, const KeyNorms& norms, const RowMajor<double>& q,
                         const KernelClass& kernel_class) {
  constexpr double kLargeLogit = 3e4;
  double k_norm = 0, q_norm = 0;
  for (const double x : norms.k) k_norm = std::max(k_norm, x);
  for (Index r = 0; r < q.rows(); ++r) {
    const double x = q.row(r).norm();
    if (std::isfinite(x)) q_norm = std::max(q_norm, x);
  }
  return kernel_class.accumulator.mantissa_bits > 23 ||
         !(std::abs(head.scale) * q_norm * k_norm < kLargeLogit);
}

// values, and |values|; 0 for what is not finite.
template <class T>
RowMajor<T> finite_part(MatrixView<const double> values) {
  const auto m = as_eigen(values).array();
  return m.isFinite().select(m, 0.0).template cast<T>();
}
template <class T>
RowMajor<T> magnitudes(MatrixView<const double> values) {
  return finite_part<T>(values).cwiseAbs();
}

}  // namespace attnlab::oracle
