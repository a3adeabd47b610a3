#include "oracle/rules_framework.h"

#include <limits>

#include "oracle/golden_head.h"
#include "reference/attention/scores.h"
#include "reference/core/blocks.h"
#include "reference/core/threads.h"
#include "reference/softmax/row.h"

namespace attnlab::oracle {
namespace {

using attention::Head;
using attention::Problem;
using attention::Side;

class Framework {
 public:
  Framework(const Problem& p, const Inputs& in, DType type, Golden& out)
      : p_(p), in_(in), type_(type), out_(out) {}

  // Every query head of a KV head.
  void operator()(Index b, Index kv_head) const {
    KeyValues kv(std::numeric_limits<std::size_t>::max());
    kv.select(p_, in_, b, kv_head);
    for (Index h = kv_head * p_.group_size(); h < (kv_head + 1) * p_.group_size(); ++h) head(kv, b, h);
    if (!in_.dout) return;
    round_rows(out_.dk, b, kv_head, p_.kv_rows(b));
    round_rows(out_.dv, b, kv_head, p_.kv_rows(b));
  }

 private:
  void head(KeyValues& kv, Index b, Index h) const {
    const Index tb = p_.tensor_batch(b);
    const Head head = attention::head_of(p_, b, h);
    const Rows rows = p_.q_rows(b), keys{0, head.seqlen_kv};
    if (rows.size == 0 || keys.size == 0) return;
    RowMajor<double> dk, dv;
    if (in_.dout) {
      dk = RowMajor<double>::Zero(keys.size, p_.head_dim);
      dv = RowMajor<double>::Zero(keys.size, p_.head_dim_v);
    }
    for (const Rows block : blocks(rows.size, kGoldenRows)) {
      std::vector<Index> list;
      for (Index i = block.begin; i < block.end(); ++i) list.push_back(i);
      const RowMajor<double> q = read_rows(in_.q, tb, h, rows.begin, list);
      RowMajor<double> s(block.size, keys.size);
      logits<double>(head, list, q, kv.k(keys), keys, view(s));
      round(s);
      RowMajor<double> p = s;
      for (Index r = 0; r < block.size; ++r) {
        const double top = std::max(softmax::max_row(&p(r, 0), keys.size), head.sink);
        const double l = softmax::exp_row(&p(r, 0), keys.size, top) + softmax::exp_diff(head.sink, top);
        if (l != 0) p.row(r) /= l;
      }
      round(p);
      RowMajor<double> kept = p;
      drop(head, block, keys, kept);
      round(kept);
      RowMajor<double> o = RowMajor<double>::Zero(block.size, p_.head_dim_v);
      add<Side::keys>(head, block, keys, kept, as_eigen(kv.v(keys)), o);
      round(o);
      place(out_.o, tb, h, rows.begin + block.begin, o);
      if (!in_.dout) continue;
      RowMajor<double> dq = RowMajor<double>::Zero(block.size, p_.head_dim);
      backward(head, kv, block, q, read_rows(in_.dout, tb, h, rows.begin, list), s, p, kept, dq, dk, dv);
      place(out_.dq, tb, h, rows.begin + block.begin, dq);
    }
    if (!in_.dout) return;
    round(dk), round(dv);
    const Index kv_head = h / p_.group_size(), first = p_.kv_rows(b).begin;
    place(out_.dk, tb, kv_head, first, dk);
    place(out_.dv, tb, kv_head, first, dv);
  }

