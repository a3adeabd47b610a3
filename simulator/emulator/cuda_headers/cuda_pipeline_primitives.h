// The C interface of asynchronous copies: __pipeline_memcpy_async, __pipeline_commit, __pipeline_wait_prior.
//
// The data arrive at the wait; reading them before is a finding.
#pragma once

#include <cstddef>

#include "host_defines.h"
#include "simulator/emulator/builtins/async.h"

namespace attnlab::emulator::builtins {

ATTNLAB_BUILTIN void __pipeline_memcpy_async(void* shared, const void* global, std::size_t bytes,
                                             std::size_t zero_fill = 0) {
  calls::copy_async(shared, global, bytes, zero_fill);
}
ATTNLAB_BUILTIN void __pipeline_commit() { calls::commit_copies(); }
ATTNLAB_BUILTIN void __pipeline_wait_prior(std::size_t groups_left) {
  calls::wait_for_copies(static_cast<unsigned>(groups_left));
}

}  // namespace attnlab::emulator::builtins
