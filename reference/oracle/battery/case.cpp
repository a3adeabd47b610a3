#include "reference/oracle/battery/case.h"

#include <fmt/format.h>

#include <algorithm>

#include "reference/attention/head.h"

namespace attnlab::oracle {
namespace {

std::string list(const std::vector<Index>& values) { return fmt::format("{}", fmt::join(values, " ")); }

std::string window_text(const attention::Window& window) {
  const auto side = [](const std::optional<Index>& bound) { return bound ? std::to_string(*bound) : "-"; };
  return fmt::format(", window {},{}", side(window.left), side(window.right));
}

}  // namespace

std::string to_text(const Case& c) {
  const attention::Problem& p = c.problem;
  std::string text = fmt::format("b {}, h {}/{}, q {}, kv {}, d {}", p.batch, p.num_heads, p.num_kv_heads,
                                 p.seqlen_q, p.seqlen_kv, p.head_dim);
  if (p.head_dim_v != p.head_dim) text += fmt::format("/{}", p.head_dim_v);
  if (p.causal) text += ", causal";
  if (p.window.left || p.window.right) text += window_text(p.window);
  if (p.softcap != 0) text += fmt::format(", softcap {}", p.softcap);
  if (!p.alibi_slopes.empty()) text += ", alibi";
  if (p.dropout.p != 0) text += fmt::format(", dropout {}", p.dropout.p);
  if (p.softmax_scale) text += fmt::format(", scale {}", *p.softmax_scale);
  if (!p.q_lens.empty()) text += ", q lens " + list(p.q_lens);
  if (!p.kv_lens.empty()) text += ", kv lens " + list(p.kv_lens);
  if (p.packed()) text += ", cu q " + list(p.cu_seqlens_q) + ", cu kv " + list(p.cu_seqlens_kv);
  text += fmt::format(", {}", name(c.dtype));
  if (c.layout != Layout::bhsd) text += fmt::format(", {}", name(c.layout));
  if (c.backward) text += ", backward";
  if (!c.lse) text += ", no lse";
  if (c.profile != nullptr) text += fmt::format(", {}", c.profile->name);
  return text;
}

Band visible_keys(const attention::Problem& problem, Index b, Index h, Index i) {
  const attention::Head head = attention::head_of(problem, b, h);
  const Index begin = head.band_begin(i);
  return {begin, std::max(begin, head.band_end(i))};
}

}  // namespace attnlab::oracle
