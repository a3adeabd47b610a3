// cooperative_groups::memcpy_async: the group's threads share a copy to shared memory, which has arrived at
// wait().
#pragma once

#include "../cooperative_groups.h"
#include "../cuda/scopes.h"
#include "simulator/emulator/builtins/async.h"

namespace attnlab::emulator::builtins {
namespace cooperative_groups {

// shape: bytes, as a number or as cuda::aligned_size_t.
template <class Group, class T, class Shape>
ATTNLAB_BUILTIN void memcpy_async(const Group& group, T* destination, const T* source, const Shape& shape) {
  calls::copy_share(destination, source, shape, static_cast<unsigned>(group.thread_rank()),
                    static_cast<unsigned>(group.size()));
  calls::commit_copies();
}
// Of count elements where the destination has room for room; the smaller number is copied.
template <class Group, class T>
ATTNLAB_BUILTIN void memcpy_async(const Group& group, T* destination, std::size_t room, const T* source,
                                  std::size_t count) {
  memcpy_async(group, destination, source, (room < count ? room : count) * sizeof(T));
}

template <class Group>
ATTNLAB_BUILTIN void wait(const Group& group) {
  calls::wait_for_copies(0);
  group.sync();
}
template <unsigned Prior, class Group>
ATTNLAB_BUILTIN void wait_prior(const Group& group) {
  calls::wait_for_copies(Prior);
  group.sync();
}

}  // namespace cooperative_groups
}  // namespace attnlab::emulator::builtins
