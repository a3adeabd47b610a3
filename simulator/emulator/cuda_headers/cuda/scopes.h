// What cuda::atomic, cuda::barrier and cuda::pipeline share: scopes and sizes with a promised alignment.
#pragma once

#include <cstddef>

#include "../host_defines.h"
#include "../vector_types.h"

namespace attnlab::emulator::builtins {
namespace cuda {

// libcu++'s copy of the standard library is the standard library.
namespace std {
using namespace ::std;
}

enum thread_scope { thread_scope_system, thread_scope_device, thread_scope_block, thread_scope_thread };

// A number of bytes, of which Alignment divides both addresses.
template <::std::size_t Alignment>
struct aligned_size_t {
  static constexpr ::std::size_t align = Alignment;
  ::std::size_t value;
  constexpr explicit aligned_size_t(::std::size_t bytes) : value(bytes) {}
  constexpr operator ::std::size_t() const { return value; }
};

}  // namespace cuda
}  // namespace attnlab::emulator::builtins
