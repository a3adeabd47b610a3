#include "oracle/budget.h"

#include <bit>
#include <cstdint>

#include "oracle/row_errors.h"

namespace attnlab::oracle {
namespace {

using attention::Head;

// The budget of rows of one head.
template <class T>
class Forward {
 public:
  Forward(const Head& head, KeyValues& kv, const KeyNorms& norms, std::span<const Index> rows,
          const RowMajor<double>& q, const ForwardRows& golden, const Arithmetic& a)
      : head_(head),
        kv_(kv),
        rows_(rows),
        q_(q),
        golden_(golden),
        a_(a),
        norms_(norms),
        e_(head, norms, rows, a) {}

  void run(const OutputRounding& out_o, const OutputRounding& out_lse, ForwardBudget& budget) {
    const Index count = q_.rows(), width = e_.width;
    budget.o = RowMajor<double>::Zero(count, head_.head_dim_v);
    budget.lse.assign(rows_.size(), 0);
    budget.sum_error.assign(rows_.size(), 0);
    budget.lse_deviation.assign(rows_.size(), 0);
    tilts_.assign(rows_.size(), 0);
    const bool exact = exact_products(a_);
    for (RowModel* model : {&budget.o_model, &budget.lse_model}) {
      model->variance.assign(rows_.size(), 0);
      model->systematic.assign(rows_.size(), 0);
    }
    if (width == 0) return;
    c_.resize(count, width);
    if (exact) squares_.resize(count, width), tilt_.resize(count, width);
    const RowMajor<T> q = q_.template cast<T>();
    const RowMajor<T> q_squares = q.cwiseAbs2();
    for (Index first = 0; first < width; first += kGoldenKeys) {
      const Rows j{e_.begin + first, std::min(kGoldenKeys, width - first)};
      const RowMajor<T> k = as_eigen(kv_.k(j)).template cast<T>();
      logits<T>(head_, rows_, q, {k.data(), k.rows(), k.cols(), k.cols()}, j,
                {&c_(0, first), count, j.size, width});
      if (exact) squares_.middleCols(first, j.size).noalias() = q_squares * k.cwiseAbs2().transpose();
    }
    for (Index r = 0; r < count; ++r) add_row(r, out_lse, budget);
    RowMajor<T> tilt = RowMajor<T>::Zero(count, head_.head_dim_v);
    for (Index first = 0; first < width; first += kGoldenKeys) {
      const Rows j{e_.begin + first, std::min(kGoldenKeys, width - first)};
      budget.o += (c_.middleCols(first, j.size) * magnitudes<T>(kv_.v(j))).template cast<double>();
      if (exact) tilt += tilt_.middleCols(first, j.size) * finite_part<T>(kv_.v(j));
    }
    for (Index r = 0; r < count; ++r) {
      const auto at = static_cast<std::size_t>(r);
      if (exact) add_tilt(tilts_[at], tilt.row(r).template cast<double>(), at, budget.o_model);
      add_output_rounding(r, out_o, budget);
    }
  }

 private:
  // Turns row r of c_, the logits, into the coefficients of |V|, and adds everything else to the budget.
  void add_row(Index r, const OutputRounding& out_lse, ForwardBudget& budget) {
    const auto at = static_cast<std::size_t>(r);
    RowMap<T> c(&c_(r, 0), e_.width);
    const bool exact = squares_.size() > 0;
    if (!std::isfinite(golden_.lse[at])) {  // nothing visible, or no finite answer
      c.setZero();
      if (exact) tilt_.row(r).setZero();
      return;
    }
    e_.set_row(rows_[at], c.data(), q_.row(r), golden_.max[at], exact ? &squares_(r, 0) : nullptr);
    const double n = e_.visible, mu = e_.multiple, drop = head_.dropout_scale();
    const Row<T>& p = e_.p;
    const double sum_error = n > 1 ? a_.sum(n, mu) + 2 * a_.u * e_.moves : 0;
    c = e_.rounding + e_.weight_error + static_cast<T>(sum_error + a_.u_operand) * p;
    if (!a_.kernel.truncating && n > 1) {  // terms that vanish beside the sum
      c += (p < static_cast<T>(4 * a_.u)).select(p.min(static_cast<T>(a_.u)), T(0));
    }
    drop_some(at, c);
    if (exact) {
      RowMap<T> tilt(&tilt_(r, 0), e_.width);
      tilt = p * (e_.shown - static_cast<T>(e_.mean_logit));
      drop_some(at, tilt);
    }

    // O is a quotient: an error that all weights share cancels, and one of the others' comes in.
    const double weighted = e_.weighted, others = e_.others * drop;
    const double rounded = a_.kernel.sums_rounded_p ? sum(e_.rounding) : 0;
    const double last = n > 1 ? rounded + sum_error + 3 * a_.u : 0;
    const double flushed = a_.smallest * n;
    double magnitude = 0;
    for (Index col = 0; col < head_.head_dim_v; ++col) {
      const double o = std::abs(golden_.o(r, col));
      if (!std::isfinite(o)) continue;
      const double shared =
          std::min(e_.first_order ? weighted * o : 0.0, others * norms_.v_max[static_cast<std::size_t>(col)]);
      budget.o(r, col) += shared + last * o + flushed;
      magnitude += o * o;
    }
    const double lse = std::abs(golden_.lse[at]);
    budget.sum_error[at] = weighted + (n > 1 ? rounded + sum_error : 0) + 4 * a_.u * (lse + e_.max_size);
    budget.lse[at] = budget.sum_error[at] + out_lse.half_ulp(lse + budget.sum_error[at]);
    const double lost = vanishing();
    model_lse(at, lse, lost, out_lse, budget);
    model_row(at, magnitude, lost, flushed, budget.o_model);
  }

