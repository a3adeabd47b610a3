// The smallest example of a failure, by trying smaller ones until none fails any more.
#include <algorithm>

#include "oracle/battery/plan.h"
#include "oracle/battery/run_case.h"

namespace attnlab::oracle {
namespace {

// Lengths, slopes and lists cut to the extents that the problem has now.
void fit_lists(attention::Problem& p) {
  const auto batch = static_cast<std::size_t>(p.batch);
  const auto cut = [&](std::vector<Index>& lens, Index longest) {
    if (lens.empty()) return;
    lens.resize(batch);
    for (Index& n : lens) n = std::min(n, longest);
  };
  cut(p.q_lens, p.seqlen_q), cut(p.kv_lens, p.seqlen_kv);
  const auto cut_sums = [&](std::vector<Index>& cu, Index longest) {
    if (cu.empty()) return;
    std::vector<Index> cut = {0};
    for (std::size_t b = 0; b < batch; ++b) cut.push_back(cut.back() + std::min(cu[b + 1] - cu[b], longest));
    cu = cut;
  };
  cut_sums(p.cu_seqlens_q, p.seqlen_q), cut_sums(p.cu_seqlens_kv, p.seqlen_kv);
  if (!p.alibi_slopes.empty()) p.alibi_slopes.resize(static_cast<std::size_t>(p.num_heads));
  if (!p.sinks.empty()) p.sinks.resize(static_cast<std::size_t>(p.num_heads));
}

// Smaller lengths to try, the smallest first.
std::vector<Index> shorter(Index n) {
  std::vector<Index> lengths;
  for (const Index m : {Index{1}, n / 4, n / 2, n * 3 / 4, n - 8, n - 1}) {
    if (m >= 1 && m < n && std::find(lengths.begin(), lengths.end(), m) == lengths.end())
      lengths.push_back(m);
  }
  std::sort(lengths.begin(), lengths.end());
  return lengths;
}

std::vector<Case> smaller(const Case& c, const Schema& schema) {
  std::vector<Case> cases;
  const auto with = [&](const auto& change) {
    cases.push_back(c);
    change(cases.back());
    fit_lists(cases.back().problem);
    draw_masks(cases.back());
  };
  const attention::Problem& p = c.problem;
  if (p.batch > 1) with([](Case& s) { s.problem.batch = 1; });
  if (p.num_heads > 1) with([](Case& s) { s.problem.num_heads = s.problem.num_kv_heads = 1; });
  if (p.num_heads > 2 && p.num_kv_heads > 1)
    with([](Case& s) { s.problem.num_heads = 2, s.problem.num_kv_heads = 1; });
  if (p.num_heads > 2) with([](Case& s) { s.problem.num_heads = s.problem.num_kv_heads = 2; });
  if (p.seqlen_q == p.seqlen_kv) {
    for (const Index n : shorter(p.seqlen_q))
      with([&](Case& s) { s.problem.seqlen_q = s.problem.seqlen_kv = n; });
  }
  for (const Index n : shorter(p.seqlen_q)) with([&](Case& s) { s.problem.seqlen_q = n; });
  for (const Index n : shorter(p.seqlen_kv)) with([&](Case& s) { s.problem.seqlen_kv = n; });
  for (const Index d : schema.head_dims) {
    if (d < p.head_dim) with([&](Case& s) { s.problem.head_dim = s.problem.head_dim_v = d; });
  }
  if (p.dropout.p != 0) with([](Case& s) { s.problem.dropout = {}; });
  if (p.softcap != 0) with([](Case& s) { s.problem.softcap = 0; });
  if (!p.alibi_slopes.empty()) with([](Case& s) { s.problem.alibi_slopes.clear(); });
  if (!p.sinks.empty()) with([](Case& s) { s.problem.sinks.clear(); });
  if (c.masked) with([](Case& s) { s.masked = false; });
  if (c.biased) with([](Case& s) { s.biased = false; });
  if (c.page_size != 0) with([](Case& s) { s.page_size = 0; });
  if (p.softmax_scale) with([](Case& s) { s.problem.softmax_scale.reset(); });
  if (!p.q_lens.empty() || !p.kv_lens.empty())
    with([](Case& s) { s.problem.q_lens.clear(), s.problem.kv_lens.clear(); });
  if (p.packed()) with([](Case& s) { s.problem.cu_seqlens_q.clear(), s.problem.cu_seqlens_kv.clear(); });
  if (p.window.left || p.window.right) with([](Case& s) { s.problem.window = {}; });
  if (p.causal) with([](Case& s) { s.problem.causal = false; });
  if (c.layout != Layout::bhsd) with([](Case& s) { s.layout = Layout::bhsd; });
  if (c.profile != &find_profile("normal")) with([](Case& s) { s.profile = &find_profile("normal"); });
  std::erase_if(cases, [&](const Case& s) {
    const attention::Problem& q = s.problem;
    return !sensible(s) || (!schema.gqa && q.num_heads != q.num_kv_heads) ||
           (!schema.cross && q.seqlen_q != q.seqlen_kv);
  });
  return cases;
}

}  // namespace

Case shrink(const Case& c, const Schema& schema, int attempts, const std::function<bool(const Case&)>& fails,
            const std::function<bool()>& stop) {
  Case smallest = c;
  for (bool found = true; found;) {
    found = false;
    for (const Case& candidate : smaller(smallest, schema)) {
      if (attempts-- <= 0 || stop()) return smallest;
      if (!fails(candidate)) continue;
      smallest = candidate;
      found = true;
      break;
    }
  }
  return smallest;
}

}  // namespace attnlab::oracle
