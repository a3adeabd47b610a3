// What a false assert() does, on the device and on the host.
#pragma once

namespace attnlab::emulator::calls {

[[noreturn]] void assertion_is_false(const char* expression, const char* file, unsigned line,
                                     const char* function);

}  // namespace attnlab::emulator::calls
