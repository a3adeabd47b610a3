// The names of CUDA's errors, for messages.
#pragma once

namespace attnlab::emulator {

// Of a cudaError_t: "cudaErrorInvalidValue"; "unrecognized error code" for a number that is none.
const char* error_name(int error);

}  // namespace attnlab::emulator
