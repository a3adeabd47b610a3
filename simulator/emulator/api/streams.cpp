// Streams and events: handles without queues, since everything is over when its call returns.
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>

#include "simulator/emulator/api/errors.h"
#include "simulator/emulator/api/places.h"
#include "simulator/emulator/cuda_headers/cuda_runtime_api.h"

namespace attnlab::emulator::api {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kLeastPriority = 0, kGreatestPriority = -5;

struct Stream {
  unsigned flags = 0;
  int priority = 0;
};

struct Event {
  unsigned flags = 0;
  bool recorded = false;
  Clock::time_point time{};
};

// Handles are numbers that are never used twice, so that one which was destroyed is known as such.
template <class Handle, class State>
class Table {
 public:
  Handle add(const State& state) {
    const std::lock_guard lock(mutex_);
    const auto handle = reinterpret_cast<Handle>(next_ += 16);
    states_[handle] = state;
    return handle;
  }
  bool remove(Handle handle) {
    const std::lock_guard lock(mutex_);
    return states_.erase(handle) > 0;
  }
  bool has(Handle handle) const {
    const std::lock_guard lock(mutex_);
    return states_.count(handle) > 0;
  }
  // Calls f(state); false if there is no such handle.
  template <class F>
  bool with(Handle handle, F f) {
    const std::lock_guard lock(mutex_);
    const auto found = states_.find(handle);
    if (found == states_.end()) return false;
    f(found->second);
    return true;
  }

 private:
  mutable std::mutex mutex_;
  std::map<Handle, State> states_;
  std::uintptr_t next_ = 0x1000;
};

// Never destroyed: a program's own static objects may still destroy streams while it ends.
Table<cudaStream_t, Stream>& streams() {
  static auto& table = *new Table<cudaStream_t, Stream>;
  return table;
}

Table<cudaEvent_t, Event>& events() {
  static auto& table = *new Table<cudaEvent_t, Event>;
  return table;
}

bool is_special(cudaStream_t stream) {
  return stream == nullptr || stream == cudaStreamLegacy || stream == cudaStreamPerThread;
}

cudaError_t refuse_event(const char* function, const void* caller) {
  return refuse(cudaErrorInvalidResourceHandle, function, caller, "not an event, or destroyed");
}

cudaError_t no_place(const char* function, const void* caller) {
  return refuse(cudaErrorInvalidValue, function, caller, "the result's place is null");
}

cudaError_t create(cudaStream_t* stream, unsigned flags, int priority, const char* function,
                   const void* caller) {
  if (const cudaError_t error = done(); error != cudaSuccess) return error;
  if (stream == nullptr) return no_place(function, caller);
  if (flags > cudaStreamNonBlocking)
    return refuse(cudaErrorInvalidValue, function, caller, "flags %u", flags);
  // CUDA moves a priority into the range.
  const int kept = priority > kLeastPriority      ? kLeastPriority
                   : priority < kGreatestPriority ? kGreatestPriority
                                                  : priority;
  *stream = streams().add({flags, kept});
  return cudaSuccess;
}

// What every call on a stream does that has nothing to wait for.
cudaError_t touch(cudaStream_t stream, const char* function, const void* caller) {
  if (const cudaError_t error = done(); error != cudaSuccess) return error;
  return is_stream(stream) ? cudaSuccess : refuse_stream(function, caller);
}

cudaError_t touch(cudaEvent_t event, const char* function, const void* caller) {
  if (const cudaError_t error = done(); error != cudaSuccess) return error;
  return events().has(event) ? cudaSuccess : refuse_event(function, caller);
}

}  // namespace

bool is_stream(cudaStream_t stream) { return is_special(stream) || streams().has(stream); }

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return create(stream, cudaStreamDefault, 0, "cudaStreamCreate", __builtin_return_address(0));
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return create(stream, flags, 0, "cudaStreamCreateWithFlags", __builtin_return_address(0));
}

cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int priority) {
  return create(stream, flags, priority, "cudaStreamCreateWithPriority", __builtin_return_address(0));
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const void* const caller = __builtin_return_address(0);
  if (const cudaError_t error = done(); error != cudaSuccess) return error;
  return streams().remove(stream) ? cudaSuccess : refuse_stream("cudaStreamDestroy", caller);
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return touch(stream, "cudaStreamSynchronize", __builtin_return_address(0));
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
  return touch(stream, "cudaStreamQuery", __builtin_return_address(0));
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags) {
  const void* const caller = __builtin_return_address(0);
  if (flags > cudaEventWaitExternal)
    return refuse(cudaErrorInvalidValue, "cudaStreamWaitEvent", caller, "flags %u", flags);
  const cudaError_t error = touch(stream, "cudaStreamWaitEvent", caller);
  return error != cudaSuccess ? error : touch(event, "cudaStreamWaitEvent", caller);
}

cudaError_t cudaStreamGetFlags(cudaStream_t stream, unsigned* flags) {
  const void* const caller = __builtin_return_address(0);
  const cudaError_t error = touch(stream, "cudaStreamGetFlags", caller);
  if (error != cudaSuccess) return error;
  if (flags == nullptr) return no_place("cudaStreamGetFlags", caller);
  *flags = 0;
  streams().with(stream, [&](const Stream& state) { *flags = state.flags; });
  return cudaSuccess;
}

