#include "simulator/emulator/builtins/assertion.h"

#undef NDEBUG  // it hides the declaration of __assert_fail
#include <cassert>

#include "simulator/emulator/device_calls.h"

namespace attnlab::emulator::calls {

void assertion_is_false(const char* expression, const char* file, unsigned line, const char* function) {
  if (on_device()) assertion_failed(expression, file, line, __builtin_return_address(0));
  __assert_fail(expression, file, line, function);
}

}  // namespace attnlab::emulator::calls
