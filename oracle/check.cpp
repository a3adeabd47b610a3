#include "oracle/check.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <memory>
#include <numeric>

#include "oracle/budget_backward.h"
#include "oracle/compare.h"
#include "oracle/mistakes.h"
#include "oracle/rules.h"
#include "reference/core/blocks.h"
#include "reference/core/errors.h"
#include "reference/core/threads.h"

namespace attnlab::oracle {
namespace {

using attention::Problem;

constexpr double kNegInf = -std::numeric_limits<double>::infinity();

// Rows of one head of one sequence that are looked at together.
struct Piece {
  Index b = 0, h = 0;
  std::vector<Index> rows;     // of the sequence
  std::vector<Index> padding;  // rows of the tensor behind it
};

struct Compared {
  Comparison o, lse;
};

// Rows of one head out of golden values that are there already.
RowMajor<double> rows_of(const GoldenTensor& t, Index b, Index h, const std::vector<Index>& rows) {
  RowMajor<double> out(static_cast<Index>(rows.size()), t.dim);
  Index to = 0;
  for (const Index row : rows) {
    const double* const from = t.values.data() + ((b * t.heads + h) * t.rows + row) * t.dim;
    std::copy_n(from, t.dim, out.row(to++).data());
  }
  return out;
}

std::vector<double> numbers_of(const GoldenTensor& t, Index b, Index h, const std::vector<Index>& rows) {
  const RowMajor<double> column = rows_of(t, b, h, rows);
  return {column.data(), column.data() + column.size()};
}

struct Worker {
  explicit Worker(std::size_t keep) : kv(keep) {}
  KeyValues kv;
  KeyNorms norms;
  Index b = -1, kv_head = -1;

  void select(const Problem& p, const Inputs& in, Index sequence, Index head) {
    if (sequence == b && head == kv_head) return;
    b = sequence, kv_head = head;
    kv.select(p, in, b, kv_head);
    norms = key_norms(kv, p.head_dim_v);
  }
};

std::vector<Index> shifted(const std::vector<Index>& rows, Index by) {
  std::vector<Index> out = rows;
  for (Index& row : out) row += by;
  return out;
}

std::vector<Index> range(Rows rows) {
  std::vector<Index> all(static_cast<std::size_t>(rows.size));
  std::iota(all.begin(), all.end(), rows.begin);
  return all;
}

std::vector<Piece> pieces_of(const Problem& p, const RowChoice& choice) {
  std::vector<Piece> pieces;
  for (Index b = 0; b < p.batch; ++b) {
    for (Index h = 0; h < p.num_heads; ++h) {
      const Rows place = p.q_rows(b);
      const auto head = static_cast<std::uint64_t>(b * p.num_heads + h);
      const std::vector<Index> rows = chosen_rows(choice, place.size, head);
      const auto count = static_cast<Index>(rows.size());
      for (const Rows block : blocks(count, kGoldenRows)) {
        pieces.push_back({b, h, {rows.begin() + block.begin, rows.begin() + block.end()}, {}});
      }
      if (p.packed() || place.size == p.seqlen_q) continue;
      const Index behind = p.seqlen_q - place.size;
      pieces.push_back({b, h, {}, shifted(chosen_rows(choice, behind, head), place.size)});
    }
  }
  return pieces;
}

class Check {
 public:
  Check(const Problem& p, const Inputs& in, const Outputs& out, const KernelClass& kernel_class,
        const CheckOptions& options)
      : p_(p), in_(in), out_(out), class_(kernel_class), options_(options) {
    require_fit(p, in, out);
    if (!out.o && !out.lse && !out.backward()) {
      throw InvalidArgument("outputs", "nothing to compare", "o, lse, dq, dk or dv");
    }
    if (!options.rows.all() && out.backward()) {
      throw InvalidArgument("rows", "a sample of rows", "all rows, to compare gradients");
    }
  }

  Verdict run() {
    const std::vector<Piece> pieces = pieces_of(p_, options_.rows);
    verdict_.kernel_class = class_.name;
    if (options_.golden) {
      Inputs inputs = in_;
      if (!out_.backward()) inputs.dout = {};
      given_ = options_.golden(p_, inputs);
    }
    if (given_) verdict_.golden = given_->computed_by;
    for (const Piece& piece : pieces) {
      verdict_.rows_checked += static_cast<Index>(piece.rows.size() + piece.padding.size());
    }
    verdict_.rows_total = p_.tensor_batches() * p_.num_heads * p_.tensor_rows_q();
    if (out_.o || out_.lse) forward(pieces);
    if (out_.backward()) backward();
    verdict_.right = std::all_of(verdict_.tensors.begin(), verdict_.tensors.end(),
                                 [](const TensorVerdict& t) { return t.right; });
    verdict_.coverage = coverage();
    if (options_.rules) verdict_.rules = apply_rules(p_, in_, out_, options_.threads);
    if (!verdict_.right && options_.diagnose) {
      verdict_.diagnosis = diagnose(p_, in_, out_, class_, verdict_, options_.threads);
    }
    return std::move(verdict_);
  }

