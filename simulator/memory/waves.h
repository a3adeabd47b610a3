// Which SM runs which block of a grid, and in which order blocks put their requests to the memory system: the
// resident blocks of all SMs advance together, and a block that ends makes room for the next of the grid.
//
// The first blocks are dealt to the SMs (placement.h) until each has as many as may be resident. Then, turn
// by turn, each SM in order performs some requests of one of its blocks, and takes another of its blocks at
// the next turn. Where a block ends, the next one of the grid takes its place.
//
// Time is counted in requests that wait for the L2; one that does not is wait times as fast. So of two blocks
// that read the same, the one that finds it in the L1 catches up with the other, and they stay together, as
// on a GPU. SMs do not keep step: how long a turn is varies, by a fixed sequence of pseudo-random numbers,
// around a mean that is the same for all. (In lockstep blocks would come to the SMs in a regular pattern for
// ever, and neighbours would find one another's data in the L1 far too often: of 728,076 sectors that an H200
// moves from the L2 in a naive Q K^T, lockstep predicts 401,408.)
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

enum class Supply {
  block,   // there it is
  later,   // the grid's next block is not known yet
  nothing  // the grid has no more blocks
};

// Stream: the requests of a block. stream.next(visit) calls visit(kind, line, mask) for each line of its next
// request and returns true, or false when none is left.
template <class Stream>
class Waves {
 public:
  // blocks: of the grid. requests: of one block in a row, on average, if all of them wait; turns are of 1 to
  // 2 requests - 1. wait: at least 1.
  Waves(std::uint64_t sms, std::uint64_t resident_blocks, std::uint64_t blocks, unsigned requests,
        unsigned wait)
      : sms_(sms), placement_(sms, blocks), requests_(requests), wait_(wait), resident_(resident_blocks) {}

  // Goes on until every block is through (true) or supply(std::optional<Stream>&) answers `later` (false).
  // access(sm, kind, lines), which says whether the SM waits, is the memory system.
  template <class SupplyBlock, class Access>
  bool run(SupplyBlock&& supply, Access&& access) {
    if (!fill(supply)) return false;
    for (;; at_ = 0) {
      if (running_ == 0) return true;
      for (; at_ < sms_.size(); ++at_) {
        if (!take_turn(sms_[at_], supply, access)) return false;
      }
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

  // The next requests of one of the SM's blocks; blocks that have none left make room. False when the SM must
  // wait for a block: its turn is not over.
  template <class SupplyBlock, class Access>
  bool take_turn(Sm& sm, SupplyBlock& supply, Access& access) {
    while (!sm.blocks.empty()) {
      if (sm.turn >= sm.blocks.size()) sm.turn = 0;
      std::optional<Stream>& block = sm.blocks[sm.turn];
      if (block && perform(*block, access)) {
        ++sm.turn;
        return true;
      }
      block.reset();  // no block: a place that waits for one
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

  // The next requests of the block; false when it has ended before the first of them.
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
  std::uint64_t resident_, running_ = 0;  // blocks: most of an SM, and of all SMs now
  bool filled_ = false;
  RandomBits random_;
  std::size_t at_ = 0;           // the SM whose turn it is
  std::vector<LinePart> parts_;  // of a request
};

}  // namespace attnlab::memory
