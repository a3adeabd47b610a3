// Cooperative groups: the grid, the thread block, tiles of a warp, and the threads that happen to run
// together.
//
// Tiles of up to 32 threads; clusters, multi-device grids and tiles of several warps are not there. A group
// of a warp synchronises, shuffles and votes with the lanes of its mask, as the _sync intrinsics do.
#pragma once

#define _COOPERATIVE_GROUPS_H_

#include <type_traits>

#include "device_functions.h"
#include "device_launch_parameters.h"
#include "warp_functions.h"

namespace attnlab::emulator::builtins {
namespace cooperative_groups {

namespace details {

// Any trivial value of up to 32 bytes, moved 32 bits at a time.
template <class T>
ATTNLAB_BUILTIN T shuffle(unsigned mask, const T& value, unsigned lane) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 32,
                "shfl() moves trivial values of up to 32 bytes");
  if constexpr (sizeof(T) == 2 || sizeof(T) == 4 || sizeof(T) == 8) {
    return attnlab_shuffle(mask, value, lane, 32, calls::Shuffle::index);
  } else if constexpr (sizeof(T) == 1) {
    const unsigned bits = __builtin_bit_cast(unsigned char, value);
    return __builtin_bit_cast(
        T, static_cast<unsigned char>(calls::shuffle(mask, bits, lane, 32, calls::Shuffle::index)));
  } else {
    static_assert(sizeof(T) % 4 == 0, "shfl() moves values of 1, 2 or a multiple of 4 bytes");
    struct Words {
      unsigned word[sizeof(T) / 4];
    };
    Words words = __builtin_bit_cast(Words, value);
#pragma GCC unroll 8
    for (unsigned& word : words.word) word = calls::shuffle(mask, word, lane, 32, calls::Shuffle::index);
    return __builtin_bit_cast(T, words);
  }
}

ATTNLAB_BUILTIN unsigned mask_of(unsigned size, unsigned first_lane) {
  return (0xffffffffu >> (32 - size)) << first_lane;
}

// What groups within a warp share: lanes of a mask, counted from its lowest bit.
class WarpGroup {
 public:
  ATTNLAB_BUILTIN unsigned long long size() const { return num_threads(); }
  ATTNLAB_BUILTIN unsigned long long num_threads() const { return static_cast<unsigned>(__popc(mask_)); }
  ATTNLAB_BUILTIN unsigned long long thread_rank() const { return rank_of(calls::lane_in_warp()); }
  ATTNLAB_BUILTIN void sync() const { calls::sync_warp(mask_); }

  ATTNLAB_BUILTIN int any(int predicate) const { return __any_sync(mask_, predicate); }
  ATTNLAB_BUILTIN int all(int predicate) const { return __all_sync(mask_, predicate); }
  template <class T>
  ATTNLAB_BUILTIN T shfl(T value, unsigned rank) const {
    return shuffle(mask_, value, lane_of(rank % static_cast<unsigned>(num_threads())));
  }
  // The own value where the other thread would lie outside the group.
  template <class T>
  ATTNLAB_BUILTIN T shfl_up(T value, unsigned delta) const {
    const auto rank = static_cast<unsigned>(thread_rank());
    return shuffle(mask_, value, lane_of(rank - delta * attnlab_flag(rank >= delta)));
  }
  template <class T>
  ATTNLAB_BUILTIN T shfl_down(T value, unsigned delta) const {
    const auto rank = static_cast<unsigned>(thread_rank());
    return shuffle(mask_, value, lane_of(rank + delta * attnlab_flag(rank + delta < num_threads())));
  }
  // Bit i is the predicate of the group's thread i.
  ATTNLAB_BUILTIN unsigned ballot(int predicate) const { return packed(__ballot_sync(mask_, predicate)); }
  template <class T>
  ATTNLAB_BUILTIN unsigned match_any(T value) const {
    return packed(__match_any_sync(mask_, value));
  }
  template <class T>
  ATTNLAB_BUILTIN unsigned match_all(T value, int& predicate) const {
    return packed(__match_all_sync(mask_, value, &predicate));
  }

  ATTNLAB_BUILTIN unsigned attnlab_mask() const { return mask_; }

 protected:
  ATTNLAB_BUILTIN explicit WarpGroup(unsigned mask) : mask_(mask) {}
  ATTNLAB_BUILTIN unsigned rank_of(unsigned lane) const {
    return static_cast<unsigned>(__popc(mask_ & ~(0xffffffffu << lane)));
  }
  ATTNLAB_BUILTIN unsigned lane_of(unsigned rank) const { return attnlab_nth_set_bit(mask_, rank); }
  ATTNLAB_BUILTIN unsigned packed(unsigned lanes) const { return attnlab_packed_bits(lanes, mask_); }