 private:
  OutputTensorCheck output(const char* name, const Tensor& got) const {
    // lse stays in the accumulator's type, whatever O is rounded to.
    KernelClass rounded = class_;
    if (std::string_view(name) == "lse") rounded.output.reset();
    return {name, got, OutputRounding(rounded, got.dtype),
            row_rms_limit(static_cast<double>(got.batch * got.heads * got.seqlen))};
  }

  // Golden values of rows of one query head; `first` is where its sequence begins.
  ForwardRows golden_rows(const attention::Head& head, KeyValues& kv, Index b, Index h, Index first,
                          std::span<const Index> rows, const RowMajor<double>& q) const {
    if (!given_) return golden_forward(head, kv, rows, q);
    const std::vector<Index> places = shifted({rows.begin(), rows.end()}, first);
    return {rows_of(given_->o, b, h, places), numbers_of(given_->lse, b, h, places),
            numbers_of(given_->max, b, h, places)};
  }

  void forward(const std::vector<Piece>& pieces) {
    const auto o = output("o", out_.o), lse = output("lse", out_.lse);
    std::vector<Compared> compared(pieces.size());
    const auto count = static_cast<Index>(pieces.size());
    const int workers = worker_count(count, options_.threads);
    std::vector<Worker> state(static_cast<std::size_t>(workers), Worker(kept_bytes(workers)));
    parallel_for_workers(count, options_.threads, [&](int w, Index at) {
      const Piece& piece = pieces[static_cast<std::size_t>(at)];
      Compared& result = compared[static_cast<std::size_t>(at)];
      const Index b = p_.tensor_batch(piece.b);
      if (!piece.padding.empty()) {
        const auto rows = static_cast<Index>(piece.padding.size());
        const RowModel exact{std::vector<double>(piece.padding.size(), 0),
                             std::vector<double>(piece.padding.size(), 0)};
        const RowMajor<double> zero = RowMajor<double>::Zero(rows, p_.head_dim_v);
        if (out_.o) result.o.add_rows(o, b, piece.h, piece.padding, zero, zero, exact);
        const RowMajor<double> none = RowMajor<double>::Zero(rows, 1);
        const RowMajor<double> empty = RowMajor<double>::Constant(rows, 1, kNegInf);
        if (out_.lse) result.lse.add_rows(lse, b, piece.h, piece.padding, empty, none, exact);
        return;
      }
      Worker& worker = state[static_cast<std::size_t>(w)];
      worker.select(p_, in_, piece.b, piece.h / p_.group_size());
      const attention::Head head = head_of(p_, piece.b, piece.h);
      const Index first = p_.q_rows(piece.b).begin;
      const RowMajor<double> q = read_rows(in_.q, b, piece.h, first, piece.rows);
      const ForwardRows golden = golden_rows(head, worker.kv, b, piece.h, first, piece.rows, q);
      const ForwardBudget budget = forward_budget(head, worker.kv, worker.norms, piece.rows, q, golden,
                                                  class_, o.rounding, lse.rounding);
      const std::vector<Index> places = shifted(piece.rows, first);
      if (out_.o) result.o.add_rows(o, b, piece.h, places, golden.o, budget.o, budget.o_model);
      if (!out_.lse) return;
      const auto rows = static_cast<Index>(places.size());
      result.lse.add_rows(lse, b, piece.h, places,
                          Eigen::Map<const RowMajor<double>>(golden.lse.data(), rows, 1),
                          Eigen::Map<const RowMajor<double>>(budget.lse.data(), rows, 1), budget.lse_model);
    });
    Compared all;
    for (Compared& piece : compared) {
      all.o.merge(std::move(piece.o));
      all.lse.merge(std::move(piece.lse));
    }
    if (out_.o) finish(o, all.o);
    if (out_.lse) finish(lse, all.lse);
  }

