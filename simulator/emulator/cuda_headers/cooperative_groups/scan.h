// cooperative_groups::inclusive_scan and exclusive_scan, by steps of doubled distance.
#pragma once

#include "reduce.h"

namespace attnlab::emulator::builtins {
namespace cooperative_groups {

template <class Group, class T, class Operation>
ATTNLAB_BUILTIN T inclusive_scan(const Group& group, T value, Operation operation) {
  const auto threads = static_cast<unsigned>(group.num_threads()),
             rank = static_cast<unsigned>(group.thread_rank());
  for (unsigned distance = 1; distance < threads; distance *= 2) {
    const T other = group.shfl_up(value, distance);
    if (rank >= distance) value = operation(other, value);
  }
  return value;
}
template <class Group, class T>
ATTNLAB_BUILTIN T inclusive_scan(const Group& group, T value) {
  return inclusive_scan(group, value, plus<T>());
}

// The first thread gets T().
template <class Group, class T, class Operation>
ATTNLAB_BUILTIN T exclusive_scan(const Group& group, T value, Operation operation) {
  const T before = group.shfl_up(inclusive_scan(group, value, operation), 1);
  return group.thread_rank() == 0 ? T() : before;
}
template <class Group, class T>
ATTNLAB_BUILTIN T exclusive_scan(const Group& group, T value) {
  return exclusive_scan(group, value, plus<T>());
}

}  // namespace cooperative_groups
}  // namespace attnlab::emulator::builtins
