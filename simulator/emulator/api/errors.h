// The errors of the runtime API: the last one of a thread, and the failure after which nothing works any
// more.
#pragma once

#include "simulator/emulator/cuda_headers/driver_types.h"

namespace attnlab::emulator {

// Remembers the result of a launch (a cudaError_t; success has no effect). After a kernel that failed, or was
// stopped because it needs something that is not supported, every call that needs the device answers with
// that error: what the kernel computed is incomplete, and everything after it is in doubt.
void set_last_error(int error);

// The error with which such calls end, 0 if no kernel failed.
int sticky_error();

// Called for every API call that was refused because of its arguments, with the code, the function, one line
// that says why, and the caller's address; with code 0 for calls to libraries that are not there. It is
// add_refused_call (runtime/session.h) unless another observer is set. set_refusal_observer returns the one
// before.
using RefusalObserver = void (*)(int error, const char* function, const char* why, const void* caller);
RefusalObserver set_refusal_observer(RefusalObserver observer);

}  // namespace attnlab::emulator

namespace attnlab::emulator::api {

// The result of a call that needs the device and whose arguments are good: success, or the sticky error.
cudaError_t done();

// Makes error the thread's last one and returns it. refuse also tells the observer.
cudaError_t fail(cudaError_t error);
[[gnu::format(printf, 4, 5)]] cudaError_t refuse(cudaError_t error, const char* function, const void* caller,
                                                 const char* why, ...);

// The device was reset: after a failure CUDA's answer is from then on that no device is available.
void note_reset();

// For the tests: as if the process had just begun.
void forget_errors();

}  // namespace attnlab::emulator::api