  // A piece is a KV head with its group of query heads.
  void backward() {
    const std::array<OutputTensorCheck, 3> outputs = {output("dq", out_.dq), output("dk", out_.dk),
                                                      output("dv", out_.dv)};
    const Index pieces = p_.batch * p_.num_kv_heads;
    const int workers = worker_count(pieces, options_.threads);
    std::vector<Worker> state(static_cast<std::size_t>(workers),
                              Worker(std::numeric_limits<std::size_t>::max()));
    std::vector<std::array<Comparison, 3>> compared(static_cast<std::size_t>(pieces));
    parallel_for_workers(pieces, options_.threads, [&](int w, Index at) {
      const Index b = at / p_.num_kv_heads, kv_head = at % p_.num_kv_heads;
      Worker& worker = state[static_cast<std::size_t>(w)];
      worker.select(p_, in_, b, kv_head);
      compare_gradients(worker, b, kv_head, outputs, compared[static_cast<std::size_t>(at)]);
    });
    std::array<Comparison, 3> all;
    for (auto& piece : compared) {
      for (std::size_t t = 0; t < all.size(); ++t) all[t].merge(std::move(piece[t]));
    }
    for (std::size_t t = 0; t < all.size(); ++t) {
      if (outputs[t].got) finish(outputs[t], all[t]);
    }
  }

  void compare_gradients(Worker& worker, Index b, Index kv_head,
                         const std::array<OutputTensorCheck, 3>& outputs,
                         std::array<Comparison, 3>& result) const {
    const Index tb = p_.tensor_batch(b), d = p_.head_dim, d_v = p_.head_dim_v;
    const Rows rows = p_.q_rows(b), keys = p_.kv_rows(b);
    const auto terms = static_cast<double>(std::max(keys.size, rows.size * p_.group_size()));
    RowMajor<double> dk = RowMajor<double>::Zero(keys.size, d), dv = RowMajor<double>::Zero(keys.size, d_v);
    GradientBudget budget;
    const auto no_errors = [](Index size) {
      return RowModel{std::vector<double>(static_cast<std::size_t>(size), 0),
                      std::vector<double>(static_cast<std::size_t>(size), 0)};
    };
    budget.dk = RowMajor<double>::Zero(keys.size, d), budget.dv = RowMajor<double>::Zero(keys.size, d_v);
    budget.dk_model = no_errors(keys.size), budget.dv_model = no_errors(keys.size);
    const auto compare = [&](std::size_t t, Index head, Rows place, const RowMajor<double>& golden,
                             RowMajor<double>& allowed, RowModel& model) {
      if (!outputs[t].got) return;
      add_rounding(golden, outputs[t].rounding, class_, terms, allowed, model);
      result[t].add_rows(outputs[t], tb, head, range(place), golden, allowed, model);
      const Index behind = outputs[t].got.seqlen - place.end();
      if (p_.packed() || behind == 0) return;
      const RowMajor<double> zero = RowMajor<double>::Zero(behind, golden.cols());
      result[t].add_rows(outputs[t], tb, head, range({place.end(), behind}), zero, zero, no_errors(behind));
    };
    for (Index h = kv_head * p_.group_size(); h < (kv_head + 1) * p_.group_size(); ++h) {
      RowMajor<double> dq = RowMajor<double>::Zero(rows.size, d);
      budget.dq = dq;
      if (given_) dq = rows_of(given_->dq, tb, h, range(rows));
      budget.dq_model = no_errors(rows.size);
      const bool rounded = class_.rounds_each_head && p_.group_size() > 1;
      const RowMajor<double> dk_before = rounded ? dk : RowMajor<double>(),
                             dv_before = rounded ? dv : RowMajor<double>();
      add_gradients(worker, b, h, {dq, dk, dv}, budget);
      if (given_) {
        dk += rows_of(given_->dk_parts, tb, h, range(keys));
        dv += rows_of(given_->dv_parts, tb, h, range(keys));
      }
      if (rounded) {
        add_part_rounding(dk - dk_before, outputs[1].rounding, budget.dk, budget.dk_model);
        add_part_rounding(dv - dv_before, outputs[2].rounding, budget.dv, budget.dv_model);
      }
      compare(0, h, rows, dq, budget.dq, budget.dq_model);
    }
    compare(1, kv_head, keys, dk, budget.dk, budget.dk_model);
    compare(2, kv_head, keys, dv, budget.dv, budget.dv_model);
  }