  void drop_some(std::size_t at, RowMap<T>& row) const {
    if (head_.dropout.p == 0) return;
    Direct memory;
    Tile<T> weights({row.data(), 1, e_.width, e_.width}, nullptr);
    attention::apply_dropout(memory, head_, {rows_[at], 1}, {e_.begin, e_.width}, weights);
  }

  // A factor that all logits share: the scale's rounding, that of q, and what truncation takes off each.
  double factor() const {
    return 2 * a_.u + 2 * a_.u_operand +
           (a_.kernel.truncating ? a_.typical_sum(static_cast<double>(head_.head_dim) + 3) : 0);
  }

  // Weights below half an ulp of l, which rounding to nearest may leave out of a sum one by one: that is no
  // random error, all rows of many keys lose them alike. Truncation's model holds them already.
  double vanishing() const {
    if (a_.kernel.truncating || e_.visible <= 1) return 0;
    return sum((e_.p < static_cast<T>(a_.u)).select(e_.p, T(0)));
  }

  // lse = log sum exp(s): the mean of the logits' errors, and the errors of the sum, of exp and of log.
  void model_lse(std::size_t at, double lse, double lost, const OutputRounding& out,
                 ForwardBudget& budget) const {
    const double n = e_.visible, bound = budget.sum_error[at];
    double variance = bound * bound, systematic = bound;
    if (e_.first_order) {
      const double exp_error = a_.kernel.exp_error, stored = lse + e_.max_size + 2;
      const double typical = n > 1 ? a_.typical_sum(n, e_.multiple) : 0;
      const double pull = factor() * std::abs(e_.mean_logit);
      const double rounded =
          a_.kernel.sums_rounded_p ? kUniform * e_.multiple * sum(e_.rounding.square()) : 0;
      variance = e_.multiple * sum((e_.p * e_.random).square()) + pull * pull + typical * typical +
                 lost * lost + rounded + (2 + e_.moves) * (exp_error * exp_error * kUniform + a_.u * a_.u) +
                 a_.u * a_.u * stored * stored;
      systematic = pull + (a_.kernel.truncating ? typical : lost) + exp_error + a_.u * stored;
    }
    budget.lse_deviation[at] = std::sqrt(variance);
    const double half = out.half_ulp(lse);
    budget.lse_model.variance[at] = variance + half * half * kUniform;
    budget.lse_model.systematic[at] = systematic;
  }

  // The error of the whole row, as a sum of independent ones and of those that all its keys share; without
  // the tilt, where it is computed, and without the rounding of the output.
  void model_row(std::size_t at, double magnitude, double lost, double flushed, RowModel& model) {
    const Row<T>&p = e_.p, &v = e_.v;
    const double n = e_.visible, mu = e_.multiple, drop = head_.dropout_scale();
    const double columns = static_cast<double>(head_.head_dim_v), unit = drop * norms_.v_scale,
                 squared = unit * unit;
    const double typical = n > 1 ? a_.typical_sum(n, mu) : 0, u_squared = a_.u * a_.u;
    // Roundings where the maximum moves, and of the division.
    const double exp_variance = a_.kernel.exp_error * a_.kernel.exp_error * kUniform;
    const double steps = n > 1 ? u_squared * 2 + e_.moves * (exp_variance + u_squared) : 0;
    // Errors that are no small ones are taken as they come, all to one side.
    const double beyond = e_.first_order ? 0 : unit * sum(e_.weight_error * v);
    const double independent = kUniform * sum((e_.rounding * v).square()) + sum((p * e_.random * v).square());
    const double weights = squared * sum((p * v).square());
    model.variance[at] = mu * squared * independent + mu * sum((p * e_.random).square()) * magnitude +
                         beyond * beyond + kUniform * a_.u_operand * a_.u_operand * weights +
                         (typical * typical + lost * lost + steps) * (magnitude + mu * weights) +
                         columns * flushed * flushed;
    model.systematic[at] =
        std::sqrt(columns) *
            (beyond + ((a_.kernel.truncating ? typical : lost) + 2 * a_.u) * std::sqrt(magnitude)) +
        columns * flushed;
    tilts_[at] = n > 1 ? factor() : 0;
    if (squares_.size() == 0) {
      const double tilt = tilts_[at] * unit * e_.spread;
      model.variance[at] += tilt * tilt;
      model.systematic[at] += std::sqrt(columns) * tilt;
    }
  }

