// A contiguous KV cache: keys and values of one sequence in one layer. Every KV head's rows are one piece of
// memory with room for `capacity` tokens from the start, as inference engines kept them before paging.
#pragma once

#include <algorithm>
#include <memory>
#include <string>

#include "reference/core/at_least.h"
#include "reference/core/checked.h"
#include "reference/core/errors.h"
#include "reference/core/shape.h"
#include "reference/core/view.h"
#include "reference/kv/cached_rows.h"

namespace attnlab::kv {

// One token more than a cache has room for.
class CacheFull : public InvalidArgument {
 public:
  using InvalidArgument::InvalidArgument;
};

template <class T>
class Cache {
 public:
  // Throws InvalidArgument for a size below 1, or together beyond 64 bits.
  Cache(Index num_kv_heads, Index head_dim, Index head_dim_v, Index capacity)
      : num_kv_heads_(at_least("num_kv_heads", num_kv_heads, 1)),
        head_dim_(at_least("head_dim", head_dim, 1)),
        head_dim_v_(at_least("head_dim_v", head_dim_v, 1)),
        capacity_(at_least("capacity", capacity, 1)),
        k_(allocate(head_dim)),
        v_(allocate(head_dim_v)) {}

  Index num_kv_heads() const { return num_kv_heads_; }
  Index head_dim() const { return head_dim_; }
  Index head_dim_v() const { return head_dim_v_; }
  Index capacity() const { return capacity_; }
  Index length() const { return length_; }  // tokens cached

  // [1, num_kv_heads, length, head_dim] and [..., head_dim_v]. Valid as long as the cache; a later token does
  // not move them.
  TensorView<T> k() { return view(k_.get(), head_dim_); }
  TensorView<T> v() { return view(v_.get(), head_dim_v_); }
  TensorView<const T> k() const { return view<const T>(k_.get(), head_dim_); }
  TensorView<const T> v() const { return view<const T>(v_.get(), head_dim_v_); }

  // Of one head, as the decode step reads them.
  CachedRows<T> rows(Index kv_head) {
    const MatrixView<T> k = this->k().head(0, kv_head), v = this->v().head(0, kv_head);
    return {k, v, k.middle(last()), v.middle(last())};
  }

  // Adds one token: k [num_kv_heads, head_dim], v [num_kv_heads, head_dim_v]. Throws CacheFull, or
  // InvalidArgument for other shapes, and has then changed nothing.
  void append(MatrixView<const T> k, MatrixView<const T> v) {
    require_shape("k", k, num_kv_heads_, head_dim_);
    require_shape("v", v, num_kv_heads_, head_dim_v_);
    extend();
    for (Index h = 0; h < num_kv_heads_; ++h) {
      std::copy_n(&k(h, 0), head_dim_, this->k().head(0, h, last()).data);
      std::copy_n(&v(h, 0), head_dim_v_, this->v().head(0, h, last()).data);
    }
  }

  // Adds one token whose rows are still to be written. Throws CacheFull.
  void extend() {
    if (length_ == capacity_) {
      throw CacheFull("cache", "token " + std::to_string(length_ + 1),
                      "at most its capacity of " + std::to_string(capacity_));
    }
    ++length_;
  }
  // The row of the newest token.
  Rows last() const { return {length_ - 1, 1}; }

 private:
  std::unique_ptr<T[]> allocate(Index dim) const {
    const auto u = [](Index size) { return static_cast<std::uint64_t>(size); };
    const std::uint64_t rows = checked_multiply(u(num_kv_heads_), u(capacity_), "cache");
    const std::uint64_t elements = checked_multiply(rows, u(dim), "cache");
    checked_multiply(elements, sizeof(T), "cache");
    return std::make_unique_for_overwrite<T[]>(elements);
  }
  template <class U>
  TensorView<U> view(U* data, Index dim) const {
    return {data, 1, num_kv_heads_, length_, dim, num_kv_heads_ * capacity_ * dim, capacity_ * dim, dim};
  }

  Index num_kv_heads_, head_dim_, head_dim_v_, capacity_, length_ = 0;
  std::unique_ptr<T[]> k_, v_;  // [num_kv_heads, capacity, dim]
};

}  // namespace attnlab::kv
