#include "reference/oracle/budget.h"

#include <array>
#include <limits>

#include "reference/attention/scores.h"
#include "reference/core/blocks.h"
#include "reference/core/philox.h"
#include "reference/oracle/arithmetic.h"
#include "reference/softmax/row.h"

namespace attnlab::oracle {
namespace {

using attention::Head;

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

// The budget of rows of one head, in T: budgets need no more digits than float has, unless the class or the
// logits do.
template <class T>
class Forward {
 public:
  Forward(const Head& head, KeyValues& kv, const KeyNorms& norms, std::span<const Index> rows,
          const RowMajor<double>& q, const ForwardRows& golden, const Arithmetic& a)
      : head_(head), kv_(kv), rows_(rows), q_(q), golden_(golden), a_(a), norms_(norms) {
    begin_ = head.band_begin(rows.front());
    width_ = std::max<Index>(0, head.band_end(rows.back()) - begin_);
    const auto part = [&](const std::vector<double>& all) -> Row<T> {
      return Eigen::Map<const Row<double>>(all.data() + begin_, width_).template cast<T>();
    };
    if (width_ == 0) return;
    k_ = part(norms.k), k_max_ = part(norms.k_max), v_ = part(norms.v);
  }

  void run(const OutputRounding& out_o, const OutputRounding& out_lse, ForwardBudget& budget) {
    const Index count = q_.rows();
    budget.o = RowMajor<double>::Zero(count, head_.head_dim_v);
    budget.lse.assign(rows_.size(), 0);
    budget.sum_error.assign(rows_.size(), 0);
    for (RowModel* model : {&budget.o_model, &budget.lse_model}) {
      model->variance.assign(rows_.size(), 0);
      model->systematic.assign(rows_.size(), 0);
    }
    if (width_ == 0) return;
    c_.resize(count, width_);
    for (Index first = 0; first < width_; first += kGoldenKeys) {
      const Rows j{first, std::min(kGoldenKeys, width_ - first)};
      const RowMajor<T> k = as_eigen(kv_.k({begin_ + first, j.size})).template cast<T>();
      logits<T>(head_, rows_, q_t(), {k.data(), k.rows(), k.cols(), k.cols()}, {begin_ + first, j.size},
                {&c_(0, first), count, j.size, width_});
    }
    for (Index r = 0; r < count; ++r) add_row(r, out_o, out_lse, budget);
    for (Index first = 0; first < width_; first += kGoldenKeys) {
      const Index size = std::min(kGoldenKeys, width_ - first);
      const RowMajor<double> v = as_eigen(kv_.v({begin_ + first, size}));
      const RowMajor<T> magnitude = v.array().isFinite().select(v.array().abs(), 0.0).template cast<T>();
      budget.o += (c_.middleCols(first, size) * magnitude).template cast<double>();
    }
  }

 private:
  const RowMajor<T>& q_t() {
    if (q_narrow_.size() == 0) q_narrow_ = q_.template cast<T>();
    return q_narrow_;
  }

