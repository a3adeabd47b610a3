#include "cli/problem_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

namespace attnlab::cli {
namespace {

Json or_null(const std::optional<Index>& value) { return value ? Json(*value) : Json(); }

template <class T>
Json extents_json(const attention::BroadcastView<T>& view) {
  return Json::array({view.batch, view.heads, view.rows, view.cols});
}

// The first few, for a line of text.
template <class T>
std::string shown(const std::vector<T>& list) {
  constexpr std::size_t kShown = 8;
  const std::size_t count = std::min(kShown, list.size());
  return fmt::format("{}{}", fmt::join(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(count), ", "),
                     list.size() > kShown ? fmt::format(", ... ({} in all)", list.size()) : "");
}

}  // namespace

Json problem_json(const attention::Problem& p, DType dtype) {
  Json json{{"batch", p.batch},
            {"num_heads", p.num_heads},
            {"num_kv_heads", p.num_kv_heads},
            {"seqlen_q", p.seqlen_q},
            {"seqlen_kv", p.seqlen_kv},
            {"head_dim", p.head_dim},
            {"head_dim_v", p.head_dim_v},
            {"dtype", std::string(name(dtype))},
            {"softmax_scale", p.scale()},
            {"causal", p.causal},
            {"dropout", p.dropout.p}};
  if (p.window.left || p.window.right) json["window"] = {or_null(p.window.left), or_null(p.window.right)};
  if (p.softcap != 0) json["softcap"] = p.softcap;
  if (!p.alibi_slopes.empty()) json["alibi"] = true;
  if (!p.sinks.empty()) json["sinks"] = p.sinks;
  if (p.mask) json["mask"] = extents_json(p.mask);
  if (p.bias) json["bias"] = extents_json(p.bias);
  if (!p.q_lens.empty()) json["q_lens"] = p.q_lens;
  if (!p.kv_lens.empty()) json["kv_lens"] = p.kv_lens;
  if (p.packed()) {
    json["cu_seqlens_q"] = p.cu_seqlens_q;
    json["cu_seqlens_kv"] = p.cu_seqlens_kv;
  }
  if (p.dropout.p != 0) {
    json["dropout_seed"] = p.dropout.seed;
    json["dropout_offset"] = p.dropout.offset;
  }
  return json;
}

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
