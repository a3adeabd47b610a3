// Decoding: one new token of every sequence attends to its KV cache.
#include <algorithm>
#include <numeric>

#include "reference/core/errors.h"
#include "reference/kv/decode.h"
#include "simulator/io/closed_decode.h"
#include "simulator/io/largest.h"
#include "simulator/io/metered.h"
#include "simulator/io/registry_entries.h"

namespace attnlab::io {
namespace {

using attention::Problem;

void check(const Entry& entry, const Question& q) {
  const Problem& p = q.problem;
  if (p.seqlen_q != *entry.seqlen_q) {
    throw InvalidArgument("seqlen_q", std::to_string(p.seqlen_q),
                          std::to_string(*entry.seqlen_q) + " with " + entry.name + ": the new token");
  }
  if (p.packed() || !p.q_lens.empty())
    throw InvalidArgument("q_lens, cu_seqlens_q", "lengths", "none with decode");
  for (Index b = 0; b < p.batch; ++b) {
    if (p.kv_rows(b).size < 1)
      throw InvalidArgument("seqlen_kv", "0", "at least 1: the new token is cached too");
  }
}

attention::Tiles tiles(const Entry&, const Question& q) {
  if (q.tiles.bc != 0) return {q.problem.group_size(), q.tiles.bc};
  Problem in_one_piece = q.problem;  // a block table takes no room in SRAM
  in_one_piece.page_size = 0;
  const auto fits = [&](Index bc) {
    return decode_traffic(in_one_piece, bc).sram_peak <= static_cast<Count>(q.sram_elements);
  };
  const Index quarter =
      attention::ceil_div(q.sram_elements, 4 * std::max(q.problem.head_dim, q.problem.head_dim_v));
  const Index bc = largest(std::min(quarter, q.problem.seqlen_kv), fits);
  if (bc == 0) {
    throw SramOverflow(
        "sram", std::to_string(q.sram_elements) + " elements",
        "at least " + to_string(decode_traffic(in_one_piece, 1).sram_peak) + " for one cached token");
  }
  return {q.problem.group_size(), bc};
}

Traffic closed(const Entry&, const Question& q) { return decode_traffic(q.problem, q.tiles.bc); }

// A cache of one sequence with room for its newest token, in one piece or in pages, the last page first.
class Cache {
 public:
  explicit Cache(const Problem& p)
      : length_(p.seqlen_kv),
        page_size_(p.page_size > 0 ? p.page_size : p.seqlen_kv),
        table_(static_cast<std::size_t>(attention::ceil_div(length_, page_size_))),
        k_(pool(p, p.head_dim, 4)),
        v_(pool(p, p.head_dim_v, 5)) {
    std::iota(table_.rbegin(), table_.rend(), 0);
    paged_ = p.page_size > 0;
    heads_ = p.num_kv_heads, head_dim_ = p.head_dim, head_dim_v_ = p.head_dim_v;
  }

  kv::CachedRows<float> rows(Index head) {
    const PagedMatrix<float> k = rows(k_, head_dim_, head), v = rows(v_, head_dim_v_, head);
    return {k, v, newest(k), newest(v)};
  }

 private:
  std::vector<float> pool(const Problem& p, Index dim, std::uint32_t stream) const {
    return random_values(static_cast<Index>(table_.size()) * p.num_kv_heads * page_size_ * dim, stream);
  }
  PagedMatrix<float> rows(std::vector<float>& pool, Index dim, Index head) {
    const auto pages = bhsd(pool.data(), static_cast<Index>(table_.size()), heads_, page_size_, dim);
    PagedMatrix<float> rows(pages.head(0, head, {0, length_}));
    rows.table = paged_ ? table_.data() : nullptr;
    rows.page_size = page_size_, rows.page_stride = pages.batch_stride;
    return rows;
  }
  MatrixView<float> newest(const PagedMatrix<float>& rows) const {
    MatrixView<float> row;
    rows.middle({length_ - 1, 1}).for_each_piece([&](Rows, MatrixView<float> piece) { row = piece; });
    return row;
  }

  Index length_, page_size_;
  std::vector<kv::BlockId> table_;
  std::vector<float> k_, v_;
  bool paged_ = false;
  Index heads_ = 0, head_dim_ = 0, head_dim_v_ = 0;
};

std::optional<MeteredSample> metered(const Entry&, const Question& q) {
  const Traffic expected = closed({}, q);
  if (static_cast<double>(expected.total_flops()) > kMostFlops) return std::nullopt;
  Traffic sum;
  for (Index b = 0; b < q.problem.batch; ++b) {
    Problem p = q.problem;
    p.batch = 1;
    p.seqlen_kv = q.problem.kv_rows(b).size;
    p.kv_lens.clear();
    const Index d = p.head_dim, dv = p.head_dim_v;
    if (static_cast<double>(p.seqlen_kv * (d + dv)) * static_cast<double>(p.num_kv_heads) > kMostElements)
      return std::nullopt;
    const auto k = random_values(p.num_kv_heads * d, 1), v = random_values(p.num_kv_heads * dv, 2);
    const auto q_rows = random_values(p.num_heads * d, 3);
    const MatrixView<const float> k_view{k.data(), p.num_kv_heads, d, d},
        v_view{v.data(), p.num_kv_heads, dv, dv};
    std::vector<float> o(static_cast<std::size_t>(p.num_heads * dv)),
        lse(static_cast<std::size_t>(p.num_heads));
    Metered memory(q.sram_elements);
    Cache cache(p);
    for (Index h = 0; h < p.num_kv_heads; ++h) {
      kv::decode_kv_head<Metered, float>(
          memory, p, h, cache.rows(h), {{q_rows.data(), p.num_heads, d, d}, k_view, v_view},
          {{o.data(), p.num_heads, dv, dv}, {lse.data(), p.num_heads, 1, 1}}, q.tiles.bc);
    }
    sum += memory.traffic();
  }
  const Index heads = q.problem.batch * q.problem.num_heads;
  return MeteredSample{sum, heads, heads};
}

}  // namespace

std::vector<Entry> decode_entries() {
  return {{.name = kv::kDecodeRow.name,
           .title = kv::kDecodeRow.title,
           .paper = kv::kDecodeRow.paper,
           .seqlen_q = 1,
           .check = check,
           .tiles = tiles,
           .closed = closed,
           .metered = metered}};
}

}  // namespace attnlab::io