  // Turns row r of c_, the logits, into the coefficients of |V|, and adds everything else to the budget.
  void add_row(Index r, const OutputRounding& out_o, const OutputRounding& out_lse, ForwardBudget& budget) {
    const auto at = static_cast<std::size_t>(r);
    RowMap<T> c(&c_(r, 0), width_);
    if (!std::isfinite(golden_.lse[at])) {  // nothing visible, or no finite answer
      c.setZero();
      return;
    }
    const Index i = rows_[at];
    const double d = static_cast<double>(head_.head_dim), scale = std::abs(head_.scale);
    const double q_norm = q_.row(r).norm(), q_max = q_.row(r).cwiseAbs().maxCoeff();
    const double moves = maximum_moves(c.data(), width_, a_.kernel.min_block_kv);
    const double mu = multiplicity(c.data(), width_, a_.u_p);

    // The weights, normalised.
    p_ = c;
    const T top = std::max(softmax::max_row(c.data(), width_), static_cast<T>(head_.sink));
    const T sink_weight = softmax::exp_diff(static_cast<T>(head_.sink), top);
    const T l = softmax::exp_row(p_.data(), width_, top) + sink_weight;
    p_ /= l;
    const double n = static_cast<double>((p_ > T(0)).count());
    size_ = (p_ > T(0)).select(c.abs(), T(0));  // |s|

    // eps: the error of each logit, which is the relative error of its weight.
    const double max_size = std::abs(golden_.max[at]);
    const double base = (2 + moves) * a_.kernel.exp_error + a_.u * (4 + 4 * max_size + 8 * head_.softcap);
    dot_ = static_cast<T>(scale * q_norm) * k_;
    products_ = static_cast<T>(scale) * (static_cast<T>(q_max) * k_).min(static_cast<T>(q_norm) * k_max_);
    const double per_size = 4 * a_.u + a_.u_scores;
    eps_ = static_cast<T>(base) + static_cast<T>(a_.sum(d + 3)) * dot_ + static_cast<T>(per_size) * size_;
    // The same on average: partial sums are of the size of the sum, or of its products.
    random_ = static_cast<T>(base) + static_cast<T>(a_.typical_sum(d + 3)) * (products_ + size_) +
              static_cast<T>(per_size) * size_;
    if (a_.u_operand > 0) {
      eps_ += (static_cast<T>(2 * a_.u_operand) * dot_)
                  .min(static_cast<T>(kConfidence * std::sqrt(2.0) * a_.u_operand) * products_);
      random_ += static_cast<T>(a_.u_operand) * products_;
    }
    if (head_.softcap != 0) {
      const Row<T> tanh_error =
          static_cast<T>(a_.kernel.tanh_error) * dot_.min(static_cast<T>(head_.softcap));
      eps_ += tanh_error;
      random_ += tanh_error;
    }
    if (head_.alibi_slope != 0 || head_.has_bias) add_shift_errors(i);

    // What P's rounding does to a weight; one that is 1 is held exactly.
    const double eta = a_.eta_p / (a_.kernel.scores ? 1.0 : static_cast<double>(l));
    rounding_ = (static_cast<T>(a_.u_p) * p_).max(p_.min(static_cast<T>(eta))).min((T(1) - p_).max(T(0)));

    const double sink_error =
        sink_weight > T(0) ? static_cast<double>(sink_weight / l) * (base + 4 * a_.u * std::abs(head_.sink))
                           : 0;
    const double weighted = static_cast<double>((p_ * eps_).sum()) + sink_error;
    const double own = static_cast<double>((p_.square() * eps_).sum());
    const double rounded = a_.kernel.sums_rounded_p ? static_cast<double>(rounding_.sum()) : 0;
    const double sum_error = n > 1 ? a_.sum(n, mu) + 2 * a_.u * moves : 0;
    c = rounding_ + p_ * (T(1) - p_) * eps_ + static_cast<T>(sum_error) * p_;
    if (!a_.kernel.truncating && n > 1) {  // terms that vanish beside the sum
      c += (p_ < static_cast<T>(4 * a_.u)).select(p_.min(static_cast<T>(a_.u)), T(0));
    }
    if (head_.dropout.p != 0) {
      Direct memory;
      Tile<T> weights({c.data(), 1, width_, width_}, nullptr);
      attention::apply_dropout(memory, head_, {i, 1}, {begin_, width_}, weights);
    }

    // O is a quotient: an error that all weights share cancels, and one of the others' comes in.
    const double drop = head_.dropout_scale();
    const double others = std::max(0.0, weighted - own) * drop;
    const double last = n > 1 ? rounded + sum_error + 3 * a_.u : 0;
    const double flushed = a_.smallest * n;
    double magnitude = 0;
    for (Index col = 0; col < head_.head_dim_v; ++col) {
      const double o = std::abs(golden_.o(r, col));
      if (!std::isfinite(o)) continue;
      const double shared = std::min(weighted * o, others * norms_.v_max[static_cast<std::size_t>(col)]);
      budget.o(r, col) += shared + last * o + out_o.relative * o + out_o.absolute + flushed;
      magnitude += o * o;
    }
    const double lse = std::abs(golden_.lse[at]);
    const double log_error = weighted + (n > 1 ? rounded + sum_error : 0) + 4 * a_.u * (lse + max_size);
    budget.lse[at] = log_error + out_lse.relative * lse + out_lse.absolute;
    budget.sum_error[at] = log_error;
    budget.lse_model.variance[at] = budget.lse[at] * budget.lse[at];
    budget.lse_model.systematic[at] = budget.lse[at];

    // The model of the whole row.
    const double columns = static_cast<double>(head_.head_dim_v), squared = drop * drop;
    const double v_p = sum((rounding_ * v_).square()), v_eps = sum((p_ * random_ * v_).square());
    const double v_sum = sum((p_ * v_).square()), o_eps = sum((p_ * random_).square()) * magnitude;
    const double typical = n > 1 ? a_.typical_sum(n, mu) + 2 * a_.u * std::sqrt(moves) : 0;
    const double mean = static_cast<double>((p_ * size_).sum());
    // A factor that all logits share: the scale's rounding, and what truncation takes off each.
    const double factor = 4 * a_.u + (a_.kernel.truncating ? a_.u_sum * (d + 3) : 0) + 4 * a_.u_operand;
    const double tilt =
        n > 1 ? factor * drop * static_cast<double>((p_ * (size_ - static_cast<T>(mean)).abs() * v_).sum())
              : 0;
    const double rms = std::sqrt(magnitude);
    const double scaling = (n > 1 ? 3 * a_.u : 0) * rms;
    budget.o_model.variance[at] = mu * squared * (v_p / 3 + v_eps) + mu * o_eps + tilt * tilt +
                                  typical * typical * (magnitude + mu * squared * v_sum) + scaling * scaling +
                                  out_o.relative * out_o.relative * magnitude / 3 +
                                  columns * (out_o.absolute * out_o.absolute + flushed * flushed);
    budget.o_model.systematic[at] =
        std::sqrt(columns) * (tilt + (a_.kernel.truncating ? typical : 0) * rms + scaling) +
        columns * flushed;
  }

