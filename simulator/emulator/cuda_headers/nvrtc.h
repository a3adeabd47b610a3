// Compiling kernels when the program runs: answers NVRTC_ERROR_BUILTIN_OPERATION_FAILURE; the emulator
// compiles kernels with the program.
#pragma once

#include "not_supported.h"

struct _nvrtcProgram;

namespace attnlab::emulator::builtins {

using nvrtcProgram = ::_nvrtcProgram*;

enum nvrtcResult {
  NVRTC_SUCCESS = 0,
  NVRTC_ERROR_OUT_OF_MEMORY = 1,
  NVRTC_ERROR_PROGRAM_CREATION_FAILURE = 2,
  NVRTC_ERROR_INVALID_INPUT = 3,
  NVRTC_ERROR_INVALID_PROGRAM = 4,
  NVRTC_ERROR_INVALID_OPTION = 5,
  NVRTC_ERROR_COMPILATION = 6,
  NVRTC_ERROR_BUILTIN_OPERATION_FAILURE = 7,
};

inline const char* nvrtcGetErrorString(nvrtcResult result) {
  return result == NVRTC_SUCCESS ? "NVRTC_SUCCESS" : "NVRTC is not supported by the emulator";
}

#define ATTNLAB_NVRTC(name) ATTNLAB_NOT_SUPPORTED(name, nvrtcResult, NVRTC_ERROR_BUILTIN_OPERATION_FAILURE)
ATTNLAB_NVRTC(nvrtcVersion)
ATTNLAB_NVRTC(nvrtcCreateProgram)
ATTNLAB_NVRTC(nvrtcDestroyProgram)
ATTNLAB_NVRTC(nvrtcCompileProgram)
ATTNLAB_NVRTC(nvrtcGetPTXSize)
ATTNLAB_NVRTC(nvrtcGetPTX)
ATTNLAB_NVRTC(nvrtcGetCUBINSize)
ATTNLAB_NVRTC(nvrtcGetCUBIN)
ATTNLAB_NVRTC(nvrtcGetProgramLogSize)
ATTNLAB_NVRTC(nvrtcGetProgramLog)
ATTNLAB_NVRTC(nvrtcAddNameExpression)
ATTNLAB_NVRTC(nvrtcGetLoweredName)
#undef ATTNLAB_NVRTC

}  // namespace attnlab::emulator::builtins
