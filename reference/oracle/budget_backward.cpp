#include "reference/oracle/budget_backward.h"

#include "reference/oracle/row_errors.h"

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
    for (RowMajor<T>* m : {&s_, &dp_, &p_error_, &p_rms_, &ds_rms_}) m->resize(count, width);
    for (Index first = 0; first < width; first += kGoldenKeys) {
      const Rows j{e_.begin + first, std::min(kGoldenKeys, width - first)};
      const RowMajor<T> k = as_eigen(kv_.k(j)).template cast<T>();
      logits<T>(head_, rows_, q, {k.data(), k.rows(), k.cols(), k.cols()}, j,
                {&s_(0, first), count, j.size, width});
      const RowMajor<T> v = as_eigen(kv_.v(j)).template cast<T>();
      dp_.middleCols(first, j.size).noalias() = dout * v.transpose();
    }
    column_multiple_ = column_multiplicity();
    for (Index r = 0; r < count; ++r) add_row(r, budget);

    // s_ holds the error of dS now, p_error_ that of P.
    const double scale = std::abs(head_.scale);
    const RowMajor<T> q_size = finite_size(q_), dout_size = finite_size(dout_);
    for (Index first = 0; first < width; first += kGoldenKeys) {
      const Rows j{e_.begin + first, std::min(kGoldenKeys, width - first)};
      const RowMajor<T> k = magnitudes<T>(kv_.k(j));
      budget.dq.middleRows(rows_.front(), count) +=
          scale * (s_.middleCols(first, j.size) * k).template cast<double>();
      budget.dk.middleRows(j.begin, j.size) +=
          scale * (s_.middleCols(first, j.size).transpose() * q_size).template cast<double>();
      budget.dv.middleRows(j.begin, j.size) +=
          (p_error_.middleCols(first, j.size).transpose() * dout_size).template cast<double>();
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
    e_.set_row(i, s.data(), q_.row(r), saved_.max[row]);
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
    const auto eta = static_cast<T>(a_.kernel.p.min_subnormal() / 2);
    const auto eta_ds =
        static_cast<T>(a_.kernel.p.min_subnormal() / 2 * std::max(1.0, 1 / std::abs(head_.scale)));

    error_ = pull_ * weight_error_ + static_cast<T>(3 * a_.u) * ds_ +
             (p + weight_error_) * (dp_error_ + static_cast<T>(delta_error));
    if (head_.softcap != 0) {
      error_ = error_ * slope_ + ds_ * (T(2) * cap_.abs() *
                                            (static_cast<T>(a_.kernel.tanh_error) * cap_.abs() +
                                             e_.eps / static_cast<T>(head_.softcap)) +
                                        static_cast<T>(3 * a_.u));
      ds_ *= slope_;
    }
    rounding_ = (static_cast<T>(a_.u_p) * ds_).max(ds_.min(eta_ds));
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
    const auto typical = static_cast<T>(a_.typical_sum(n, column_multiple_) + 2 * a_.u_operand);
    const auto shared = static_cast<T>(lse_error);
    const auto delta_rms =
        static_cast<T>(o_deviation + (saved_.got_o.size() > 0 ? o_error - kConfidence * o_deviation : 0) +
                       a_.typical_sum(d_v) * delta_size);
    const auto dp_typical =
        static_cast<T>((a_.typical_sum(d_v) + a_.u_operand) * dout_norm * drop * norms_.v_scale);
    // Amplitudes: squares of the smallest weights would underflow.
    const auto root_third = static_cast<T>(std::sqrt(1.0 / 3));
    ds_rms = root_third * rounding_ + ds_ * (e_.random + shared + typical) +
             p * (dp_typical * e_.v + delta_rms) +
             flushed_ * (dp.abs() + static_cast<T>(1 + std::abs(delta)));
    if (head_.softcap != 0) ds_rms += error_ / T(3);
    p_rms = (root_third * p_rounding_ + flushed_ + p * (e_.random + shared + typical)) * keep_;
    if (!e_.first_order) {  // errors that are no small ones are taken as they come, all to one side
      const auto many = static_cast<T>(std::sqrt(n));
      ds_rms += many * pull_ * weight_error_;
      p_rms += many * weight_error_ * keep_;
    }

    const double scale = std::abs(head_.scale);
    const double together = scale * (static_cast<double>(delta_rms) * sum(p * e_.k) +
                                     static_cast<double>(shared + typical) * sum(ds_ * e_.k) /
                                         std::sqrt(std::max(1.0, e_.visible)));
    budget.dq_model.variance[row] +=
        e_.multiple * scale * scale * (ds_rms * e_.k).template cast<double>().square().sum() +
        together * together;
    budget.dq_model.systematic[row] += std::sqrt(static_cast<double>(head_.head_dim)) * together;
    if (a_.kernel.truncating) {
      const double pull = static_cast<double>(length);
      for (Index c = 0; c < width; ++c) {
        const auto key = static_cast<std::size_t>(e_.begin + c);
        budget.dk_model.systematic[key] +=
            pull * scale * static_cast<double>(ds_(c)) * q_.row(r).cwiseAbs().sum();
        budget.dv_model.systematic[key] += pull * static_cast<double>(p(c)) * dout_.row(r).cwiseAbs().sum();
      }
    }
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
  RowMajor<T> s_, dp_, p_error_, p_rms_, ds_rms_;
  Row<T> flushed_, cap_, keep_, pull_, dp_error_, weight_error_, ds_, slope_, error_, rounding_, p_rounding_;
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
  const double u = a.u, absolute = rounding.absolute + terms * a.smallest;
  for (Index r = 0; r < golden.rows(); ++r) {
    const auto at = static_cast<std::size_t>(r);
    for (Index c = 0; c < golden.cols(); ++c) {
      const double x = std::abs(golden(r, c));
      if (!std::isfinite(x)) continue;
      budget(r, c) += (rounding.relative + 4 * u) * x + absolute;
      model.variance[at] +=
          (rounding.relative * rounding.relative / 3 + 16 * u * u) * x * x + absolute * absolute;
    }
  }
}

}  // namespace attnlab::oracle