  void add_shift_errors(Index i) {
    const T u = static_cast<T>(4 * a_.u);
    for (Index c = 0; c < width_; ++c) {
      if (!(p_(c) > T(0))) continue;
      T shift = static_cast<T>(std::abs(head_.alibi_slope)) *
                static_cast<T>(std::abs(i + head_.offset() - begin_ - c));
      if (head_.has_bias) shift += std::abs(static_cast<T>(head_.bias_at(i, begin_ + c)));
      eps_(c) += u * shift;
      random_(c) += u * shift;
    }
  }

  template <class Expression>
  static double sum(const Expression& e) {
    return static_cast<double>(e.sum());
  }

  const Head& head_;
  KeyValues& kv_;
  std::span<const Index> rows_;
  const RowMajor<double>& q_;
  const ForwardRows& golden_;
  const Arithmetic& a_;
  const KeyNorms& norms_;
  Index begin_ = 0, width_ = 0;
  RowMajor<T> q_narrow_, c_;
  Row<T> k_, k_max_, v_;
  Row<T> p_, size_, dot_, products_, eps_, random_, rounding_;
};

}  // namespace

OutputRounding::OutputRounding(const KernelClass& kernel_class, DType stored) {
  const FloatFormat store = float_format(stored);
  const FloatFormat format = kernel_class.output ? *kernel_class.output : store;
  relative = std::max(format.unit_roundoff(), store.unit_roundoff());
  absolute = std::max(format.min_subnormal(), store.min_subnormal()) / 2;
  max_finite = std::min(format.max_finite(), store.max_finite());
}

KeyNorms key_norms(KeyValues& kv, Index head_dim_v) {
  const auto size = static_cast<std::size_t>(kv.size());
  KeyNorms norms{std::vector<double>(size), std::vector<double>(size), std::vector<double>(size),
                 std::vector<double>(static_cast<std::size_t>(head_dim_v), 0)};
  Eigen::Map<Eigen::RowVectorXd> v_max(norms.v_max.data(), head_dim_v);
  const auto finite = [](double x) { return std::isfinite(x) ? x : 0.0; };
  for (Index first = 0; first < kv.size(); first += kGoldenKeys) {
    const Rows j{first, std::min(kGoldenKeys, kv.size() - first)};
    const auto k = as_eigen(kv.k(j));
    for (Index r = 0; r < j.size; ++r) {
      const auto at = static_cast<std::size_t>(first + r);
      norms.k[at] = finite(k.row(r).norm());
      norms.k_max[at] = finite(k.row(r).cwiseAbs().maxCoeff());
    }
    const RowMajor<double> v = as_eigen(kv.v(j)).unaryExpr([&](double x) { return std::abs(finite(x)); });
    for (Index r = 0; r < j.size; ++r) norms.v[static_cast<std::size_t>(first + r)] = v.row(r).norm();
    v_max = v_max.cwiseMax(v.colwise().maxCoeff());
  }
  return norms;
}

ForwardBudget forward_budget(const Head& head, KeyValues& kv, const KeyNorms& norms,
                             std::span<const Index> rows, const RowMajor<double>& q,
                             const ForwardRows& golden, const KernelClass& kernel_class,
                             const OutputRounding& o, const OutputRounding& lse) {
  // Beyond these logits float's own errors would show in the weights.
  constexpr double kLargeLogit = 3e4;
  const Arithmetic arithmetic(kernel_class);
  ForwardBudget budget;
  if (rows.empty()) return budget;
  double k_norm = 0, q_norm = 0;
  for (const double x : norms.k) k_norm = std::max(k_norm, x);
  for (Index r = 0; r < q.rows(); ++r) {
    const double x = q.row(r).norm();
    if (std::isfinite(x)) q_norm = std::max(q_norm, x);
  }
  const bool wide =
      kernel_class.accumulator.mantissa_bits > 23 || !(std::abs(head.scale) * q_norm * k_norm < kLargeLogit);
  if (wide) {
    Forward<double>(head, kv, norms, rows, q, golden, arithmetic).run(o, lse, budget);
  } else {
    Forward<float>(head, kv, norms, rows, q, golden, arithmetic).run(o, lse, budget);
  }
  return budget;
}

}  // namespace attnlab::oracle
