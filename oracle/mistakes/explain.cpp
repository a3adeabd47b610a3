#include "oracle/mistakes/explain.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "reference/core/blocks.h"

namespace attnlab::oracle::mistaken {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

double error_over(double got, double expected, double bound) {
  if (std::isnan(got) || std::isnan(expected)) return std::isnan(got) && std::isnan(expected) ? 0 : kInf;
  if (got == expected) return 0;
  if (std::isinf(got) || std::isinf(expected)) return kInf;
  return std::fabs(got - expected) / bound;
}

// slack: what the mistake's own roundings may add to the bound, as a factor.
void add(Fit& fit, const Target& target, double over, double slack = 1) {
  fit.worst = std::max(fit.worst, over / slack);
  if (target.failing) fit.distance += over * over;
}

// Bound of the output's own rounding.
double rounding_of(const Tensor& tensor, double value) {
  const FloatFormat format = float_format(tensor.dtype);
  return format.unit_roundoff() * std::fabs(value) + format.min_subnormal();
}

// Whether a mistake reads through other addresses, or other sequences.
bool reads_otherwise(const Mutation& mutation, const attention::Problem& problem) {
  const attention::Problem& p = mutation.problem();
  if (p.batch != problem.batch || p.kv_lens != problem.kv_lens) return true;
  const Wrong wrong = mutation.wrong();
  return (wrong >= Wrong::kv_head_modulo && wrong <= Wrong::page_off_by_one && wrong != Wrong::v_transposed &&
          wrong != Wrong::layout_o) ||
         wrong == Wrong::v_scale_missing;
}

}  // namespace

Explainer::Explainer(const attention::Problem& problem, const Inputs& inputs, const Outputs& outputs,
                     const KernelClass& kernel_class)
    : problem_(problem), inputs_(inputs), outputs_(outputs), class_(kernel_class) {}

bool Explainer::locate(const attention::Problem& p, bool keys, const Target& target, Index& b,
                       Index& i) const {
  const auto rows = [&](Index s) { return keys ? p.kv_rows(s) : p.q_rows(s); };
  for (b = p.packed() ? 0 : target.batch; b < p.batch; ++b) {
    i = target.row - rows(b).begin;
    if (i >= 0 && i < rows(b).size) return true;
    if (!p.packed()) break;
  }
  return false;
}

const Explainer::Loaded& Explainer::load(const Mutation& mutation, const Mistake* mistake, Index b, Index h) {
  const auto read = [&](const Mutation& how) {
    Loaded loaded{how.load<double>(inputs_, {}, b, h), 0};
    for (Index j = 0; j < loaded.in.k.rows(); ++j) {
      const double norm = loaded.in.k.row(j).norm();
      if (std::isfinite(norm)) loaded.longest_key = std::max(loaded.longest_key, norm);
    }
    return loaded;
  };
  const std::pair at{b, h};
  if (!reads_otherwise(mutation, problem_)) {
    const auto found = plain_.find(at);
    return found != plain_.end() ? found->second
                                 : plain_.emplace(at, read(Mutation(nullptr, problem_))).first->second;
  }
  if (mistaken_by_ != mistake || mistaken_at_ != at) {
    mistaken_ = read(mutation);
    mistaken_by_ = mistake, mistaken_at_ = at;
  }
  return mistaken_;
}

TileHead<double>::Options Explainer::options_of(const Mutation& mutation, const CandidateTiles& tiles) const {
  TileHead<double>::Options options;
  options.br = tiles.br, options.bc = tiles.bc, options.wrong = mutation.wrong();
  options.magnitudes = true;
  options.arithmetic = mutation.arithmetic(Arithmetic<double>{});
  options.arithmetic.p_scale = class_.p_scale;
  if (mutation.wrong() == Wrong::p_e4m3 || mutation.wrong() == Wrong::p_e5m2) options.arithmetic.p_scale = 1;
  if (mutation.wrong() == Wrong::m_starts_at_zero) {
    options.arithmetic.smallest_weight = class_.accumulator.min_normal();
  }
  options.lost_col_block = tiles.lost_col_block;
  return options;
}

double Explainer::sum_error(Index terms) const {
  const double n = static_cast<double>(terms);
  return class_.accumulator_roundoff() * (n / 16 + 4 * std::sqrt(n) + 8);
}

double Explainer::weight_error(const attention::Head& head, const Loaded& in, double query_norm) const {
  const double u = class_.accumulator_roundoff();
  const double product = std::fabs(head.scale) * query_norm * in.longest_key;
  double error = class_.exp_error + u * (static_cast<double>(head.head_dim) / 4 + 16) * product;
  if (class_.operands) error += 4 * class_.operands->unit_roundoff() * product;
  if (class_.scores) error += class_.scores->unit_roundoff() * product;
  if (head.softcap != 0) error += (class_.tanh_error + 8 * u) * head.softcap;
  if (head.alibi_slope != 0) {
    error += 4 * u * std::fabs(head.alibi_slope) * static_cast<double>(head.seqlen_q + head.seqlen_kv);
  }
  return error;
}

