#include "oracle/budget_backward.h"

#include "oracle/row_errors.h"

namespace attnlab::oracle {
namespace {

using attention::Head;

template <class T>
class Backward {
 public:
  Backward(const Head& head, KeyValues& kv, const KeyNorms& norms, std::span<const Index> rows,
           const RowMajor<double>& q, const RowMajor<double>& dout, const SavedForward& saved,
           Index group_size, const Arithmetic& a)
      : head_(head),
        kv_(kv),
        norms_(norms),
        rows_(rows),
        q_(q),
        dout_(dout),
        saved_(saved),
        a_(a),
        e_(head, norms, rows, a) {
    longest_ = std::max(static_cast<double>(head.seqlen_kv), static_cast<double>(head.seqlen_q * group_size));
  }

  void run(GradientBudget& budget) {
    const Index count = q_.rows(), width = e_.width;
    if (width == 0) return;
    const RowMajor<T> q = q_.template cast<T>(), dout = dout_.template cast<T>();
    for (RowMajor<T>* m : {&s_, &dp_, &p_error_, &p_rms_, &ds_rms_, &p_slope_}) m->resize(count, width);
    const bool exact = exact_products(a_);
    if (exact) squares_.resize(count, width);
    const RowMajor<T> q_squares = q.cwiseAbs2();
    delta_deviation_.assign(static_cast<std::size_t>(count), 0);
    for (Index first = 0; first < width; first += kGoldenKeys) {
      const Rows j{e_.begin + first, std::min(kGoldenKeys, width - first)};
      const RowMajor<T> k = as_eigen(kv_.k(j)).template cast<T>();
      logits<T>(head_, rows_, q, {k.data(), k.rows(), k.cols(), k.cols()}, j,
                {&s_(0, first), count, j.size, width});
      if (exact) squares_.middleCols(first, j.size).noalias() = q_squares * k.cwiseAbs2().transpose();
      const RowMajor<T> v = as_eigen(kv_.v(j)).template cast<T>();
      dp_.middleCols(first, j.size).noalias() = dout * v.transpose();
    }
    column_multiple_ = column_multiplicity();
    for (Index r = 0; r < count; ++r) add_row(r, budget);

    // s_ holds the error of dS now, p_error_ that of P.
    const double scale = std::abs(head_.scale);
    const RowMajor<T> q_size = finite_size(q_), dout_size = finite_size(dout_);
    RowMajor<T> mean_key = RowMajor<T>::Zero(count, head_.head_dim);
    for (Index first = 0; first < width; first += kGoldenKeys) {
      const Rows j{e_.begin + first, std::min(kGoldenKeys, width - first)};
      const RowMajor<T> signed_k = finite_part<T>(kv_.k(j)), k = signed_k.cwiseAbs();
      mean_key += p_slope_.middleCols(first, j.size) * signed_k;
      budget.dq.middleRows(rows_.front(), count) +=
          scale * (s_.middleCols(first, j.size) * k).template cast<double>();
      budget.dk.middleRows(j.begin, j.size) +=
          scale * (s_.middleCols(first, j.size).transpose() * q_size).template cast<double>();
      budget.dv.middleRows(j.begin, j.size) +=
          (p_error_.middleCols(first, j.size).transpose() * dout_size).template cast<double>();
    }
    for (Index r = 0; r < count; ++r) {
      add_shared_errors(r, scale * mean_key.row(r).template cast<double>(), budget.dq_model);
    }
    const Row<double> q_squared = q_size.rowwise().squaredNorm().transpose().template cast<double>().array();
    const Row<double> dout_squared =
        dout_size.rowwise().squaredNorm().transpose().template cast<double>().array();
    for (Index r = 0; r < count; ++r) {
      for (Index c = 0; c < width; ++c) {
        const auto key = static_cast<std::size_t>(e_.begin + c);
        budget.dk_model.variance[key] +=
            column_multiple_ * scale * scale * squared(ds_rms_(r, c)) * q_squared(r);
        budget.dv_model.variance[key] += column_multiple_ * squared(p_rms_(r, c)) * dout_squared(r);
      }
    }
  }

 private:
  static double squared(T x) { return static_cast<double>(x) * static_cast<double>(x); }
  static RowMajor<T> finite_size(const RowMajor<double>& m) {
    return m.array().isFinite().select(m.array().abs(), 0.0).template cast<T>();
  }

