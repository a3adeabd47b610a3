#include "oracle/buffers/layout.h"

namespace attnlab::oracle {
namespace {

constexpr LayoutInfo kLayouts[] = {
    {Layout::bhsd, "bhsd", "contiguous [batch, heads, seqlen, dim]"},
    {Layout::bshd, "bshd", "contiguous [batch, seqlen, heads, dim]"},
    {Layout::qkv, "qkv", "Q, K and V in one tensor [batch, seqlen, num_heads + 2 num_kv_heads, dim]"},
    {Layout::padded_rows, "padded-rows", "unused elements behind each row, unused rows behind each head"},
    {Layout::far, "far", "batch entries more than 2^32 elements apart"},
};

}  // namespace

std::span<const LayoutInfo> layouts() { return kLayouts; }

const char* name(Layout layout) {
  for (const LayoutInfo& info : kLayouts) {
    if (info.id == layout) return info.name;
  }
  return "";
}

bool possible(Layout layout, const attention::Problem& p) {
  if (layout == Layout::qkv) {
    return p.tensor_rows_q() == p.tensor_rows_kv() && p.head_dim == p.head_dim_v;
  }
  if (layout == Layout::far) return p.tensor_batches() > 1;
  return true;
}

}  // namespace attnlab::oracle
