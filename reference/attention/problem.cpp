#include "reference/attention/problem.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "reference/core/errors.h"
#include "reference/core/number_text.h"

namespace attnlab::attention {
namespace {

void require_extent(const char* argument, Index value, Index least) {
  if (value < least || value > kMaxExtent) {
    throw InvalidArgument(argument, std::to_string(value),
                          "an integer from " + std::to_string(least) + " to 2^30");
  }
}

void require_finite(const std::string& argument, double value) {
  if (!std::isfinite(value)) throw InvalidArgument(argument, number_text(value), "a finite number");
}

void require_lens(const char* argument, const std::vector<Index>& lens, Index batch, Index limit) {
  if (lens.empty()) return;
  if (static_cast<Index>(lens.size()) != batch) {
    throw InvalidArgument(argument, std::to_string(lens.size()) + " lengths",
                          "one per sequence, " + std::to_string(batch));
  }
  for (std::size_t b = 0; b < lens.size(); ++b) {
    if (lens[b] < 0 || lens[b] > limit) {
      throw InvalidArgument(std::string(argument) + "[" + std::to_string(b) + "]", std::to_string(lens[b]),
                            "an integer from 0 to " + std::to_string(limit));
    }
  }
}

void require_cu_seqlens(const char* argument, const std::vector<Index>& cu, Index batch, Index longest) {
  if (static_cast<Index>(cu.size()) != batch + 1) {
    throw InvalidArgument(argument, std::to_string(cu.size()) + " entries",
                          "batch + 1 = " + std::to_string(batch + 1));
  }
  if (cu.front() != 0) throw InvalidArgument(std::string(argument) + "[0]", std::to_string(cu.front()), "0");
  for (std::size_t b = 1; b < cu.size(); ++b) {
    if (cu[b] < cu[b - 1] || cu[b] - cu[b - 1] > longest) {
      throw InvalidArgument(std::string(argument) + "[" + std::to_string(b) + "]", std::to_string(cu[b]),
                            "from " + std::to_string(cu[b - 1]) + " to " +
                                std::to_string(cu[b - 1] + longest) +
                                " (not decreasing, no sequence longer than seqlen)");
    }
  }
}

template <class T>
void require_broadcast(const char* argument, const BroadcastView<T>& view, const Problem& p) {
  if (!view) return;
  const struct {
    const char* name;
    Index got, full;
  } extents[] = {{"batch", view.batch, p.batch},
                 {"heads", view.heads, p.num_heads},
                 {"rows", view.rows, p.seqlen_q},
                 {"cols", view.cols, p.seqlen_kv}};
  for (const auto& extent : extents) {
    if (extent.got != 1 && extent.got != extent.full) {
      throw InvalidArgument(std::string(argument) + "." + extent.name, std::to_string(extent.got),
                            "1 or " + std::to_string(extent.full));
    }
  }
}

}  // namespace

double Problem::scale() const {
  return softmax_scale ? *softmax_scale : 1.0 / std::sqrt(static_cast<double>(head_dim));
}

Rows Problem::q_rows(Index b) const {
  const auto i = static_cast<std::size_t>(b);
  if (packed()) return {cu_seqlens_q[i], cu_seqlens_q[i + 1] - cu_seqlens_q[i]};
  return {0, q_lens.empty() ? seqlen_q : q_lens[i]};
}

Rows Problem::kv_rows(Index b) const {
  const auto i = static_cast<std::size_t>(b);
  if (packed()) return {cu_seqlens_kv[i], cu_seqlens_kv[i + 1] - cu_seqlens_kv[i]};
  return {0, kv_lens.empty() ? seqlen_kv : kv_lens[i]};
}

void set_sizes(Problem& p, const Extents& q, const Extents& k, const Extents& v) {
  p.batch = q.batch;
  p.num_heads = q.heads;
  p.num_kv_heads = k.heads;
  p.seqlen_q = q.seqlen;
  p.seqlen_kv = k.seqlen;
  p.head_dim = q.dim;
  p.head_dim_v = v.dim;
}

void validate(const Problem& p) {
  require_extent("batch", p.batch, 1);
  require_extent("num_heads", p.num_heads, 1);
  require_extent("num_kv_heads", p.num_kv_heads, 1);
  require_extent("seqlen_q", p.seqlen_q, 0);
  require_extent("seqlen_kv", p.seqlen_kv, 0);
  require_extent("head_dim", p.head_dim, 1);
  require_extent("head_dim_v", p.head_dim_v, 1);
  require_extent("page_size", p.page_size, 0);
  const double work = static_cast<double>(p.batch) * static_cast<double>(p.num_heads) *
                      static_cast<double>(p.seqlen_q) * static_cast<double>(p.seqlen_kv) *
                      static_cast<double>(std::max(p.head_dim, p.head_dim_v));
  if (work > std::ldexp(1.0, kMaxWorkExponent)) {
    throw InvalidArgument("sizes", number_text(work, 3) + " products of two numbers",
                          "batch * num_heads * seqlen_q * seqlen_kv * head_dim of at most 2^" +
                              std::to_string(kMaxWorkExponent));
  }
  if (p.num_heads % p.num_kv_heads != 0) {
    throw InvalidArgument("num_kv_heads", std::to_string(p.num_kv_heads),
                          "a divisor of num_heads = " + std::to_string(p.num_heads));
  }
  if (p.softmax_scale) require_finite("softmax_scale", *p.softmax_scale);
  for (const auto& [name, side] :
       {std::pair{"window.left", p.window.left}, {"window.right", p.window.right}}) {
    if (side && *side < 0)
      throw InvalidArgument(name, std::to_string(*side), "0 or more, or absent for no bound");
  }
  if (!(p.softcap >= 0) || !std::isfinite(p.softcap)) {
    throw InvalidArgument("softcap", number_text(p.softcap), "0 (none) or a positive finite number");
  }
  const auto heads = static_cast<std::size_t>(p.num_heads);
  if (!p.alibi_slopes.empty() && p.alibi_slopes.size() != heads &&
      p.alibi_slopes.size() != heads * static_cast<std::size_t>(p.batch)) {
    throw InvalidArgument("alibi_slopes", std::to_string(p.alibi_slopes.size()) + " slopes",
                          "num_heads or batch * num_heads");
  }
  for (double slope : p.alibi_slopes) require_finite("alibi_slopes", slope);
  if (!p.sinks.empty() && p.sinks.size() != heads) {
    throw InvalidArgument("sinks", std::to_string(p.sinks.size()) + " sinks",
                          "num_heads = " + std::to_string(heads));
  }
  for (double sink : p.sinks) require_finite("sinks", sink);
  require_broadcast("bias", p.bias, p);
  require_broadcast("mask", p.mask, p);
  if (p.cu_seqlens_q.empty() != p.cu_seqlens_kv.empty()) {
    const bool q = p.cu_seqlens_q.empty();
    throw InvalidArgument(q ? "cu_seqlens_q" : "cu_seqlens_kv", "nothing",
                          std::string("ends of sequences beside ") + (q ? "cu_seqlens_kv" : "cu_seqlens_q"));
  }
  if (p.packed()) {
    if (!p.q_lens.empty() || !p.kv_lens.empty()) {
      throw InvalidArgument("q_lens, kv_lens", "lengths", "none beside cu_seqlens_q");
    }
    require_cu_seqlens("cu_seqlens_q", p.cu_seqlens_q, p.batch, p.seqlen_q);
    require_cu_seqlens("cu_seqlens_kv", p.cu_seqlens_kv, p.batch, p.seqlen_kv);
  }
  require_lens("q_lens", p.q_lens, p.batch, p.seqlen_q);
  require_lens("kv_lens", p.kv_lens, p.batch, p.seqlen_kv);
  if (!(p.dropout.p >= 0 && p.dropout.p < 1)) {
    throw InvalidArgument("dropout.p", number_text(p.dropout.p), "0 <= p < 1");
  }
}

}  // namespace attnlab::attention