  // As multiplicity(), down the columns: equal queries have equal weights for a key.
  double column_multiplicity() const {
    const Index column = std::clamp<Index>(
        (head_.band_begin(rows_.front()) + head_.band_end(rows_.front())) / 2 - e_.begin, 0, e_.width - 1);
    std::vector<T> values;
    for (Index r = 0; r < q_.rows(); ++r) {
      const T x = s_(r, column) -
                  static_cast<T>(saved_.lse[static_cast<std::size_t>(rows_[static_cast<std::size_t>(r)])]);
      values.push_back(std::isfinite(x) ? x : -std::numeric_limits<T>::infinity());
    }
    const auto size = static_cast<Index>(values.size());
    const double in_block = multiplicity(values.data(), size, a_.u_p);
    return 1 + (in_block - 1) * longest_ / static_cast<double>(size);
  }

  // Turns row r of s_ and dp_ into the errors of dS and P, and adds what a row's keys share.
  void add_row(Index r, GradientBudget& budget) {
    const auto row = static_cast<std::size_t>(rows_[static_cast<std::size_t>(r)]);
    const Index i = rows_[static_cast<std::size_t>(r)], width = e_.width;
    RowMap<T> s(&s_(r, 0), width), dp(&dp_(r, 0), width), p_error(&p_error_(r, 0), width);
    RowMap<T> p_rms(&p_rms_(r, 0), width), ds_rms(&ds_rms_(r, 0), width);
    if (!std::isfinite(saved_.lse[row])) {
      s.setZero(), p_error.setZero(), p_rms.setZero(), ds_rms.setZero();
      p_slope_.row(r).setZero();
      return;
    }
    // Weights that vanish below the accumulator's normal numbers; a hidden key has none.
    flushed_ = (s > -std::numeric_limits<T>::infinity())
                   .select(Row<T>::Constant(width, static_cast<T>(a_.smallest)), T(0));
    cap_.setZero(width);
    if (head_.softcap != 0) {
      for (Index c = 0; c < width; ++c)
        cap_(c) = std::isfinite(s(c)) ? s(c) + e_.alibi(i, c) - e_.bias(i, c) : T(0);
      cap_ /= static_cast<T>(head_.softcap);
    }
    e_.set_row(i, s.data(), q_.row(r), saved_.max[row], squares_.size() > 0 ? &squares_(r, 0) : nullptr);
    // Weights of a row that are one number err alike, in the gradients of all their keys.
    for (RowModel* model : {&budget.dk_model, &budget.dv_model})
      model->multiple = std::max(model->multiple, e_.multiple);
    const Row<T>& p = e_.p;
    const double drop = head_.dropout_scale(), dout_norm = finite_size(dout_.row(r)).norm();
    keep_.setConstant(width, static_cast<T>(1));
    if (head_.dropout.p != 0) {
      Direct memory;
      Tile<T> kept({keep_.data(), 1, width, width}, nullptr);
      attention::apply_dropout(memory, head_, {i, 1}, {e_.begin, width}, kept);
    }
    dp = (flushed_ > T(0)).select(dp * keep_, T(0));

    const auto o = saved_.o.row(i);
    const auto products = o.cwiseProduct(dout_.row(r));
    const double delta = products.sum(), delta_size = products.cwiseAbs().sum();
    const double d_v = static_cast<double>(head_.head_dim_v), n = longest_;
    // delta comes from the kernel's own O: what is known of it, or what its roundings may have done.
    const double o_roundings =
        saved_.rounding.relative * products.norm() + saved_.rounding.absolute * std::sqrt(d_v) * dout_norm;
    const double o_deviation = std::sqrt(
        e_.multiple * ((e_.rounding.square() / T(3) + (p * e_.random).square()).template cast<double>() *
                       dp.template cast<double>().square())
                          .sum() +
        o_roundings * o_roundings / 3);
    const double o_error =
        (saved_.got_o.size() > 0 ? std::abs((saved_.got_o.row(i) - o).dot(dout_.row(r))) : 0) +
        kConfidence * o_deviation;
    const double delta_error = (std::isfinite(o_error) ? o_error : 0) + (a_.sum(d_v) + a_.u) * delta_size;

    // P = exp(s - lse), with the error of lse; dS = P (dP - delta).
    const double lse_size = std::abs(saved_.lse[row]);
    const double lse_error = saved_.sum_error[row] + a_.u * (4 + 4 * lse_size);
    const double dp_operand = 2 * a_.u_operand;
    dp_error_ = static_cast<T>((a_.sum(d_v) + dp_operand) * dout_norm * drop) * e_.v +
                static_cast<T>(a_.u) * dp.abs();
    weight_error_ =
        e_.first_order ? Row<T>(p * (e_.eps + static_cast<T>(lse_error))) : e_.bound_of(lse_error, 80);
    pull_ = (dp - static_cast<T>(delta)).abs();
    ds_ = p * pull_;
    slope_ = T(1) - cap_.square();
    const auto eta = static_cast<T>(a_.eta_p);
    const auto eta_ds = static_cast<T>(a_.kernel.p.min_subnormal() / 2 / a_.kernel.ds_scale *
                                       std::max(1.0, 1 / std::abs(head_.scale)));
    const auto largest_ds = static_cast<T>(a_.kernel.p.max_finite() / a_.kernel.ds_scale);

    error_ = pull_ * weight_error_ + static_cast<T>(3 * a_.u) * ds_ +
             (p + weight_error_) * (dp_error_ + static_cast<T>(delta_error));
    if (head_.softcap != 0) {
      error_ = error_ * slope_ + ds_ * (T(2) * cap_.abs() *
                                            (static_cast<T>(a_.kernel.tanh_error) * cap_.abs() +
                                             e_.eps / static_cast<T>(head_.softcap)) +
                                        static_cast<T>(3 * a_.u));
      ds_ *= slope_;
    }
    rounding_ = (static_cast<T>(a_.u_p) * ds_).max(ds_.min(eta_ds)).max(ds_ - largest_ds);
    const auto length = static_cast<T>(a_.sum(n, std::max(e_.multiple, column_multiple_)));
    s = error_ + rounding_ + flushed_ * (dp.abs() + static_cast<T>(1 + std::abs(delta))) + length * ds_ +
        static_cast<T>(a_.u_operand > 0 ? 2 * a_.u_operand : 0) * ds_;

    p_rounding_ = (static_cast<T>(a_.u_p) * p).max(p.min(eta));
    if (head_.dropout.p == 0) {
      p_rounding_ = p_rounding_.min((T(1) - p).max(T(0)) + weight_error_);
    } else {
      p_rounding_ += static_cast<T>(2 * a_.u) * p;
    }
    p_error =
        (flushed_ + p_rounding_ + weight_error_ + p * (length + static_cast<T>(2 * a_.u_operand))) * keep_;

    // On average: independent roundings, and what the row shares.
    const double typical = a_.typical_sum(n, column_multiple_),
                 operands = 2 * kUniform * a_.u_operand * a_.u_operand;
    const double shared = std::hypot(saved_.lse_deviation[row], a_.u * (2 + lse_size));
    const double typical_dp = a_.typical_sum(d_v), half = std::sqrt(0.5);
    const double known = saved_.got_o.size() > 0 ? o_error - kConfidence * o_deviation : 0;
    const double delta_deviation = std::hypot(std::isfinite(known) ? known : 0, o_deviation,
                                              typical_dp * half * std::hypot(delta, products.norm()));
    delta_deviation_[static_cast<std::size_t>(r)] = delta_deviation;
    const auto to = [](double x) { return static_cast<T>(x); };
    // Of a dP: the root of the sum of its squared products, at most; and the partial sums, as of a logit's.
    const double dout_max = finite_size(dout_.row(r)).maxCoeff(), unit = drop * norms_.v_scale;
    const Row<T> dp_products = (to(dout_max * unit) * e_.v).min(to(dout_norm * unit) * e_.v_max);
    const Row<T> dp_variance = to(0.5 * typical_dp * typical_dp + a_.u * a_.u) * dp.square() +
                               to(0.5 * typical_dp * typical_dp + operands) * dp_products.square();
    const Row<T> relative =
        e_.random.square() + to(shared * shared + typical * typical + operands + a_.u * a_.u);
    p_slope_.row(r) = head_.softcap != 0 ? Row<T>(p * slope_) : p;
    // In units of p, whose square may underflow.
    const Row<T> unit_p = (p > T(0)).select(p, T(1));
    ds_rms = p * (to(kUniform) * (rounding_ / unit_p).square() + (ds_ / unit_p).square() * relative +
                  dp_variance + to(delta_deviation * delta_deviation))
                     .sqrt() +
             flushed_ * (dp.abs() + to(1 + std::abs(delta)));
    if (head_.softcap != 0) ds_rms += error_ / T(3);
    p_rms = (p * (to(kUniform) * (p_rounding_ / unit_p).square() + relative).sqrt() + flushed_) * keep_;
    // What vanishes below the format's smallest number or stops at its largest errs to one side, and so may
    // errors that are no small ones: they are taken as they come.
    const auto many = to(std::sqrt(n));
    ds_lost_ = (ds_ <= eta_ds).select(ds_, T(0)) + (ds_ - largest_ds).max(T(0));
    p_lost_ = (p <= eta).select(p, T(0)) * keep_;
    if (!e_.first_order) ds_lost_ += pull_ * weight_error_, p_lost_ += weight_error_ * keep_;
    ds_rms += many * ds_lost_;
    p_rms += many * p_lost_;
    const double scale = std::abs(head_.scale);
    budget.dq_model.variance[row] +=
        e_.multiple * scale * scale * (ds_rms * e_.k).template cast<double>().square().sum();
    // Of equal signs: what is lost, and what truncation takes off every sum.
    const double pull = a_.kernel.truncating ? typical : 0,
                 root = std::sqrt(static_cast<double>(head_.head_dim));
    budget.dq_model.systematic[row] += scale * root * sum(ds_lost_ * e_.k);
    if (pull == 0 && ds_lost_.maxCoeff() == T(0) && p_lost_.maxCoeff() == T(0)) return;
    const double q_sum = scale * finite_size(q_.row(r)).sum(), dout_sum = finite_size(dout_.row(r)).sum();
    for (Index c = 0; c < width; ++c) {
      const auto key = static_cast<std::size_t>(e_.begin + c);
      budget.dk_model.systematic[key] +=
          (pull * static_cast<double>(ds_(c)) + static_cast<double>(ds_lost_(c))) * q_sum;
      budget.dv_model.systematic[key] +=
          (pull * static_cast<double>(p(c)) + static_cast<double>(p_lost_(c))) * dout_sum;
    }
  }

