#include "reference/attention/head.h"

namespace attnlab::attention {
namespace {

template <class T>
BroadcastView<T> slice(BroadcastView<T> view, Index b, Index h) {
  if (view)
    view.data += (view.batch == 1 ? 0 : b * view.batch_stride) + (view.heads == 1 ? 0 : h * view.head_stride);
  if (view.rows == 1) view.row_stride = 0;
  if (view.cols == 1) view.col_stride = 0;
  return view;
}

}  // namespace

Head head_of(const Problem& p, Index b, Index h) {
  Head head;
  head.seqlen_q = p.q_rows(b).size;
  head.seqlen_kv = p.kv_rows(b).size;
  head.head_dim = p.head_dim;
  head.head_dim_v = p.head_dim_v;
  head.scale = p.scale();
  head.softcap = p.softcap;
  if (!p.alibi_slopes.empty()) {
    const bool per_batch = static_cast<Index>(p.alibi_slopes.size()) != p.num_heads;
    head.alibi_slope = p.alibi_slopes[static_cast<std::size_t>(per_batch ? b * p.num_heads + h : h)];
  }
  if (!p.sinks.empty()) head.sink = p.sinks[static_cast<std::size_t>(h)];
  if (p.window.left) head.left = std::min(head.left, *p.window.left);
  if (p.window.right) head.right = std::min(head.right, *p.window.right);
  if (p.causal) head.right = 0;
  head.has_mask = static_cast<bool>(p.mask);
  head.has_bias = static_cast<bool>(p.bias);
  head.mask_pass = p.mask_pass;
  head.page_size = p.page_size;
  head.mask = slice(p.mask, b, h);
  head.bias = slice(p.bias, b, h);
  head.dropout = p.dropout;
  head.batch_head = b * p.num_heads + h;
  head.first_of_group = h % p.group_size() == 0;
  return head;
}

}  // namespace attnlab::attention
