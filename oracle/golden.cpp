#include "oracle/golden.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <numeric>

#include "oracle/golden_head.h"
#include "reference/core/blocks.h"
#include "reference/core/errors.h"
#include "reference/core/philox.h"
#include "reference/core/threads.h"

namespace attnlab::oracle {
namespace {

using attention::Head;
using attention::Problem;

constexpr double kNegInf = -std::numeric_limits<double>::infinity();

GoldenTensor make_tensor(Index batch, Index heads, Index rows, Index dim, double fill) {
  return {std::vector<double>(static_cast<std::size_t>(batch * heads * rows * dim), fill), batch, heads, rows,
          dim};
}

MatrixView<double> head_of(GoldenTensor& t, Index b, Index h, Rows rows) {
  return {t.values.data() + ((b * t.heads + h) * t.rows + rows.begin) * t.dim, rows.size, t.dim, t.dim};
}

std::vector<Index> range(Rows rows) {
  std::vector<Index> all(static_cast<std::size_t>(rows.size));
  std::iota(all.begin(), all.end(), rows.begin);
  return all;
}

class Run {
 public:
  Run(const Problem& p, const Inputs& in, int threads) : p_(p), in_(in), threads_(threads) {
    require_fit(p, in, {});
    const Index batches = p.tensor_batches(), rows = p.tensor_rows_q(), rows_kv = p.tensor_rows_kv();
    out_.o = make_tensor(batches, p.num_heads, rows, p.head_dim_v, 0);
    out_.lse = out_.max = make_tensor(batches, p.num_heads, rows, 1, kNegInf);
    if (!has_gradients(in)) return;
    out_.dq = make_tensor(batches, p.num_heads, rows, p.head_dim, 0);
    out_.dk = make_tensor(batches, p.num_kv_heads, rows_kv, p.head_dim, 0);
    out_.dv = make_tensor(batches, p.num_kv_heads, rows_kv, p.head_dim_v, 0);
  }

  // Pieces are row blocks of one query head; those of a KV head follow one another.
  void forward() {
    const Index blocks = std::max<Index>(1, ceil_div(p_.seqlen_q, kGoldenRows));
    const Index pieces = p_.batch * p_.num_heads * blocks;
    auto workers = make_workers(pieces);
    parallel_for_workers(pieces, threads_, [&](int worker, Index piece) {
      const Index head_index = piece / blocks;
      const Index b = head_index / p_.num_heads, h = head_index % p_.num_heads, tb = p_.tensor_batch(b);
      const Rows rows = p_.q_rows(b);
      const Index first = piece % blocks * kGoldenRows;
      if (first >= rows.size) return;
      const Rows block{first, std::min(kGoldenRows, rows.size - first)};
      KeyValues& kv = workers[static_cast<std::size_t>(worker)];
      kv.select(p_, in_, b, h / p_.group_size());
      const auto list = range(block);
      const auto result =
          golden_forward(attention::head_of(p_, b, h), kv, list, read_rows(in_.q, tb, h, rows.begin, list));
      const Rows place{rows.begin + block.begin, block.size};
      as_eigen(head_of(out_.o, tb, h, place)) = result.o;
      std::copy(result.lse.begin(), result.lse.end(), head_of(out_.lse, tb, h, place).data);
      std::copy(result.max.begin(), result.max.end(), head_of(out_.max, tb, h, place).data);
    });
  }

  // A piece is a KV head.
  void backward() {
    const Index pieces = p_.batch * p_.num_kv_heads;
    auto workers = make_workers(pieces);
    for (KeyValues& kv : workers) kv.keep_whole();
    parallel_for_workers(pieces, threads_, [&](int worker, Index piece) {
      const Index b = piece / p_.num_kv_heads, kv_head = piece % p_.num_kv_heads, tb = p_.tensor_batch(b);
      const Rows rows = p_.q_rows(b), kv_rows = p_.kv_rows(b);
      KeyValues& kv = workers[static_cast<std::size_t>(worker)];
      kv.select(p_, in_, b, kv_head);
      const auto list = range({0, rows.size});
      for (Index h = kv_head * p_.group_size(); h < (kv_head + 1) * p_.group_size(); ++h) {
        const auto lse = head_of(out_.lse, tb, h, rows);
        golden_backward(attention::head_of(p_, b, h), kv.k({0, kv_rows.size}), kv.v({0, kv_rows.size}),
                        read_rows(in_.q, tb, h, rows.begin, list),
                        read_rows(in_.dout, tb, h, rows.begin, list), as_eigen(head_of(out_.o, tb, h, rows)),
                        {lse.data, lse.data + rows.size},
                        {head_of(out_.dq, tb, h, rows), head_of(out_.dk, tb, kv_head, kv_rows),
                         head_of(out_.dv, tb, kv_head, kv_rows)});
      }
    });
  }

  Golden take() { return std::move(out_); }

 private:
  std::vector<KeyValues> make_workers(Index pieces) const {
    const int workers = worker_count(pieces, threads_);
    return std::vector<KeyValues>(static_cast<std::size_t>(workers), KeyValues(kept_bytes(workers)));
  }

  const Problem& p_;
  const Inputs& in_;
  int threads_;
  Golden out_;
};

}  // namespace

Tensor GoldenTensor::tensor() const { return bhsd(values.data(), DType::f64, batch, heads, rows, dim); }

RowChoice RowChoice::parse(const std::string& text) {
  constexpr std::string_view kSample = "sample:";
  if (text == "all") return {};
  RowChoice choice;
  if (text.starts_with(kSample)) {
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + kSample.size(), end, choice.sample);
    if (error == std::errc{} && stop == end && choice.sample > 0) return choice;
  }
  throw InvalidArgument("rows", "\"" + text + "\"", "all, or sample:N with N rows per head, 1 or more");
}

std::vector<Index> chosen_rows(const RowChoice& choice, Index seqlen_q, std::uint64_t head) {
  if (choice.all() || choice.sample >= seqlen_q) return range({0, seqlen_q});
  std::vector<Index> rows = {0, seqlen_q - 1};
  const auto add_if_new = [&](std::vector<Index> more) {
    rows.insert(rows.end(), more.begin(), more.end());
    std::sort(rows.begin(), rows.end());
    rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  };
  // The edges of the widest tiles first, so that a small sample holds those of every size at least once.
  for (Index tile = 256; tile >= 16; tile /= 2) {
    const Index edges = (seqlen_q - 1) / tile;
    const Index wanted = (choice.sample * 3 / 4 - static_cast<Index>(rows.size())) / 2;
    if (wanted <= 0) break;
    const Index step = std::max<Index>(1, ceil_div(edges, wanted));
    std::vector<Index> more;
    for (Index edge = 1; edge <= edges; edge += step) {
      more.push_back(edge * tile - 1);
      more.push_back(edge * tile);
    }
    add_if_new(more);
  }
  for (std::uint64_t draw = 0; static_cast<Index>(rows.size()) < choice.sample; ++draw) {
    std::vector<Index> more;
    for (const std::uint32_t word : philox(choice.seed, draw, static_cast<std::uint32_t>(head))) {
      if (static_cast<Index>(rows.size() + more.size()) < choice.sample) {
        more.push_back(static_cast<Index>(word % static_cast<std::uint64_t>(seqlen_q)));
      }
    }
    add_if_new(more);
  }
  return rows;
}

Golden golden(const Problem& problem, const Inputs& inputs, int threads) {
  Run run(problem, inputs, threads);
  run.forward();
  if (has_gradients(inputs)) run.backward();
  return run.take();
}

}  // namespace attnlab::oracle
