#include "answers/run_check.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <vector>

#include "reference/attention/run_head.h"
#include "reference/core/threads.h"

namespace attnlab::answers {
namespace {

using attention::Head;
using attention::Problem;

constexpr double kCheckBytes = 1 << 30;
constexpr double kCheckFlops = 2e10;

struct Matrix {
  Matrix(Index rows, Index cols) : values(static_cast<std::size_t>(rows * cols)), rows(rows), cols(cols) {}
  template <class T>
  explicit Matrix(MatrixView<T> source) : Matrix(source.rows, source.cols) {
    for (Index r = 0; r < rows; ++r) std::copy_n(&source(r, 0), cols, &view()(r, 0));
  }
  MatrixView<double> view() { return {values.data(), rows, cols, cols}; }

  std::vector<double> values;
  Index rows, cols;
};

double scores(const Problem& p) {
  return std::max(1.0, static_cast<double>(p.seqlen_q) * static_cast<double>(p.seqlen_kv));
}

// S and P; backward also dP, dS; with dropout P_dropped and its mask.
double bytes_per_head(const Problem& p, bool backward) {
  return scores(p) * sizeof(double) * (backward ? 6 : 4);
}

bool tile_exists(const attention::Options& options, Index i, Index j) {
  return options.block_mask.dense() || options.block_mask(i / options.tiles.br, j / options.tiles.bc);
}

// The head, with a mask of its own where tiles are left out.
Head reference_head(const Problem& p, Index b, Index h, const attention::Options& options,
                    std::vector<std::uint8_t>& mask) {
  Head head = attention::head_of(p, b, h);
  if (options.block_mask.dense()) return head;
  mask.resize(static_cast<std::size_t>(head.seqlen_q * head.seqlen_kv));
  for (Index i = 0; i < head.seqlen_q; ++i) {
    for (Index j = 0; j < head.seqlen_kv; ++j) {
      const bool seen = tile_exists(options, i, j) && !(head.has_mask && head.mask_at(i, j) == 0);
      mask[static_cast<std::size_t>(i * head.seqlen_kv + j)] = seen ? 1 : 0;
    }
  }
  head.has_mask = true;
  head.mask = broadcast<std::uint8_t>(mask.data(), 1, 1, head.seqlen_q, head.seqlen_kv);
  return head;
}

template <class T>
void compare(Agreement& agreement, MatrixView<T> got, MatrixView<double> expected) {
  for (Index r = 0; r < got.rows; ++r) {
    for (Index c = 0; c < got.cols; ++c) agreement.add(static_cast<double>(got(r, c)), expected(r, c));
  }
}

// The heads [first, first + size) of one sequence, which share a KV head if there is a backward pass.
template <class T>
CheckResult check_heads(const Problem& p, const RunViews<T>& run, TensorView<const T> rounded,
                        const attention::Options& options, Index b, Index first, Index size,
                        attention::Workspace<double>& workspace) {
  const Index tb = p.tensor_batch(b), kv = first / p.group_size();
  const Rows qr = p.q_rows(b), kr = p.kv_rows(b);
  const attention::HeadPlan plan{attention::Algorithm::standard, {256, std::max<Index>(1, p.seqlen_kv)}, {}};
  Direct direct;
  CheckResult result;
  std::vector<std::uint8_t> mask;
  Matrix k(run.k.head(tb, kv, kr)), v(run.v.head(tb, kv, kr));
  Matrix dk(run.backward() ? kr.size : 0, p.head_dim), dv(run.backward() ? kr.size : 0, p.head_dim_v);
  for (Index h = first; h < first + size; ++h) {
    const Head head = reference_head(p, b, h, options, mask);
    Matrix q(run.q.head(tb, h, qr)), o(qr.size, p.head_dim_v), lse(qr.size, 1);
    const attention::Inputs<double> in{q.view(), k.view(), v.view()};
    attention::forward_head(direct, plan, head, in, o.view(), lse.view(), workspace);
    compare(result.o, run.o.head(tb, h, qr), o.view());
    compare(result.rounded, rounded.head(tb, h, qr), o.view());
    compare(result.lse, run.lse.head(tb, h, qr), lse.view());
    if (!run.backward()) continue;
    Matrix dout(run.dout.head(tb, h, qr)), dq(qr.size, p.head_dim);
    attention::backward_head<Direct, double>(direct, plan, head, in, o.view(), lse.view(), dout.view(),
                                             {dq.view(), dk.view(), dv.view()}, workspace);
    compare(result.dq, run.dq.head(tb, h, qr), dq.view());
  }
  if (run.backward()) {
    compare(result.dk, run.dk.head(tb, kv, kr), dk.view());
    compare(result.dv, run.dv.head(tb, kv, kr), dv.view());
  }
  return result;
}

}  // namespace

void Agreement::add(double got, double expected) {
  if (std::isfinite(expected)) largest = std::max(largest, std::abs(expected));
  if (got == expected || (std::isnan(got) && std::isnan(expected))) return;
  if (std::isfinite(got) && std::isfinite(expected)) {
    worst = std::max(worst, std::abs(got - expected));
  } else {
    ++mismatches;
  }
}

void Agreement::add(const Agreement& other) {
  worst = std::max(worst, other.worst);
  largest = std::max(largest, other.largest);
  mismatches += other.mismatches;
}

Index affordable_heads(const Problem& p, bool backward) {
  if (bytes_per_head(p, backward) > kCheckBytes) return 0;
  const double flops = 2 * scores(p) * static_cast<double>(p.head_dim + p.head_dim_v) * (backward ? 3.5 : 1);
  const double heads = std::min(kCheckFlops / flops, static_cast<double>(p.batch * p.num_heads));
  const auto whole = static_cast<Index>(heads);
  return backward ? whole / p.group_size() * p.group_size() : whole;
}

template <class T>
CheckResult check(const Problem& p, const RunViews<T>& run, TensorView<const T> rounded,
                  const attention::Options& options, Index heads) {
  const Index piece = run.backward() ? p.group_size() : 1;
  const Index all = p.batch * p.num_heads / piece, pieces = std::min(all, attention::ceil_div(heads, piece));
  const double fitting = kCheckBytes / bytes_per_head(p, run.backward());
  const int threads =
      std::min(worker_count(pieces, options.threads), static_cast<int>(std::clamp(fitting, 1.0, 1e6)));
  std::vector<attention::Workspace<double>> workspaces(static_cast<std::size_t>(threads));
  CheckResult result;
  std::mutex mutex;
  parallel_for_workers(pieces, threads, [&](int worker, Index index) {
    const Index first = index * all / pieces * piece;
    const CheckResult part = check_heads(p, run, rounded, options, first / p.num_heads, first % p.num_heads,
                                         piece, workspaces[static_cast<std::size_t>(worker)]);
    const std::lock_guard lock(mutex);
    result.o.add(part.o);
    result.rounded.add(part.rounded);
    result.lse.add(part.lse);
    result.dq.add(part.dq);
    result.dk.add(part.dk);
    result.dv.add(part.dv);
  });
  result.heads = pieces * piece;
  return result;
}

RowCount count_rows(const Problem& p, const attention::Options& options) {
  RowCount count;
  for (Index index = 0; index < p.batch * p.num_heads; ++index) {
    const Head head = attention::head_of(p, index / p.num_heads, index % p.num_heads);
    count.rows += head.seqlen_q;
    for (Index i = 0; i < head.seqlen_q; ++i) {
      bool seen = false;
      for (Index j = head.band_begin(i); j < head.band_end(i) && !seen; ++j)
        seen = tile_exists(options, i, j) && head.visible(i, j);
      if (!seen) ++count.without_keys;
    }
  }
  return count;
}

template CheckResult check(const Problem&, const RunViews<float>&, TensorView<const float>,
                           const attention::Options&, Index);
template CheckResult check(const Problem&, const RunViews<double>&, TensorView<const double>,
                           const attention::Options&, Index);

}  // namespace attnlab::answers
