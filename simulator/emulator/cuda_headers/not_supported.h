// For headers of libraries that the emulator does not have: a program that includes them builds, and a
// function of theirs that it calls answers "not supported" in that library's code. Their types are as far as
// calls need them.
#pragma once

#include "cuda_runtime_api.h"

namespace attnlab::emulator::api {
// Notes that the program called a function of a library that is not there: a finding.
void library_call(const char* function);
}  // namespace attnlab::emulator::api

// Functions by name: any arguments, always the same answer.
#define ATTNLAB_NOT_SUPPORTED(name, Status, answer) \
  template <class... Arguments>                     \
  inline Status name(const Arguments&...) {         \
    ::attnlab::emulator::api::library_call(#name);  \
    return answer;                                  \
  }
