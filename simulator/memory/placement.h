// Which SM gets a block of a grid's first wave.
#pragma once

#include <cstdint>
#include <vector>

namespace attnlab::memory {

// As %smid of all blocks shows it on an H200 (cuda/probes/probe.cu), an idle GPU deals blocks in rounds,
// one to each SM; its SMs come in pairs (TPCs), these in groups (GPCs), and a round goes from group to group.
// A grid's last round, when it is not whole, is spread: evenly over the groups, and in a group over the pairs
// before a pair gets its second. SMs are numbered in the order of a whole round.
class Placement {
 public:
  Placement(std::uint64_t sms, std::uint64_t blocks);

  std::uint64_t sm_of(std::uint64_t block) const {
    return block < whole_ ? block % sms_ : last_round_.at(block - whole_);
  }

 private:
  std::uint64_t sms_, whole_;  // blocks of whole rounds
  std::vector<std::uint64_t> last_round_;
};

}  // namespace attnlab::memory