const Explainer::Loaded& Explainer::narrow(Index b, Index h, Index i) {
  const std::array<Index, 3> at{b, h, i};
  if (const auto found = narrow_.find(at); found != narrow_.end()) return found->second;
  const HeadInputs<double>& in = load(Mutation(nullptr, problem_), nullptr, b, h).in;
  Loaded row;
  row.in.q = RowMajor<double>::Ones(in.q.rows(), 1);
  row.in.k = in.k * in.q.row(i).transpose();
  row.in.v.resize(in.v.rows(), static_cast<Index>(columns.size()));
  for (std::size_t c = 0; c < columns.size(); ++c) row.in.v.col(static_cast<Index>(c)) = in.v.col(columns[c]);
  return narrow_.emplace(at, std::move(row)).first->second;
}

void Explainer::fit_forward(const Mutation& mutation, const Mistake* mistake, const CandidateTiles& tiles,
                            const Target& target, bool hurry, Fit& fit) {
  const attention::Problem& p = mutation.problem();
  const HeadRow computed = mutation.computed_for(outputs_.o, {target.head, target.row});
  Target there = target;
  there.row = computed.row;
  Index b = 0, i = 0;
  if (!locate(p, false, there, b, i)) {
    fit.worst = kInf;
    return;
  }
  const Wrong wrong = mutation.wrong();
  hurry &= !reads_otherwise(mutation, problem_) && wrong != Wrong::head_dim_tail_dropped &&
           wrong != Wrong::v_transposed;
  const Loaded& whole = load(mutation, mistake, b, computed.head);
  const Loaded& loaded = hurry ? narrow(b, computed.head, i) : whole;
  const TileHead<double> head(mutation.head(b, computed.head), loaded.in, options_of(mutation, tiles));
  const ForwardRows<double> row = head.forward({i});
  if (!row.written) return;  // anything may stand there
  const double weight = weight_error(head.head(), whole, whole.in.q.row(i).norm());
  const double sum = sum_error(head.head().seqlen_kv);
  const double relative = class_.p.unit_roundoff() + weight + sum;
  const double coarse = wrong == Wrong::p_e4m3   ? float_format(DType::e4m3).unit_roundoff()
                        : wrong == Wrong::p_e5m2 ? float_format(DType::e5m2).unit_roundoff()
                                                 : 0;
  const double lost_weights = static_cast<double>(head.head().seqlen_kv) * class_.p.min_subnormal() /
                              (class_.p_scale * std::max(1.0, row.l(0)));
  for (Index n = 0; n < row.o.cols(); ++n) {
    const auto col = static_cast<std::size_t>(hurry ? columns[static_cast<std::size_t>(n)] : n);
    const double o = row.o(0, n), size = row.magnitude(0, n);
    const double bound =
        relative * size + (weight + sum) * std::fabs(o) + lost_weights + rounding_of(outputs_.o, o);
    // A score at the edge of two roundings of P may fall to the other side.
    add(fit, target, error_over(target.got[col], o, bound), (bound + coarse * size / 4) / bound);
  }
  if (target.lse.empty() || computed.row != target.row || computed.head != target.head) return;
  const double lse = row.lse(0);
  const double bound = weight + sum +
                       8 * class_.accumulator_roundoff() * (std::fabs(lse) + std::fabs(row.m(0))) +
                       rounding_of(outputs_.lse, lse);
  add(fit, target, error_over(target.lse[0], lse, bound));
}

const Explainer::Saved& Explainer::saved_of(const Mutation& mutation, const Mistake* mistake, Index b,
                                            Index h, const TileHead<double>::Options& options) {
  const bool plain = mistake == nullptr || !mistaken_forward;
  const std::pair at{b, h};
  if (plain) {
    if (const auto found = saved_plain_.find(at); found != saved_plain_.end()) return found->second;
  }
  const Mutation as_it_should_be(nullptr, problem_);
  const Mutation& use = plain ? as_it_should_be : mutation;
  TileHead<double>::Options forward = options;
  forward.magnitudes = false;
  if (plain) forward = TileHead<double>::Options{}, forward.br = forward.bc = 256;
  const HeadInputs<double>& in = load(use, plain ? nullptr : mistake, b, h).in;
  const TileHead<double> head(use.head(b, h), in, forward);
  Saved saved{RowMajor<double>(head.head().seqlen_q, in.v.cols()), Column<double>(head.head().seqlen_q)};
  for (const Rows i : blocks(head.head().seqlen_q, forward.br)) {
    const ForwardRows<double> rows = head.forward(all_of(i));
    saved.o.middleRows(i.begin, i.size) = rows.o;
    saved.lse.segment(i.begin, i.size) = rows.lse;
  }
  if (plain) return saved_plain_.emplace(at, std::move(saved)).first->second;
  return saved_ = std::move(saved);
}