  // What a factor on all logits does to O: its derivative.
  template <class Derivative>
  static void add_tilt(double factor, const Derivative& derivative, std::size_t at, RowModel& model) {
    model.variance[at] += factor * factor * derivative.squaredNorm();
    model.systematic[at] += factor * derivative.cwiseAbs().sum();
  }

  void add_output_rounding(Index r, const OutputRounding& out, ForwardBudget& budget) const {
    if (!std::isfinite(golden_.lse[static_cast<std::size_t>(r)])) return;  // zeros, exactly
    double squares = 0;
    for (Index col = 0; col < head_.head_dim_v; ++col) {
      const double o = std::abs(golden_.o(r, col));
      if (!std::isfinite(o)) continue;
      budget.o(r, col) += out.half_ulp(o + budget.o(r, col));
      const double half = out.half_ulp(o);
      squares += half * half;
    }
    budget.o_model.variance[static_cast<std::size_t>(r)] += kUniform * squares;
  }

  const Head& head_;
  KeyValues& kv_;
  std::span<const Index> rows_;
  const RowMajor<double>& q_;
  const ForwardRows& golden_;
  const Arithmetic& a_;
  const KeyNorms& norms_;
  RowErrors<T> e_;
  RowMajor<T> c_, squares_, tilt_;
  std::vector<double> tilts_;
};

}  // namespace

OutputRounding::OutputRounding(const KernelClass& kernel_class, DType stored) {
  const FloatFormat store = float_format(stored);
  const FloatFormat format = kernel_class.output ? *kernel_class.output : store;
  relative = std::max(format.unit_roundoff(), store.unit_roundoff());
  absolute = std::max(format.min_subnormal(), store.min_subnormal()) / 2;
  max_finite = std::min(format.max_finite(), store.max_finite());
}

double OutputRounding::half_ulp(double size) const {
  constexpr std::uint64_t kExponent = std::uint64_t{0x7ff} << 52;
  const double power = std::bit_cast<double>(std::bit_cast<std::uint64_t>(size) & kExponent);
  return std::max(relative * power, absolute);
}

KeyNorms key_norms(KeyValues& kv, Index head_dim_v) {
  const auto size = static_cast<std::size_t>(kv.size());
  KeyNorms norms{std::vector<double>(size), std::vector<double>(size), std::vector<double>(size),
                 std::vector<double>(size), std::vector<double>(static_cast<std::size_t>(head_dim_v), 0)};
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
    const RowMajor<double> v = magnitudes<double>(kv.v(j));
    for (Index r = 0; r < j.size; ++r) {
      const auto at = static_cast<std::size_t>(first + r);
      norms.v[at] = v.row(r).norm();
      norms.v_row[at] = v.cols() > 0 ? v.row(r).maxCoeff() : 0;
    }
    v_max = v_max.cwiseMax(v.colwise().maxCoeff());
  }
  double largest = 0;
  for (const double x : norms.v) largest = std::max(largest, x);
  if (largest > 0) norms.v_scale = largest;
  return norms;
}

ForwardBudget forward_budget(const Head& head, KeyValues& kv, const KeyNorms& norms,
                             std::span<const Index> rows, const RowMajor<double>& q,
                             const ForwardRows& golden, const KernelClass& kernel_class,
                             const OutputRounding& o, const OutputRounding& lse) {
  const Arithmetic arithmetic(kernel_class);
  ForwardBudget budget;
  if (rows.empty()) return budget;
  if (needs_double(head, norms, q, kernel_class)) {
    Forward<double>(head, kv, norms, rows, q, golden, arithmetic).run(o, lse, budget);
  } else {
    Forward<float>(head, kv, norms, rows, q, golden, arithmetic).run(o, lse, budget);
  }
  return budget;
}

}  // namespace attnlab::oracle
