// The errors of the runtime API: the last one of a thread, and those that stay.
#pragma once

#include "simulator/simt/cuda_headers/driver_types.h"

namespace attnlab::simt {

// Remembers the result of a launch (a cudaError_t; success has no effect). A kernel that failed, or was
// stopped because it needs something that is not supported, leaves an error that stays: what it computed is
// incomplete, and everything after it is in doubt.
void set_last_error(int error);

// The error that stays, 0 without one.
int sticky_error();

// Told of every call of the API that was refused because of its arguments: the code, the function, one line
// that says why, and the address in the program that called. Null: nobody is told.
using RefusalObserver = void (*)(int error, const char* function, const char* why, const void* caller);
void set_refusal_observer(RefusalObserver observer);

}  // namespace attnlab::simt

namespace attnlab::simt::api {

// The result of a call: success, or the error that stays. Every call that needs the device ends with it.
cudaError_t done();

// Makes error the thread's last one and returns it. refuse also tells the observer.
cudaError_t fail(cudaError_t error);
[[gnu::format(printf, 4, 5)]] cudaError_t refuse(cudaError_t error, const char* function, const void* caller,
                                                 const char* why, ...);

// For the tests: as if the process had just begun.
void forget_errors();

}  // namespace attnlab::simt::api