 private:
  ATTNLAB_OPAQUE static unsigned attnlab_nth_set_bit(unsigned mask, unsigned n) {
    for (; n > 0; --n) mask &= mask - 1;
    return static_cast<unsigned>(__builtin_ctz(mask));
  }
  ATTNLAB_OPAQUE static unsigned attnlab_packed_bits(unsigned bits, unsigned mask) {
    unsigned result = 0;
    for (unsigned rank = 0; mask != 0; mask &= mask - 1, ++rank)
      result |= (bits >> __builtin_ctz(mask) & 1) << rank;
    return result;
  }

  unsigned mask_;
};

struct NoParent {};

}  // namespace details

// --- the grid ---------------------------------------------------------------------------------------------
class grid_group {
 public:
  ATTNLAB_BUILTIN void sync() const { calls::sync_grid(); }
  ATTNLAB_BUILTIN bool is_valid() const { return calls::grid_can_sync(); }
  ATTNLAB_BUILTIN unsigned long long size() const { return num_threads(); }
  ATTNLAB_BUILTIN unsigned long long num_threads() const {
    return calls::blocks_in_grid() * calls::threads_in_block();
  }
  ATTNLAB_BUILTIN unsigned long long thread_rank() const { return calls::rank_in_grid(); }
  ATTNLAB_BUILTIN unsigned long long num_blocks() const { return calls::blocks_in_grid(); }
  ATTNLAB_BUILTIN unsigned long long block_rank() const { return calls::block_rank(); }
  ATTNLAB_BUILTIN dim3 block_index() const { return dim3(builtins::attnlab_block_index()); }
  ATTNLAB_BUILTIN dim3 dim_blocks() const { return builtins::attnlab_grid_dim(); }
  ATTNLAB_BUILTIN dim3 group_dim() const { return builtins::attnlab_grid_dim(); }
};
ATTNLAB_BUILTIN grid_group this_grid() { return {}; }

// --- the block -------------------------------------------------------------------------------------------
class thread_block {
 public:
  ATTNLAB_BUILTIN static void sync() { calls::sync_threads(); }
  ATTNLAB_BUILTIN static unsigned size() { return calls::threads_in_block(); }
  ATTNLAB_BUILTIN static unsigned num_threads() { return calls::threads_in_block(); }
  ATTNLAB_BUILTIN static unsigned thread_rank() { return calls::rank_in_block(); }
  ATTNLAB_BUILTIN static dim3 group_index() { return dim3(builtins::attnlab_block_index()); }
  ATTNLAB_BUILTIN static dim3 thread_index() { return dim3(builtins::attnlab_thread_index()); }
  ATTNLAB_BUILTIN static dim3 group_dim() { return builtins::attnlab_block_dim(); }
  ATTNLAB_BUILTIN static dim3 dim_threads() { return builtins::attnlab_block_dim(); }
};
ATTNLAB_BUILTIN thread_block this_thread_block() { return {}; }

// --- within a warp ---------------------------------------------------------------------------------------
// The threads of a warp that run together at this point.
class coalesced_group : public details::WarpGroup {
 public:
  ATTNLAB_BUILTIN explicit coalesced_group(unsigned mask) : WarpGroup(mask) {}
  ATTNLAB_BUILTIN unsigned long long meta_group_size() const { return 1; }
  ATTNLAB_BUILTIN unsigned long long meta_group_rank() const { return 0; }
};
ATTNLAB_BUILTIN coalesced_group coalesced_threads() { return coalesced_group(calls::active_lanes()); }

// Size consecutive threads, a power of 2.
template <unsigned Size, class Parent = details::NoParent>
class thread_block_tile : public details::WarpGroup {
  static_assert(Size >= 1 && Size <= 32 && (Size & (Size - 1)) == 0,
                "the emulator has tiles of 1, 2, 4, ... 32 threads");

 public:
  ATTNLAB_BUILTIN thread_block_tile()
      : WarpGroup(details::mask_of(Size, calls::lane_in_warp() & ~(Size - 1))) {}
  template <class Other>
  ATTNLAB_BUILTIN thread_block_tile(const thread_block_tile<Size, Other>& other)
      : WarpGroup(other.attnlab_mask()) {}

  ATTNLAB_BUILTIN static constexpr unsigned size() { return Size; }
  ATTNLAB_BUILTIN static constexpr unsigned num_threads() { return Size; }
  ATTNLAB_BUILTIN static unsigned thread_rank() { return calls::lane_in_warp() & (Size - 1); }
  ATTNLAB_BUILTIN static unsigned meta_group_size() {
    if constexpr (std::is_same_v<Parent, details::NoParent> || std::is_same_v<Parent, thread_block>)
      return (calls::threads_in_block() + Size - 1) / Size;
    else
      return Parent::size() / Size;
  }
  ATTNLAB_BUILTIN static unsigned meta_group_rank() {
    if constexpr (std::is_same_v<Parent, details::NoParent> || std::is_same_v<Parent, thread_block>)
      return calls::rank_in_block() / Size;
    else
      return Parent::thread_rank() / Size;
  }