  struct HeadGradients {
    RowMajor<double>&dq, &dk, &dv;
  };
  // Golden gradients of one query head, unless they were given, and their budget.
  void add_gradients(Worker& worker, Index b, Index h, const HeadGradients& golden,
                     GradientBudget& budget) const {
    const Index tb = p_.tensor_batch(b);
    const Rows rows = p_.q_rows(b);
    const attention::Head head = head_of(p_, b, h);
    const std::vector<Index> all = range({0, rows.size});
    const RowMajor<double> q = read_rows(in_.q, tb, h, rows.begin, all),
                           dout = read_rows(in_.dout, tb, h, rows.begin, all);
    RowMajor<double> o = RowMajor<double>::Zero(rows.size, p_.head_dim_v), got;
    if (out_.o) got = read_rows(out_.o, tb, h, rows.begin, all);
    std::vector<double> lse, max, sum_error, lse_deviation;
    const OutputRounding o_rounding(class_, out_.o ? out_.o.dtype : in_.dout.dtype),
        lse_rounding(class_, DType::f32);
    for (const Rows block : blocks(rows.size, kGoldenRows)) {
      const std::span<const Index> list =
          std::span(all).subspan(static_cast<std::size_t>(block.begin), static_cast<std::size_t>(block.size));
      const RowMajor<double> part = q.middleRows(block.begin, block.size);
      const ForwardRows forward = golden_rows(head, worker.kv, tb, h, rows.begin, list, part);
      const ForwardBudget errors = forward_budget(head, worker.kv, worker.norms, list, part, forward, class_,
                                                  o_rounding, lse_rounding);
      o.middleRows(block.begin, block.size) = forward.o;
      lse.insert(lse.end(), forward.lse.begin(), forward.lse.end());
      max.insert(max.end(), forward.max.begin(), forward.max.end());
      sum_error.insert(sum_error.end(), errors.sum_error.begin(), errors.sum_error.end());
      lse_deviation.insert(lse_deviation.end(), errors.lse_deviation.begin(), errors.lse_deviation.end());
    }
    const Rows keys{0, head.seqlen_kv};
    const auto view = [](RowMajor<double>& m) {
      return MatrixView<double>{m.data(), m.rows(), m.cols(), m.cols()};
    };
    if (!given_) {
      golden_backward(head, worker.kv.k(keys), worker.kv.v(keys), q, dout, o, lse,
                      {view(golden.dq), view(golden.dk), view(golden.dv)});
    }
    for (const Rows block : blocks(rows.size, kGoldenRows)) {
      const std::span<const Index> list =
          std::span(all).subspan(static_cast<std::size_t>(block.begin), static_cast<std::size_t>(block.size));
      add_gradient_budget(head, worker.kv, worker.norms, list, q.middleRows(block.begin, block.size),
                          dout.middleRows(block.begin, block.size),
                          {o, golden.dq, lse, max, sum_error, lse_deviation, got, o_rounding},
                          p_.group_size(), class_, budget);
    }
  }

  void finish(const OutputTensorCheck& output, const Comparison& comparison) {
    verdict_.tensors.push_back(comparison.verdict(output));
    if (verdict_.tensors.back().right) return;
    verdict_.damage.push_back(
        describe(comparison.damage(), output.name, p_, output.got.heads, output.got.seqlen, output.got.dim));
  }

  std::string coverage() const {
    if (verdict_.rows_checked == verdict_.rows_total) return "every row was compared";
    const double looked = static_cast<double>(verdict_.rows_checked);
    const double share = looked / static_cast<double>(verdict_.rows_total);
    char text[512];
    const auto unseen = [&](double rows) { return std::pow(1 - share, rows); };
    std::snprintf(
        text, sizeof(text),
        "%lld of %lld rows were compared (%.3g %%): of each head the first and the last row, rows on "
        "both sides of tile edges, and random ones. Damage of whole heads or of tile edges is surely "
        "seen; %d wrong rows elsewhere go unseen with probability %.2g, %d with %.2g",
        static_cast<long long>(verdict_.rows_checked), static_cast<long long>(verdict_.rows_total),
        100 * share, 1, unseen(1), 64, unseen(64));
    return text;
  }

  const Problem& p_;
  const Inputs& in_;
  const Outputs& out_;
  const KernelClass& class_;
  const CheckOptions& options_;
  std::optional<Golden> given_;
  Verdict verdict_;
};

}  // namespace

Verdict check(const Problem& problem, const Inputs& inputs, const Outputs& outputs,
              const KernelClass& kernel_class, const CheckOptions& options) {
  return Check(problem, inputs, outputs, kernel_class, options).run();
}

Verdict check(const Problem& problem, const Inputs& inputs, const Outputs& outputs,
              const CheckOptions& options) {
  return check(problem, inputs, outputs, usual_class(inputs.q.dtype), options);
}

}  // namespace attnlab::oracle