  // What errors of delta and lse do to dQ, which all keys of a row share: the one goes with the mean key, the
  // other with dQ itself.
  template <class Vector>
  void add_shared_errors(Index r, const Vector& mean_key, RowModel& model) const {
    const auto row = static_cast<std::size_t>(rows_[static_cast<std::size_t>(r)]);
    if (!std::isfinite(saved_.lse[row])) return;
    const double delta = delta_deviation_[static_cast<std::size_t>(r)];
    const double lse = std::hypot(saved_.lse_deviation[row], a_.u * (2 + std::abs(saved_.lse[row])));
    const auto dq = saved_.dq.row(static_cast<Index>(row));
    model.variance[row] += delta * delta * mean_key.squaredNorm() + lse * lse * dq.squaredNorm();
    const double pull = a_.kernel.truncating ? a_.typical_sum(longest_) : 0;
    model.systematic[row] += delta * mean_key.cwiseAbs().sum() + (lse + pull) * dq.cwiseAbs().sum();
  }

  const Head& head_;
  KeyValues& kv_;
  const KeyNorms& norms_;
  std::span<const Index> rows_;
  const RowMajor<double>&q_, &dout_;
  const SavedForward& saved_;
  const Arithmetic& a_;
  RowErrors<T> e_;
  double longest_ = 0, column_multiple_ = 1;
  RowMajor<T> s_, dp_, squares_, p_error_, p_rms_, ds_rms_, p_slope_;
  std::vector<double> delta_deviation_;
  Row<T> flushed_, cap_, keep_, pull_, dp_error_, weight_error_, ds_, slope_, error_, rounding_, p_rounding_,
      ds_lost_, p_lost_;
};

}  // namespace

void add_gradient_budget(const Head& head, KeyValues& kv, const KeyNorms& norms, std::span<const Index> rows,
                         const RowMajor<double>& q, const RowMajor<double>& dout, const SavedForward& saved,
                         Index group_size, const KernelClass& kernel_class, GradientBudget& budget) {
  if (rows.empty()) return;
  const Arithmetic arithmetic(kernel_class);
  if (needs_double(head, norms, q, kernel_class)) {
    Backward<double>(head, kv, norms, rows, q, dout, saved, group_size, arithmetic).run(budget);
  } else {
    Backward<float>(head, kv, norms, rows, q, dout, saved, group_size, arithmetic).run(budget);
  }
}

void add_rounding(const RowMajor<double>& golden, const OutputRounding& rounding,
                  const KernelClass& kernel_class, double terms, RowMajor<double>& budget, RowModel& model) {
  const Arithmetic a(kernel_class);
  const double u = a.u, flushed = terms * a.smallest, typical = a.typical_sum(terms);
  for (Index r = 0; r < golden.rows(); ++r) {
    const auto at = static_cast<std::size_t>(r);
    for (Index c = 0; c < golden.cols(); ++c) {
      const double x = std::abs(golden(r, c));
      if (!std::isfinite(x)) continue;
      budget(r, c) += 4 * u * x + flushed;
      budget(r, c) += rounding.half_ulp(x + budget(r, c));
      const double half = rounding.half_ulp(x);
      model.variance[at] +=
          kUniform * half * half + (2 * u * u + typical * typical / 2) * x * x + flushed * flushed;
    }
  }
}

void add_part_rounding(const RowMajor<double>& part, const OutputRounding& rounding, RowMajor<double>& budget,
                       RowModel& model) {
  for (Index r = 0; r < part.rows(); ++r) {
    for (Index c = 0; c < part.cols(); ++c) {
      const double x = std::abs(part(r, c));
      if (!std::isfinite(x)) continue;
      budget(r, c) += rounding.half_ulp(x + budget(r, c));
      const double half = rounding.half_ulp(x);
      model.variance[static_cast<std::size_t>(r)] += kUniform * half * half;
    }
  }
}

}  // namespace attnlab::oracle
