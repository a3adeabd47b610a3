#include "reference/oracle/budget.h"

#include "reference/oracle/row_errors.h"

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
    for (RowModel* model : {&budget.o_model, &budget.lse_model}) {
      model->variance.assign(rows_.size(), 0);
      model->systematic.assign(rows_.size(), 0);
    }
    if (width == 0) return;
    c_.resize(count, width);
    const RowMajor<T> q = q_.template cast<T>();
    for (Index first = 0; first < width; first += kGoldenKeys) {
      const Rows j{e_.begin + first, std::min(kGoldenKeys, width - first)};
      const RowMajor<T> k = as_eigen(kv_.k(j)).template cast<T>();
      logits<T>(head_, rows_, q, {k.data(), k.rows(), k.cols(), k.cols()}, j,
                {&c_(0, first), count, j.size, width});
    }
    for (Index r = 0; r < count; ++r) add_row(r, out_o, out_lse, budget);
    for (Index first = 0; first < width; first += kGoldenKeys) {
      const Rows j{e_.begin + first, std::min(kGoldenKeys, width - first)};
      budget.o += (c_.middleCols(first, j.size) * magnitudes<T>(kv_.v(j))).template cast<double>();
    }
  }

 private:
  // Turns row r of c_, the logits, into the coefficients of |V|, and adds everything else to the budget.
  void add_row(Index r, const OutputRounding& out_o, const OutputRounding& out_lse, ForwardBudget& budget) {
    const auto at = static_cast<std::size_t>(r);
    RowMap<T> c(&c_(r, 0), e_.width);
    if (!std::isfinite(golden_.lse[at])) {  // nothing visible, or no finite answer
      c.setZero();
      return;
    }
    e_.set_row(rows_[at], c.data(), q_.row(r), golden_.max[at]);
    const double n = e_.visible, mu = e_.multiple, drop = head_.dropout_scale();
    const Row<T>& p = e_.p;
    const double sum_error = n > 1 ? a_.sum(n, mu) + 2 * a_.u * e_.moves : 0;
    c = e_.rounding + e_.weight_error + static_cast<T>(sum_error + a_.u_operand) * p;
    if (!a_.kernel.truncating && n > 1) {  // terms that vanish beside the sum
      c += (p < static_cast<T>(4 * a_.u)).select(p.min(static_cast<T>(a_.u)), T(0));
    }
    if (head_.dropout.p != 0) {
      Direct memory;
      Tile<T> weights({c.data(), 1, e_.width, e_.width}, nullptr);
      attention::apply_dropout(memory, head_, {rows_[at], 1}, {e_.begin, e_.width}, weights);
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
      budget.o(r, col) += shared + last * o + out_o.relative * o + out_o.absolute + flushed;
      magnitude += o * o;
    }
    const double lse = std::abs(golden_.lse[at]);
    budget.sum_error[at] = weighted + (n > 1 ? rounded + sum_error : 0) + 4 * a_.u * (lse + e_.max_size);
    budget.lse[at] = budget.sum_error[at] + out_lse.relative * lse + out_lse.absolute;
    budget.lse_model.variance[at] = budget.lse[at] * budget.lse[at];
    budget.lse_model.systematic[at] = budget.lse[at];
    model_row(at, magnitude, flushed, out_o, budget.o_model);
  }

  // The error of the whole row, as a sum of independent ones and of those that all its keys share.
  void model_row(std::size_t at, double magnitude, double flushed, const OutputRounding& out,
                 RowModel& model) {
    const Row<T>&p = e_.p, &v = e_.v;
    const double n = e_.visible, mu = e_.multiple, drop = head_.dropout_scale(), rms = std::sqrt(magnitude);
    const double columns = static_cast<double>(head_.head_dim_v), unit = drop * norms_.v_scale,
                 squared = unit * unit;
    const double typical = n > 1 ? a_.typical_sum(n, mu) + 2 * a_.u * std::sqrt(e_.moves) : 0;
    // A factor that all logits share: the scale's rounding, and what truncation takes off each.
    const double factor = 4 * a_.u + 4 * a_.u_operand +
                          (a_.kernel.truncating ? a_.sum(static_cast<double>(head_.head_dim) + 3) : 0);
    const double tilt = n > 1 ? factor * unit * e_.spread : 0;
    const double scaling = (n > 1 ? 3 * a_.u : 0) * rms;
    // Errors that are no small ones are taken as they come, all to one side.
    const double beyond = e_.first_order ? 0 : unit * sum(e_.weight_error * v);
    const double independent = sum((e_.rounding * v).square()) / 3 + sum((p * e_.random * v).square());
    const double weights = squared * sum((p * v).square());
    model.variance[at] = mu * squared * independent + mu * sum((p * e_.random).square()) * magnitude +
                         tilt * tilt + beyond * beyond + a_.u_operand * a_.u_operand / 3 * weights +
                         typical * typical * (magnitude + mu * weights) + scaling * scaling +
                         out.relative * out.relative * magnitude / 3 +
                         columns * (out.absolute * out.absolute + flushed * flushed);
    model.systematic[at] =
        std::sqrt(columns) * (beyond + tilt + (a_.kernel.truncating ? typical : 0) * rms + scaling) +
        columns * flushed;
  }

  const Head& head_;
  KeyValues& kv_;
  std::span<const Index> rows_;
  const RowMajor<double>& q_;
  const ForwardRows& golden_;
  const Arithmetic& a_;
  const KeyNorms& norms_;
  RowErrors<T> e_;
  RowMajor<T> c_;
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
    const RowMajor<double> v = magnitudes<double>(kv.v(j));
    for (Index r = 0; r < j.size; ++r) norms.v[static_cast<std::size_t>(first + r)] = v.row(r).norm();
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
