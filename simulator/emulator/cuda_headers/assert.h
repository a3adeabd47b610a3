// assert() in a kernel ends the launch with cudaErrorAssert; in host code it ends the program, as ever.
//
// Takes the C library's place, and <cassert>'s with it. May be included again and again: NDEBUG decides each
// time.
#include "simulator/emulator/builtins/assertion.h"

#undef assert
#ifdef NDEBUG
#define assert(condition) (static_cast<void>(0))
#else
#define assert(condition)                                                         \
  (static_cast<bool>(condition) ? static_cast<void>(0)                            \
                                : ::attnlab::emulator::calls::assertion_is_false( \
                                      #condition, __FILE__, __LINE__, __extension__ __PRETTY_FUNCTION__))
#endif
