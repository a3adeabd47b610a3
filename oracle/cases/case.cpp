#include "oracle/cases/case.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "reference/attention/head.h"
#include "reference/core/random.h"

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
  if (!p.sinks.empty()) text += ", sinks";
  if (c.masked) text += ", mask";
  if (c.biased) text += ", bias";
  if (p.softmax_scale) text += fmt::format(", scale {}", *p.softmax_scale);
  if (!p.q_lens.empty()) text += ", q lens " + list(p.q_lens);
  if (!p.kv_lens.empty()) text += ", kv lens " + list(p.kv_lens);
  if (p.packed()) text += ", cu q " + list(p.cu_seqlens_q) + ", cu kv " + list(p.cu_seqlens_kv);
  if (c.page_size != 0) text += fmt::format(", pages of {}", c.page_size);
  text += fmt::format(", {}", name(c.dtype));
  if (c.layout != Layout::bhsd) text += fmt::format(", {}", name(c.layout));
  if (c.backward) text += ", backward";
  if (!c.lse) text += ", no lse";
  if (c.profile != nullptr) text += fmt::format(", {}", c.profile->name);
  return text;
}

void draw_masks(Case& c) {
  attention::Problem& p = c.problem;
  Random random(c.seed, 11);
  p.mask = {}, p.bias = {};
  const auto size = [&](Index n) { return static_cast<std::size_t>(n * p.seqlen_q * p.seqlen_kv); };
  if (c.masked) {
    std::vector<std::uint8_t> values(std::max<std::size_t>(size(p.batch), 1));
    for (auto& value : values) value = random.one_in(3) ? 0 : 1;
    c.mask = std::make_shared<const std::vector<std::uint8_t>>(std::move(values));
    p.mask = broadcast(c.mask->data(), p.batch, 1, p.seqlen_q, p.seqlen_kv);
  }
  if (c.biased) {
    std::vector<float> values(std::max<std::size_t>(size(p.num_heads), 1));
    for (auto& value : values) {
      value =
          random.one_in(8) ? -std::numeric_limits<float>::infinity() : static_cast<float>(random.normal());
    }
    c.bias = std::make_shared<const std::vector<float>>(std::move(values));
    p.bias = broadcast(c.bias->data(), 1, p.num_heads, p.seqlen_q, p.seqlen_kv);
  }
}

Band visible_keys(const attention::Problem& problem, Index b, Index h, Index i) {
  const attention::Head head = attention::head_of(problem, b, h);
  const Index begin = head.band_begin(i);
  return {begin, std::max(begin, head.band_end(i))};
}

}  // namespace attnlab::oracle