void Explainer::fit_backward(const Mutation& mutation, const Mistake* mistake, const CandidateTiles& tiles,
                             const Target& target, Fit& fit) {
  const attention::Problem& p = mutation.problem();
  const bool keys = target.kind != Target::dq;
  Index b = 0, i = 0;
  if (!locate(p, keys, target, b, i)) {
    fit.worst = kInf;
    return;
  }
  const Index group = p.group_size();
  Index first = keys ? target.head * group : target.head, last = keys ? first + group : first + 1;
  if (keys && mutation.wrong() == Wrong::group_last_head) first = last - 1;
  RowMajor<double> sum, magnitude;
  for (Index h = first; h < last; ++h) {
    auto options = options_of(mutation, tiles);
    if (!keys && target.failing) options.lost_row_block = i / tiles.br;
    const Saved& saved = saved_of(mutation, mistake, b, h, options);
    const Loaded& loaded = load(mutation, mistake, b, h);
    const HeadInputs<double>& in = loaded.in;
    const attention::Head view = mutation.head(b, h);
    const SavedRows<double> rows = saved_rows<double>(view, in, options, saved.o, saved.lse);
    const TileHead<double> head(view, in, options);
    const GradientRows<double> grad = keys ? head.backward(rows, {}, {i}) : head.backward(rows, {i}, {});
    const double error =
        2 * class_.p.unit_roundoff() + 2 * float_format(outputs_.dq.dtype).unit_roundoff() +
        4 * sum_error(keys ? view.seqlen_q : view.seqlen_kv) +
        weight_error(view, loaded, keys ? in.q.rowwise().norm().maxCoeff() : in.q.row(i).norm());
    const RowMajor<double>& value = target.kind == Target::dq   ? grad.dq
                                    : target.kind == Target::dk ? grad.dk
                                                                : grad.dv;
    const RowMajor<double>& size = target.kind == Target::dq   ? grad.dq_magnitude
                                   : target.kind == Target::dk ? grad.dk_magnitude
                                                               : grad.dv_magnitude;
    if (h == first) {
      sum = value, magnitude = error * size;
    } else {
      sum += value, magnitude += error * size;
    }
  }
  const Tensor& tensor = target.kind == Target::dq   ? outputs_.dq
                         : target.kind == Target::dk ? outputs_.dk
                                                     : outputs_.dv;
  for (std::size_t c = 0; c < target.got.size(); ++c) {
    const auto col = static_cast<Index>(c);
    add(fit, target,
        error_over(target.got[c], sum(0, col), magnitude(0, col) + rounding_of(tensor, sum(0, col))));
  }
}

Fit Explainer::fit(const Mistake* mistake, const CandidateTiles& tiles,
                   const std::vector<const Target*>& targets, bool stop, bool hurry) {
  const Mutation mutation(mistake, problem_);
  Fit fit;
  for (const Target* target : targets) {
    if (target->kind == Target::forward) {
      fit_forward(mutation, mistake, tiles, *target, hurry, fit);
    } else {
      fit_backward(mutation, mistake, tiles, *target, fit);
    }
    if (stop && !fit.within()) break;
  }
  return fit;
}

Explainer::Noise Explainer::noise(const Mistake& mistake, const Target& target) {
  const Mutation mutation(&mistake, problem_);
  Index b = 0, i = 0;
  if (!locate(problem_, false, target, b, i)) return {};
  const HeadInputs<double>& in = load(mutation, nullptr, b, target.head).in;
  TileHead<double>::Options options;
  const TileHead<double> right(mutation.head(b, target.head), in, options);
  options.wrong = mistake.step;
  options.arithmetic = mutation.arithmetic(Arithmetic<double>{});
  const TileHead<double> rough(mutation.head(b, target.head), in, options);
  const RowMajor<double> o = right.forward({i}).o;
  const RowMajor<double> model = rough.forward({i}).o - o;
  RowMajor<double> got = o;
  for (Index c = 0; c < o.cols(); ++c) got(0, c) = target.got[static_cast<std::size_t>(c)] - o(0, c);
  const double size = got.norm() * o.norm();
  return {got.norm(), model.norm(), o.norm(), size > 0 ? std::fabs(got.row(0).dot(o.row(0))) / size : 0};
}

}  // namespace attnlab::oracle::mistaken