  void backward(const Head& head, KeyValues& kv, Rows block, const RowMajor<double>& q,
                const RowMajor<double>& dout, const RowMajor<double>& s, const RowMajor<double>& p,
                const RowMajor<double>& kept, RowMajor<double>& dq, RowMajor<double>& dk,
                RowMajor<double>& dv) const {
    const Rows keys{0, head.seqlen_kv};
    RowMajor<double> dp = dout * as_eigen(kv.v(keys)).transpose();
    round(dp);
    drop(head, block, keys, dp);
    RowMajor<double> ds = RowMajor<double>::Zero(p.rows(), p.cols());
    for (Index r = 0; r < p.rows(); ++r) {
      double delta = 0;
      for (Index c = 0; c < p.cols(); ++c)
        if (p(r, c) != 0) delta += p(r, c) * dp(r, c);
      for (Index c = 0; c < p.cols(); ++c) {
        if (p(r, c) == 0) continue;
        double slope = 1;
        if (head.softcap != 0) {  // of what the cap had made, before ALiBi and bias
          const Index i = block.begin + r;
          const double capped = s(r, c) +
                                head.alibi_slope * static_cast<double>(std::abs(i + head.offset() - c)) -
                                (head.has_bias ? static_cast<double>(head.bias_at(i, c)) : 0.0);
          slope = 1 - (capped / head.softcap) * (capped / head.softcap);
        }
        ds(r, c) = p(r, c) * (dp(r, c) - delta) * slope;
      }
    }
    round(ds);
    add<Side::keys>(head, block, keys, ds, as_eigen(kv.k(keys)), dq);
    dq *= head.scale;
    round(dq);
    dk += head.scale * ds.transpose() * q;
    dv += kept.transpose() * dout;
  }

  // o += w b, where a pair of weight 0 adds nothing even where b is NaN or inf.
  template <Side side>
  static void add(const Head& head, Rows block, Rows keys, const RowMajor<double>& w,
                  Eigen::Ref<const RowMajor<double>, 0, Eigen::OuterStride<>> b, RowMajor<double>& o) {
    Direct memory;
    for (Index r = 0; r < w.rows(); ++r) {
      attention::add_product<side>(memory, head, {block.begin + r, 1}, keys, w.row(r), b, o.row(r), 1.0);
    }
  }
  static void drop(const Head& head, Rows block, Rows keys, RowMajor<double>& weights) {
    if (head.dropout.p == 0) return;
    Direct memory;
    for (Index r = 0; r < weights.rows(); ++r) {
      Tile<double> row({&weights(r, 0), 1, keys.size, keys.size}, nullptr);
      attention::apply_dropout(memory, head, {block.begin + r, 1}, keys, row);
    }
  }
  static MatrixView<double> view(RowMajor<double>& m) { return {m.data(), m.rows(), m.cols(), m.cols()}; }
  void round(RowMajor<double>& m) const {
    round_to(type_, std::span(m.data(), static_cast<std::size_t>(m.size())));
  }
  static double* at(GoldenTensor& t, Index b, Index h, Index row) {
    return t.values.data() + ((b * t.heads + h) * t.rows + row) * t.dim;
  }
  static void place(GoldenTensor& t, Index b, Index h, Index row, const RowMajor<double>& values) {
    Eigen::Map<RowMajor<double>>(at(t, b, h, row), values.rows(), t.dim) += values;
  }
  void round_rows(GoldenTensor& t, Index b, Index h, Rows rows) const {
    double* first = at(t, p_.tensor_batch(b), h, rows.begin);
    round_to(type_, std::span(first, static_cast<std::size_t>(rows.size * t.dim)));
  }

  const Problem& p_;
  const Inputs& in_;
  DType type_;
  Golden& out_;
};

}  // namespace

Golden framework(const Problem& problem, const Inputs& inputs, DType type, const Golden& exact, int threads) {
  Golden out = exact;
  for (GoldenTensor* t : {&out.o, &out.dq, &out.dk, &out.dv})
    std::fill(t->values.begin(), t->values.end(), 0.0);
  const Framework run(problem, inputs, type, out);
  parallel_for(problem.batch * problem.num_kv_heads, threads,
               [&](Index piece) { run(piece / problem.num_kv_heads, piece % problem.num_kv_heads); });
  return out;
}

}  // namespace attnlab::oracle