  template <class T>
  ATTNLAB_BUILTIN T shfl(T value, unsigned rank) const {
    return details::shuffle(this->attnlab_mask(), value, first() | (rank & (Size - 1)));
  }
  template <class T>
  ATTNLAB_BUILTIN T shfl_xor(T value, unsigned lane_mask) const {
    return details::shuffle(this->attnlab_mask(), value, calls::lane_in_warp() ^ (lane_mask & (Size - 1)));
  }
  template <class T>
  ATTNLAB_BUILTIN T shfl_up(T value, unsigned delta) const {
    return details::shuffle(this->attnlab_mask(), value,
                            calls::lane_in_warp() - delta * attnlab_flag(thread_rank() >= delta));
  }
  template <class T>
  ATTNLAB_BUILTIN T shfl_down(T value, unsigned delta) const {
    return details::shuffle(this->attnlab_mask(), value,
                            calls::lane_in_warp() + delta * attnlab_flag(thread_rank() + delta < Size));
  }
  ATTNLAB_BUILTIN unsigned ballot(int predicate) const {
    return __ballot_sync(this->attnlab_mask(), predicate) >> first();
  }
  template <class T>
  ATTNLAB_BUILTIN unsigned match_any(T value) const {
    return __match_any_sync(this->attnlab_mask(), value) >> first();
  }

 private:
  ATTNLAB_BUILTIN static unsigned first() { return calls::lane_in_warp() & ~(Size - 1); }
};
ATTNLAB_BUILTIN thread_block_tile<1> this_thread() { return {}; }

// A block or a part of a warp, by a size known when the program runs.
class thread_group : public details::WarpGroup {
 public:
  ATTNLAB_BUILTIN thread_group(const thread_block&) : WarpGroup(0) {}
  ATTNLAB_BUILTIN thread_group(const coalesced_group& group) : WarpGroup(group.attnlab_mask()) {}
  template <unsigned Size, class Parent>
  ATTNLAB_BUILTIN thread_group(const thread_block_tile<Size, Parent>& tile)
      : WarpGroup(tile.attnlab_mask()) {}
  ATTNLAB_BUILTIN explicit thread_group(unsigned mask) : WarpGroup(mask) {}

  ATTNLAB_BUILTIN unsigned long long size() const { return num_threads(); }
  ATTNLAB_BUILTIN unsigned long long num_threads() const {
    return is_block() ? calls::threads_in_block() : WarpGroup::num_threads();
  }
  ATTNLAB_BUILTIN unsigned long long thread_rank() const {
    return is_block() ? calls::rank_in_block() : WarpGroup::thread_rank();
  }
  ATTNLAB_BUILTIN void sync() const {
    if (is_block())
      calls::sync_threads();
    else
      WarpGroup::sync();
  }

 private:
  ATTNLAB_BUILTIN bool is_block() const { return this->attnlab_mask() == 0; }
};

// --- partitions ------------------------------------------------------------------------------------------
template <unsigned Size, class Parent>
ATTNLAB_BUILTIN thread_block_tile<Size, Parent> tiled_partition(const Parent&) {
  return {};
}
ATTNLAB_BUILTIN thread_group tiled_partition(const thread_group&, unsigned size) {
  if (size == 0 || size > 32 || (size & (size - 1)) != 0)
    calls::stop_unsupported("cooperative_groups::tiled_partition of this size");
  return thread_group(details::mask_of(size, calls::lane_in_warp() & ~(size - 1)));
}

template <class Group, class Label>
ATTNLAB_BUILTIN coalesced_group labeled_partition(const Group& group, Label label) {
  return coalesced_group(__match_any_sync(group.attnlab_mask(), label));
}
template <class Group>
ATTNLAB_BUILTIN coalesced_group binary_partition(const Group& group, bool predicate) {
  const unsigned yes = __ballot_sync(group.attnlab_mask(), predicate);
  return coalesced_group(group.attnlab_mask() & (yes ^ (attnlab_flag(predicate) - 1)));
}

// --- free functions --------------------------------------------------------------------------------------
template <class Group>
ATTNLAB_BUILTIN void sync(const Group& group) {
  group.sync();
}
template <class Group>
ATTNLAB_BUILTIN auto thread_rank(const Group& group) {
  return group.thread_rank();
}
template <class Group>
ATTNLAB_BUILTIN auto group_size(const Group& group) {
  return group.size();
}

}  // namespace cooperative_groups
}  // namespace attnlab::emulator::builtins
