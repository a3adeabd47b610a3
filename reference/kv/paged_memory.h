// The numbers of a paged KV cache, in one layer: what the blocks of a CacheManager are made of. A block has room
// for block_size tokens of all KV heads.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "reference/core/at_least.h"
#include "reference/core/checked.h"
#include "reference/core/shape.h"
#include "reference/kv/cache_manager.h"
#include "reference/kv/cached_rows.h"

namespace attnlab::kv {

template <class T>
class PagedMemory {
 public:
  // Throws InvalidArgument for a size below 1 (num_blocks: below 0), or together beyond 64 bits.
  PagedMemory(Index num_blocks, Index block_size, Index num_kv_heads, Index head_dim, Index head_dim_v)
      : num_blocks_(num_blocks),
        block_size_(block_size),
        num_kv_heads_(num_kv_heads),
        head_dim_(head_dim),
        head_dim_v_(head_dim_v),
        k_(allocate("head_dim", head_dim)),
        v_(allocate("head_dim_v", head_dim_v)) {}

  Index num_blocks() const { return num_blocks_; }
  Index block_size() const { return block_size_; }
  Index num_kv_heads() const { return num_kv_heads_; }
  Index head_dim() const { return head_dim_; }
  Index head_dim_v() const { return head_dim_v_; }

  // [num_blocks, num_kv_heads, block_size, head_dim] and [..., head_dim_v].
  TensorView<T> k() const { return bhsd(k_.get(), num_blocks_, num_kv_heads_, block_size_, head_dim_); }
  TensorView<T> v() const { return bhsd(v_.get(), num_blocks_, num_kv_heads_, block_size_, head_dim_v_); }

  // The first `length` tokens of a sequence, in one head; the slot is where the newest lies.
  CachedRows<T> rows(std::span<const BlockId> table, Index length, Index kv_head, const Slot& slot) const {
    return {in_pages(k(), table, length, kv_head), in_pages(v(), table, length, kv_head),
            k().head(slot.block, kv_head, {slot.row, 1}), v().head(slot.block, kv_head, {slot.row, 1})};
  }

  // Writes one token's rows: k [num_kv_heads, head_dim], v [num_kv_heads, head_dim_v]. A copy that the slot asks
  // for comes first.
  void write(const Slot& slot, MatrixView<const T> k, MatrixView<const T> v) {
    require_shape("k", k, num_kv_heads_, head_dim_);
    require_shape("v", v, num_kv_heads_, head_dim_v_);
    if (slot.copy_before) copy(*slot.copy_before, *this);
    for (Index h = 0; h < num_kv_heads_; ++h) {
      std::copy_n(&k(h, 0), head_dim_, this->k().head(slot.block, h, {slot.row, 1}).data);
      std::copy_n(&v(h, 0), head_dim_v_, this->v().head(slot.block, h, {slot.row, 1}).data);
    }
  }
  // Within one memory, or from another of the same sizes (swapping).
  void copy(const BlockCopy& copy, const PagedMemory& from) {
    for (Index h = 0; h < num_kv_heads_; ++h) {
      const Rows rows{0, copy.rows};
      std::copy_n(from.k().head(copy.from, h, rows).data, copy.rows * head_dim_,
                  k().head(copy.to, h, rows).data);
      std::copy_n(from.v().head(copy.from, h, rows).data, copy.rows * head_dim_v_,
                  v().head(copy.to, h, rows).data);
    }
  }

 private:
  static PagedMatrix<T> in_pages(const TensorView<T>& pool, std::span<const BlockId> table, Index length,
                                 Index kv_head) {
    PagedMatrix<T> rows(pool.head(0, kv_head, {0, length}));
    rows.table = table.data();
    rows.page_size = pool.seqlen;
    rows.page_stride = pool.batch_stride;
    return rows;
  }
  std::unique_ptr<T[]> allocate(const char* argument, Index dim) const {
    const auto size = [](const char* what, Index value, Index least) {
      return static_cast<std::uint64_t>(at_least(what, value, least));
    };
    std::uint64_t elements = size("num_blocks", num_blocks_, 0);
    for (const std::uint64_t factor : {size("block_size", block_size_, 1),
                                       size("num_kv_heads", num_kv_heads_, 1), size(argument, dim, 1)}) {
      elements = checked_multiply(elements, factor, "num_blocks");
    }
    checked_multiply(elements, sizeof(T), "num_blocks");
    return std::make_unique_for_overwrite<T[]>(elements);
  }

  Index num_blocks_, block_size_, num_kv_heads_, head_dim_, head_dim_v_;
  std::unique_ptr<T[]> k_, v_;
};

}  // namespace attnlab::kv
