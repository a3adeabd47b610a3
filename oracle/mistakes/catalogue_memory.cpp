// Mistakes of addresses, of the sequences of a batch, of arithmetic, and between calls.
#include <algorithm>

#include "oracle/mistakes/catalogue.h"
#include "oracle/mistakes/load.h"

namespace attnlab::oracle {
namespace {

using attention::Problem;
using mistaken::has_other_layout;

// Whether an offset of the tensor, or of one of its heads, reaches the modulus.
bool beyond(const Tensor& t, Index modulus, bool whole) {
  if (t.paged() || t.batch_stride < 0 || t.head_stride < 0 || t.row_stride < 0 || t.dim_stride < 0)
    return false;
  const Index head = whole ? (t.batch - 1) * t.batch_stride + (t.heads - 1) * t.head_stride : 0;
  return head + (t.seqlen - 1) * t.row_stride + (t.dim - 1) * t.dim_stride >= modulus;
}

bool padded(const Problem& p) {
  return std::any_of(p.kv_lens.begin(), p.kv_lens.end(), [&](Index n) { return n < p.seqlen_kv; });
}

// All sequences as one.
void ignore_cu_seqlens(Problem& p) {
  p.seqlen_q = p.tensor_rows_q();
  p.seqlen_kv = p.tensor_rows_kv();
  p.batch = 1;
  p.cu_seqlens_q.clear();
  p.cu_seqlens_kv.clear();
  if (!p.alibi_slopes.empty()) p.alibi_slopes.resize(static_cast<std::size_t>(p.num_heads));
}

constexpr Mistake kMemory[] = {
    {"kv-head-modulo", "a query head uses KV head h modulo the KV heads",
     "query heads of a group are neighbours: kv_head = h / group_size", true, true,
     [](const Problem& p, const Inputs&) { return p.num_kv_heads > 1 && p.num_kv_heads < p.num_heads; },
     nullptr, nullptr, Wrong::kv_head_modulo, false},
    {"kv-head-zero", "every query head uses KV head 0",
     "kv_head = h / group_size; a stride of 0 would do this too", true, true,
     [](const Problem& p, const Inputs&) { return p.num_kv_heads > 1; }, nullptr, nullptr,
     Wrong::kv_head_zero, false},
    {"batch-zero", "every batch entry uses the keys and values of the first",
     "add b * batch_stride to the addresses of K and V", true, true,
     [](const Problem& p, const Inputs&) { return p.batch > 1 && !p.packed(); }, nullptr, nullptr,
     Wrong::batch_zero, false},
    {"layout-q", "Q is read in the other layout",
     "[b, h, s, d] and [b, s, h, d] differ in head and row strides: take them from the tensor", true, false,
     [](const Problem&, const Inputs& in) { return has_other_layout(in.q); }, nullptr, nullptr,
     Wrong::layout_q, false},
    {"layout-k", "K is read in the other layout",
     "[b, h, s, d] and [b, s, h, d] differ in head and row strides: take them from the tensor", true, false,
     [](const Problem&, const Inputs& in) { return has_other_layout(in.k); }, nullptr, nullptr,
     Wrong::layout_k, false},
    {"layout-v", "V is read in the other layout",
     "[b, h, s, d] and [b, s, h, d] differ in head and row strides: take them from the tensor", true, false,
     [](const Problem&, const Inputs& in) { return has_other_layout(in.v); }, nullptr, nullptr,
     Wrong::layout_v, false},
    {"layout-o", "O is written in the other layout",
     "[b, h, s, d] and [b, s, h, d] differ in head and row strides: take them from the tensor", true, false,
     [](const Problem& p, const Inputs&) { return p.num_heads > 1 && p.tensor_rows_q() > 1; }, nullptr,
     nullptr, Wrong::layout_o, false},
    {"index-16-bits", "offsets within a head wrap at 2^16", "row * row_stride needs more than 16 bits", true,
     false, [](const Problem&, const Inputs& in) { return beyond(in.k, Index{1} << 16, false); }, nullptr,
     nullptr, Wrong::index_16_bits, false},
    {"index-32-bits", "offsets within a tensor wrap at 2^32",
     "compute addresses in 64 bits: batch, head and row times their strides", true, false,
     [](const Problem&, const Inputs& in) { return beyond(in.k, Index{1} << 32, true); }, nullptr, nullptr,
     Wrong::index_32_bits, false},
    {"page-off-by-one", "the page table is read one entry too far",
     "row j lies in page block_table[b][j / page_size]", true, false,
     [](const Problem& p, const Inputs& in) { return in.k.paged() && p.seqlen_kv > in.k.page_size; }, nullptr,
     nullptr, Wrong::page_off_by_one, false},
    {"kv-lens-ignored", "padding keys are attended to",
     "hide keys from kv_lens[b] on; the diagonal ends at the last real token, too", true, true,
     [](const Problem& p, const Inputs& in) { return padded(p) && !in.k.paged(); },
     [](Problem& p) { p.kv_lens.clear(); }, nullptr, Wrong::none, false},
    {"cu-seqlens-ignored", "packed neighbours are attended to",
     "a row sees the keys of its own sequence only: begin and end come from cu_seqlens", true, false,
     [](const Problem& p, const Inputs& in) {
       return p.packed() && p.batch > 1 && !in.k.paged() && !p.mask && !p.bias;
     },
     [](Problem& p) { ignore_cu_seqlens(p); }, nullptr, Wrong::none, false},
    {"p-e4m3", "P is rounded to FP8 without a scale",
     "weights far below 1 vanish in e4m3: multiply P by 256 or 448 and divide O by it", true, false, nullptr,
     nullptr, nullptr, Wrong::p_e4m3, true},
    {"p-e5m2", "P is rounded to e5m2", "two bits of mantissa: take e4m3 with a scale, or 16 bits, for P",
     true, false, nullptr, nullptr, nullptr, Wrong::p_e5m2, true},
    {"p-scale-left", "O keeps the scale of P", "divide O by the factor that P was multiplied with", true,
     false, nullptr, nullptr, nullptr, Wrong::p_scale_left, false},
    {"v-scale-missing", "V is not descaled", "multiply O by the descale factor of V", true, false,
     [](const Problem&, const Inputs& in) { return static_cast<bool>(in.v.scale); }, nullptr, nullptr,
     Wrong::v_scale_missing, false},
    {"accumulator-bf16", "sums are kept in bf16", "accumulate in fp32", true, false, nullptr, nullptr,
     nullptr, Wrong::accumulator_bf16, false},
    {"accumulator-fp16", "sums are kept in fp16", "accumulate in fp32", true, false, nullptr, nullptr,
     nullptr, Wrong::accumulator_fp16, false},
    {"cached-result", "the result of an earlier call comes back",
     "results are kept by shape or by address: compute anew", true, true, nullptr, nullptr, nullptr,
     Wrong::cached_result, false},
};

}  // namespace

std::span<const Mistake> mistakes_of_memory() { return kMemory; }

}  // namespace attnlab::oracle
