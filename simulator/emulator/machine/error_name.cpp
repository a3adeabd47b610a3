#include "simulator/emulator/machine/error_name.h"

#include "simulator/emulator/cuda_headers/driver_types.h"

namespace attnlab::emulator {

const char* error_name(int error) {
  switch (error) {
#define ATTNLAB_CUDA_NAME(name, number, description) \
  case number:                                       \
    return #name;
    ATTNLAB_CUDA_ERRORS(ATTNLAB_CUDA_NAME)
#undef ATTNLAB_CUDA_NAME
  }
  return "unrecognized error code";
}

}  // namespace attnlab::emulator
