#include "cli/problem_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

namespace attnlab::cli {
namespace {

// The first few, for a line of text.
template <class T>
std::string shown(const std::vector<T>& list) {
  constexpr std::size_t kShown = 8;
  const std::size_t count = std::min(kShown, list.size());
  return fmt::format("{}{}", fmt::join(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(count), ", "),
                     list.size() > kShown ? fmt::format(", ... ({} in all)", list.size()) : "");
}

}  // namespace

std::string describe_sizes(const attention::Problem& p, DType dtype) {
  const std::string v = p.head_dim_v == p.head_dim ? "" : fmt::format(" (V {})", p.head_dim_v);
  const std::string kv = p.num_kv_heads == p.num_heads ? "" : fmt::format(" ({} of K and V)", p.num_kv_heads);
  return fmt::format("batch {}, {} head{}{}, {} queries x {} keys, head_dim {}{}, {}", p.batch, p.num_heads,
                     p.num_heads == 1 ? "" : "s", kv, p.seqlen_q, p.seqlen_kv, p.head_dim, v, name(dtype));
}

std::string describe_masks(const attention::Problem& p) {
  std::vector<std::string> parts;
  if (p.causal) parts.emplace_back("causal");
  if (p.window.left) parts.push_back(fmt::format("window {} to the left", *p.window.left));
  if (p.window.right) parts.push_back(fmt::format("window {} to the right", *p.window.right));
  if (p.softmax_scale) parts.push_back(fmt::format("scale {}", *p.softmax_scale));
  if (p.softcap != 0) parts.push_back(fmt::format("softcap {}", p.softcap));
  if (!p.alibi_slopes.empty()) parts.emplace_back("ALiBi");
  if (!p.sinks.empty()) parts.push_back(fmt::format("sinks {}", shown(p.sinks)));
  if (p.mask) parts.emplace_back("mask");
  if (p.bias) parts.emplace_back("bias");
  if (!p.q_lens.empty()) parts.push_back(fmt::format("q_lens {}", shown(p.q_lens)));
  if (!p.kv_lens.empty()) parts.push_back(fmt::format("kv_lens {}", shown(p.kv_lens)));
  if (p.packed()) {
    parts.push_back(fmt::format("cu_seqlens_q {}", shown(p.cu_seqlens_q)));
    parts.push_back(fmt::format("cu_seqlens_kv {}", shown(p.cu_seqlens_kv)));
  }
  if (p.dropout.p != 0) parts.push_back(fmt::format("dropout {} (seed {})", p.dropout.p, p.dropout.seed));
  return fmt::format("{}", fmt::join(parts, "; "));
}

}  // namespace attnlab::cli
