#include "answers/problem_json.h"

namespace attnlab::answers {
namespace {

Json or_null(const std::optional<Index>& value) { return value ? Json(*value) : Json(); }

template <class T>
Json extents_json(const BroadcastView<T>& view) {
  return Json::array({view.batch, view.heads, view.rows, view.cols});
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
  if (p.page_size != 0) json["page_size"] = p.page_size;
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

}  // namespace attnlab::answers
