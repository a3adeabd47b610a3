// Cutting a length into blocks, the last one ragged: the loops of every tiled algorithm.
#pragma once

#include <algorithm>

#include "reference/core/view.h"

namespace attnlab {

constexpr Index ceil_div(Index a, Index b) { return (a + b - 1) / b; }

// The blocks [k * size, (k + 1) * size) for k in [first, last), the last one cut at `length`.
class Blocks {
 public:
  Blocks(Index length, Index size) : Blocks(length, size, 0, ceil_div(length, size)) {}
  Blocks(Index length, Index size, Index first, Index last)
      : length_(length), size_(size), first_(first), last_(std::max(first, last)) {}

  class Iterator {
   public:
    Iterator(const Blocks* blocks, Index k) : blocks_(blocks), k_(k) {}
    Rows operator*() const { return blocks_->block(k_); }
    Iterator& operator++() { return ++k_, *this; }
    bool operator!=(const Iterator& other) const { return k_ != other.k_; }

   private:
    const Blocks* blocks_;
    Index k_;
  };
  Iterator begin() const { return {this, first_}; }
  Iterator end() const { return {this, last_}; }
  bool empty() const { return first_ == last_; }
  Index first() const { return first_; }
  Index last() const { return last_; }
  Rows block(Index k) const { return {k * size_, std::min(size_, length_ - k * size_)}; }

 private:
  Index length_, size_, first_, last_;
};

inline Blocks blocks(Index length, Index size) { return {length, size}; }

}  // namespace attnlab
