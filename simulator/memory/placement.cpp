#include "simulator/memory/placement.h"

#include <algorithm>

namespace attnlab::memory {
namespace {

// SMs of each group. Those of 132 were read off an H200, where four pairs of one group have a turn of their
// own; chips differ in which SMs are off. Otherwise eight groups, as GA100 and GH100 have, as even as can be.
std::vector<std::uint64_t> groups_of(std::uint64_t sms) {
  if (sms == 132) return {8, 8, 16, 16, 16, 16, 16, 18, 18};
  constexpr std::uint64_t kGroups = 8;
  const std::uint64_t pairs = (sms + 1) / 2;
  std::vector<std::uint64_t> sizes;
  for (std::uint64_t group = 0, left = sms; group < kGroups; ++group) {
    sizes.push_back(std::min(left, 2 * (pairs / kGroups + (group < pairs % kGroups ? 1 : 0))));
    left -= sizes.back();
  }
  return sizes;
}

}  // namespace

Placement::Placement(std::uint64_t sms, std::uint64_t blocks) : sms_(sms), whole_(blocks / sms * sms) {
  const std::vector<std::uint64_t> sizes = groups_of(sms);
  std::vector<std::uint64_t> given(sizes.size(), 0);
  for (std::uint64_t left = blocks - whole_; left != 0;) {
    for (std::size_t group = 0; group < sizes.size(); ++group) {
      if (left == 0 || given[group] == sizes[group]) continue;
      ++given[group];
      --left;
    }
  }
  std::uint64_t first = 0;  // of the group
  for (std::size_t group = 0; group < sizes.size(); first += sizes[group++]) {
    const std::uint64_t firsts = std::min(given[group], (sizes[group] + 1) / 2);
    for (std::uint64_t pair = 0; pair < firsts; ++pair) {
      last_round_.push_back(first + 2 * pair);
      if (pair < given[group] - firsts) last_round_.push_back(first + 2 * pair + 1);
    }
  }
}

}  // namespace attnlab::memory
