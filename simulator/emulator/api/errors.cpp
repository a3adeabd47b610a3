#include "simulator/emulator/api/errors.h"

#include <atomic>
#include <cstdarg>
#include <cstdio>

#include "simulator/emulator/cuda_headers/cuda_runtime_api.h"
#include "simulator/emulator/machine/error_name.h"
#include "simulator/emulator/runtime/session.h"

namespace attnlab::emulator {
namespace {

thread_local int last = 0;
std::atomic<int> sticky{0};
std::atomic<RefusalObserver> observer{add_refused_call};

// The codes after which CUDA asks for a new process; and 801, from a kernel that was stopped half-way.
bool stays(int error) {
  switch (error) {
    case api::cudaErrorECCUncorrectable:
    case api::cudaErrorNvlinkUncorrectable:
    case api::cudaErrorContained:
    case api::cudaErrorIllegalAddress:
    case api::cudaErrorLaunchTimeout:
    case api::cudaErrorAssert:
    case api::cudaErrorHardwareStackError:
    case api::cudaErrorIllegalInstruction:
    case api::cudaErrorMisalignedAddress:
    case api::cudaErrorInvalidAddressSpace:
    case api::cudaErrorInvalidPc:
    case api::cudaErrorLaunchFailure:
    case api::cudaErrorTensorMemoryLeak:
    case api::cudaErrorExternalDevice:
    case api::cudaErrorNotSupported:
      return true;
    default:
      return false;
  }
}

}  // namespace

void set_last_error(int error) {
  if (error == 0) return;
  last = error;
  int none = 0;
  if (stays(error)) sticky.compare_exchange_strong(none, error);  // the first is the cause
}

int sticky_error() { return sticky.load(); }

RefusalObserver set_refusal_observer(RefusalObserver value) { return observer.exchange(value); }

namespace api {

cudaError_t done() {
  const int error = sticky_error();
  if (error != 0) last = error;
  return static_cast<cudaError_t>(error);
}

cudaError_t fail(cudaError_t error) {
  last = error;
  return error;
}

cudaError_t refuse(cudaError_t error, const char* function, const void* caller, const char* why, ...) {
  char text[512];
  std::va_list arguments;
  va_start(arguments, why);
  std::vsnprintf(text, sizeof text, why, arguments);
  va_end(arguments);
  observer.load()(error, function, text, caller);
  return fail(error);
}

void library_call(const char* function) {
  observer.load()(cudaSuccess, function, "its library is not part of the emulator; the call did nothing",
                  __builtin_return_address(0));
}

void note_reset() {
  if (sticky_error() != 0) sticky = cudaErrorDevicesUnavailable;
}

void forget_errors() {
  last = 0;
  sticky = 0;
}

cudaError_t cudaGetLastError() {
  const cudaError_t error = cudaPeekAtLastError();
  last = 0;
  return error;
}

cudaError_t cudaPeekAtLastError() { return static_cast<cudaError_t>(last); }

const char* cudaGetErrorName(cudaError_t error) { return error_name(error); }

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
#define ATTNLAB_CUDA_DESCRIPTION(name, number, description) \
  case name:                                                \
    return description;
    ATTNLAB_CUDA_ERRORS(ATTNLAB_CUDA_DESCRIPTION)
#undef ATTNLAB_CUDA_DESCRIPTION
  }
  return "unrecognized error code";
}

}  // namespace api
}  // namespace attnlab::emulator
