// Which SM runs which block of a grid, and in which order the blocks' requests reach the memory system.
//
// 1. The first blocks of the grid are placed on the SMs (placement.h), until each SM has its number of
//    resident blocks.
// 2. The SMs take turns, in order. In a turn an SM performs some requests of one of its blocks; in its next
//    turn, of its next block.
// 3. Where a block ends, the next block of the grid takes its place.
//
// A turn has a length in time. A request that waits for the L2 takes `wait` units of time, one that hits in
// the L1 takes one. So when two blocks read the same data, the second one hits, catches up with the first,
// and they stay together, as on a GPU.
//
// Turns vary in length around the same mean, by a fixed pseudo-random sequence, so that SMs do not run in
// lockstep. In lockstep blocks would be placed in a regular pattern, and neighbours would hit one another's
// data in the L1 far too often: a naive Q K^T moves 728,076 sectors from an H200's L2, and lockstep predicts
// 401,408.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "simulator/memory/placement.h"
#include "simulator/memory/random_bits.h"
#include "simulator/memory/request_stream.h"

namespace attnlab::memory {

// The answer to "the next block of the grid?"
enum class Supply {
  block,   // here it is
  later,   // it is not known yet
  nothing  // the grid has no more blocks
};

// Stream: the requests of a block. stream.next(visit) calls visit(kind, line, mask) for each line of its next
// request and returns true, or false when none is left.
template <class Stream>
class Waves {
 public:
  // blocks: of the grid. requests: how many requests that wait fit in a turn, on average (1 to
  // 2 requests - 1). wait: how much longer such a request takes than one that does not; at least 1.
  Waves(std::uint64_t sms, std::uint64_t resident_blocks, std::uint64_t blocks, unsigned requests,
        unsigned wait)
      : sms_(sms), placement_(sms, blocks), requests_(requests), wait_(wait), resident_(resident_blocks) {}

  // Runs until every block has ended (true) or supply(std::optional<Stream>&) answers `later` (false).
  // access(sm, kind, lines) is the memory system; it returns whether the SM waits for the L2.
  template <class SupplyBlock, class Access>
  bool run(SupplyBlock&& supply, Access&& access) {
    if (!fill(supply)) return false;
    for (;; at_ = 0) {
      if (running_ == 0) return true;
      for (; at_ < sms_.size(); ++at_)
        if (!take_turn(sms_[at_], supply, access)) return false;
    }
  }

 private:
  struct Sm {
    std::vector<std::optional<Stream>> blocks;  // resident
    std::size_t turn = 0;
  };

  // The first wave. False when it must wait for a block.
  template <class SupplyBlock>
  bool fill(SupplyBlock& supply) {
    while (running_ < sms_.size() * resident_ && !filled_) {
      std::optional<Stream> block;
      switch (supply(block)) {
        case Supply::later:
          return false;
        case Supply::nothing:
          filled_ = true;
          break;
        case Supply::block:
          sms_[placement_.sm_of(running_++)].blocks.push_back(std::move(block));
      }
    }
    filled_ = true;
    return true;
  }

  // Performs one turn of the SM. Blocks that have ended are replaced on the way. False when the next block is
  // not known yet: the turn is not over.
  template <class SupplyBlock, class Access>
  bool take_turn(Sm& sm, SupplyBlock& supply, Access& access) {
    while (!sm.blocks.empty()) {
      if (sm.turn >= sm.blocks.size()) sm.turn = 0;
      std::optional<Stream>& block = sm.blocks[sm.turn];
      if (block && perform(*block, access)) {
        ++sm.turn;
        return true;
      }
      block.reset();  // empty: the place waits for a block
      switch (supply(block)) {
        case Supply::later:
          return false;
        case Supply::nothing:
          sm.blocks.erase(sm.blocks.begin() + static_cast<std::ptrdiff_t>(sm.turn));
          --running_;
          break;
        case Supply::block:
          break;
      }
    }
    return true;
  }

  // Performs the block's requests of one turn. False when it had none left.
  template <class Access>
  bool perform(Stream& block, Access& access) {
    RequestKind kind{};
    const auto visit = [&](RequestKind request, std::uint32_t line, unsigned mask) {
      kind = request;
      parts_.push_back({line, mask});
    };
    const unsigned turn = wait_ * (1 + random_() % (2 * requests_ - 1));
    for (unsigned time = 0; time < turn;) {
      parts_.clear();
      if (!block.next(visit)) return time != 0;
      time += access(at_, kind, std::span<const LinePart>(parts_)) ? wait_ : 1;
    }
    return true;
  }

  std::vector<Sm> sms_;
  Placement placement_;
  unsigned requests_, wait_;
  std::uint64_t resident_, running_ = 0;  // blocks per SM at most; on all SMs now
  bool filled_ = false;
  RandomBits random_;
  std::size_t at_ = 0;           // the SM whose turn it is
  std::vector<LinePart> parts_;  // of a request
};

}  // namespace attnlab::memory