cudaError_t cudaStreamGetPriority(cudaStream_t stream, int* priority) {
  const void* const caller = __builtin_return_address(0);
  const cudaError_t error = touch(stream, "cudaStreamGetPriority", caller);
  if (error != cudaSuccess) return error;
  if (priority == nullptr) return no_place("cudaStreamGetPriority", caller);
  *priority = 0;
  streams().with(stream, [&](const Stream& state) { *priority = state.priority; });
  return cudaSuccess;
}

cudaError_t cudaStreamSetAttribute(cudaStream_t stream, cudaStreamAttrID, const cudaStreamAttrValue* value) {
  const void* const caller = __builtin_return_address(0);
  if (value == nullptr) return refuse(cudaErrorInvalidValue, "cudaStreamSetAttribute", caller, "no value");
  return touch(stream, "cudaStreamSetAttribute", caller);
}

cudaError_t cudaStreamAttachMemAsync(cudaStream_t stream, void* pointer, std::size_t bytes, unsigned) {
  const void* const caller = __builtin_return_address(0);
  if (place_of(pointer, bytes) != Place::both) {
    return refuse(cudaErrorInvalidValue, "cudaStreamAttachMemAsync", caller, "%s, expected managed memory",
                  describe(pointer, bytes).c_str());
  }
  return touch(stream, "cudaStreamAttachMemAsync", caller);
}

cudaError_t cudaStreamAddCallback(cudaStream_t stream, cudaStreamCallback_t callback, void* user_data,
                                  unsigned flags) {
  const void* const caller = __builtin_return_address(0);
  if (callback == nullptr || flags != 0)
    return refuse(cudaErrorInvalidValue, "cudaStreamAddCallback", caller, "no function, or flags %u", flags);
  const cudaError_t error = touch(stream, "cudaStreamAddCallback", caller);
  if (error == cudaSuccess) callback(stream, cudaSuccess, user_data);
  return error;
}

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* user_data) {
  const void* const caller = __builtin_return_address(0);
  if (function == nullptr) return refuse(cudaErrorInvalidValue, "cudaLaunchHostFunc", caller, "no function");
  const cudaError_t error = touch(stream, "cudaLaunchHostFunc", caller);
  if (error == cudaSuccess) function(user_data);
  return error;
}

cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  if (const cudaError_t error = done(); error != cudaSuccess) return error;
  if (least != nullptr) *least = kLeastPriority;
  if (greatest != nullptr) *greatest = kGreatestPriority;
  return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, cudaEventDefault); }

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  const void* const caller = __builtin_return_address(0);
  if (const cudaError_t error = done(); error != cudaSuccess) return error;
  if (event == nullptr) return no_place("cudaEventCreate", caller);
  const bool interprocess = (flags & cudaEventInterprocess) != 0;
  if (flags > 7 || (interprocess && (flags & cudaEventDisableTiming) == 0))
    return refuse(cudaErrorInvalidValue, "cudaEventCreate", caller, "flags %u", flags);
  if (interprocess) return refuse(cudaErrorNotSupported, "cudaEventCreate", caller, "interprocess events");
  *event = events().add({flags, false, {}});
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return cudaEventRecordWithFlags(event, stream, cudaEventRecordDefault);
}

cudaError_t cudaEventRecordWithFlags(cudaEvent_t event, cudaStream_t stream, unsigned flags) {
  const void* const caller = __builtin_return_address(0);
  if (flags > cudaEventRecordExternal)
    return refuse(cudaErrorInvalidValue, "cudaEventRecord", caller, "flags %u", flags);
  const cudaError_t error = touch(stream, "cudaEventRecord", caller);
  if (error != cudaSuccess) return error;
  const bool known = events().with(event, [](Event& state) {
    state.recorded = true;
    state.time = Clock::now();
  });
  return known ? cudaSuccess : refuse_event("cudaEventRecord", caller);
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  return touch(event, "cudaEventQuery", __builtin_return_address(0));
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return touch(event, "cudaEventSynchronize", __builtin_return_address(0));
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  const void* const caller = __builtin_return_address(0);
  if (const cudaError_t error = done(); error != cudaSuccess) return error;
  if (milliseconds == nullptr) return no_place("cudaEventElapsedTime", caller);
  Event first, last;
  const bool known = events().with(start, [&](const Event& state) { first = state; }) &&
                     events().with(end, [&](const Event& state) { last = state; });
  if (!known) return refuse_event("cudaEventElapsedTime", caller);
  const bool timed = ((first.flags | last.flags) & cudaEventDisableTiming) == 0;
  if (!timed || !first.recorded || !last.recorded) {
    return refuse(cudaErrorInvalidResourceHandle, "cudaEventElapsedTime", caller,
                  timed ? "an event that was not recorded" : "an event without timing");
  }
  *milliseconds = std::chrono::duration<float, std::milli>(last.time - first.time).count();
  return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  const void* const caller = __builtin_return_address(0);
  if (const cudaError_t error = done(); error != cudaSuccess) return error;
  return events().remove(event) ? cudaSuccess : refuse_event("cudaEventDestroy", caller);
}

}  // namespace attnlab::emulator::api
