// The plan's cases of options: each alone, several values of each, all at once.
#include <algorithm>

#include "oracle/battery/lengths.h"
#include "oracle/battery/planner.h"

namespace attnlab::oracle {

using attention::Problem;

void Planner::each_option_once(bool backward) {
  const auto with = [&](bool allowed, const auto& change) {
    if (!allowed) return;
    Case c = make(70, 75, false, backward);
    if (!schema_.cross) c.problem.seqlen_kv = c.problem.seqlen_q;
    change(c);
    add(std::move(c));
  };
  with(schema_.strides, [](Case& c) { c.layout = Layout::far; });
  with(schema_.scale, [](Case& c) { c.problem.softmax_scale = 0.35; });
  with(schema_.dim_v, [](Case& c) { c.problem.head_dim_v = std::max<Index>(1, c.problem.head_dim / 2); });
  with(schema_.window, [](Case& c) { c.problem.window = {20, 9}; });
  with(schema_.softcap, [](Case& c) { c.problem.softcap = 1.5; });
  with(schema_.alibi, [](Case& c) { c.problem.alibi_slopes = alibi_slopes(c.problem.num_heads); });
  with(schema_.sinks,
       [](Case& c) { c.problem.sinks.assign(static_cast<std::size_t>(c.problem.num_heads), 1.5); });
  with(schema_.mask, [](Case& c) { c.masked = true; });
  with(schema_.bias, [](Case& c) { c.biased = true; });
  with(schema_.dropout, [&](Case& c) { c.problem.dropout = {0.3, seed_ + 1, 2}; });
  with(schema_.padding, [](Case& c) { c.problem.kv_lens = {c.problem.seqlen_kv, 33}; });
  with(schema_.packed, [](Case& c) {
    c.problem.cu_seqlens_q = {0, 40, 40 + c.problem.seqlen_q};
    c.problem.cu_seqlens_kv = {0, c.problem.seqlen_kv, c.problem.seqlen_kv + 50};
  });
  with(!schema_.page_sizes.empty() && !backward, [&](Case& c) { c.page_size = schema_.page_sizes.front(); });
}

void Planner::options(bool backward) {
  for (const bool causal : {true, false}) {
    const auto with = [&](Index q, Index kv, const auto& change) {
      for (int n = 0; n < 2; ++n) {  // on equal and on unequal lengths
        Case c = make(q, n == 0 ? q : kv, causal, backward);
        change(c);
        add(std::move(c));
      }
    };
    if (schema_.gqa) {
      for (const auto& [heads, kv_heads] : {std::pair<Index, Index>{8, 1}, {8, 2}, {6, 3}, {5, 5}}) {
        with(40, 65, [&, heads = heads, kv_heads = kv_heads](Case& c) {
          c.problem.num_heads = heads, c.problem.num_kv_heads = kv_heads;
        });
      }
    }
    if (schema_.scale) {
      for (const double scale : {0.35, 1.0, -0.2}) {
        with(40, 65, [&](Case& c) { c.problem.softmax_scale = scale; });
      }
    }
    for (const Index twice : {Index{1}, Index{4}}) {
      if (!schema_.dim_v) break;
      with(40, 65,
           [&](Case& c) { c.problem.head_dim_v = std::max<Index>(1, c.problem.head_dim * twice / 2); });
    }
    if (schema_.window) {
      for (const attention::Window& window :
           {attention::Window{16, {}}, {{}, 9}, {31, 32}, {0, 0}, {64, 1}, {1000, 1000}}) {
        with(130, 150, [&](Case& c) { c.problem.window = window; });
      }
    }
    if (schema_.softcap) {
      for (const double softcap : {1.5, 30.0}) {
        with(70, 130, [&](Case& c) {
          c.problem.softcap = softcap;
          if (softcap > 10) c.profile = &find_profile("outliers");
        });
      }
    }
    if (schema_.alibi) {
      with(70, 130, [](Case& c) { c.problem.alibi_slopes = alibi_slopes(c.problem.num_heads); });
      with(70, 130,
           [](Case& c) { c.problem.alibi_slopes = alibi_slopes(c.problem.batch * c.problem.num_heads); });
    }
    if (schema_.dropout) {
      with(70, 130, [&](Case& c) { c.problem.dropout = {0.2, seed_ + 5, 3}; });
      with(33, 65, [&](Case& c) { c.problem.dropout = {0.5, (seed_ + 1) << 33, 0}; });
    }
    for (Index turn = 0; schema_.padding && turn < 3; ++turn) {
      with(70, 130, [&](Case& c) {
        c.problem.batch = 3;
        c.problem.kv_lens = ragged(3, c.problem.seqlen_kv, turn);
        if (turn != 0) c.problem.q_lens = ragged(3, c.problem.seqlen_q, turn + (schema_.cross ? 1 : 0));
      });
    }
    for (Index turn = 0; schema_.packed && turn < 3; ++turn) {
      with(70, 130, [&](Case& c) {
        c.problem.batch = 4;
        c.problem.cu_seqlens_q = sums(ragged(4, c.problem.seqlen_q, turn));
        c.problem.cu_seqlens_kv = sums(ragged(4, c.problem.seqlen_kv, turn + (schema_.cross ? 1 : 0)));
      });
    }
    if (!backward) paged(causal);
    if (schema_.sinks) {
      with(40, 65, [](Case& c) {
        for (Index h = 0; h < c.problem.num_heads; ++h) c.problem.sinks.push_back(static_cast<double>(h) - 1);
      });
    }
    if (schema_.mask) with(40, 65, [](Case& c) { c.masked = true; });
    if (schema_.bias) with(40, 65, [](Case& c) { c.biased = true; });
    for (const LayoutInfo& layout : layouts()) {
      if (schema_.strides) with(65, 40, [&](Case& c) { c.layout = layout.id; });
    }
    if (schema_.lse && !backward) with(65, 40, [](Case& c) { c.lse = false; });
  }
}

void Planner::paged(bool causal) {
  for (const Index size : schema_.page_sizes) {
    for (const auto& [q, kv] :
         {std::pair<Index, Index>{1, 3 * size + 1}, {33, 2 * size}, {40, 130}, {40, 1}}) {
      Case c = make(q, schema_.cross ? kv : q, causal);
      c.page_size = size;
      add(std::move(c));
    }
    if (schema_.padding) {
      Case c = make(40, schema_.cross ? 130 : 40, causal);
      c.problem.batch = 4, c.page_size = size;
      c.problem.kv_lens = ragged(4, c.problem.seqlen_kv, 0);
      add(std::move(c));
    }
    if (schema_.packed) {
      Case c = make(40, schema_.cross ? 70 : 40, causal);
      c.problem.batch = 4, c.page_size = size;
      c.problem.cu_seqlens_q = sums(ragged(4, c.problem.seqlen_q, 0));
      c.problem.cu_seqlens_kv = sums(ragged(4, c.problem.seqlen_kv, schema_.cross ? 1 : 0));
      add(std::move(c));
    }
  }
}

void Planner::combine(bool causal, bool backward) {
  Case c = make(130, 150, causal, backward);
  Problem& p = c.problem;
  if (schema_.softcap) p.softcap = 4;
  if (schema_.alibi) p.alibi_slopes = alibi_slopes(p.num_heads);
  if (schema_.window) p.window = {60, 20};
  if (schema_.dropout) p.dropout = {0.1, seed_ + 9, 1};
  if (schema_.padding) p.kv_lens = {150, 90}, p.q_lens = {100, 130};
  add(std::move(c));
}

}  // namespace attnlab::oracle
