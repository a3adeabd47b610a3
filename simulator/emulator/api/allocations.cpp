// cudaMalloc and its family, and what can be asked of a pointer.
#include <algorithm>
#include <cstdint>
#include <map>
#include <mutex>

#include "simulator/emulator/api/errors.h"
#include "simulator/emulator/api/places.h"
#include "simulator/emulator/cuda_headers/cuda_runtime_api.h"
#include "simulator/emulator/machine/global_memory.h"
#include "simulator/emulator/machine/gpu.h"

namespace attnlab::emulator::api {
namespace {

using global_memory::Allocation;
using global_memory::Kind;

cudaError_t allocate(void** pointer, std::size_t bytes, Kind kind, const char* function, const void* caller) {
  if (pointer == nullptr)
    return refuse(cudaErrorInvalidValue, function, caller, "the pointer's place is null");
  if (bytes == 0) {
    *pointer = nullptr;
    return cudaSuccess;
  }
  if (const cudaError_t error = done(); error != cudaSuccess) return error;
  if (kind == Kind::device) {
    const std::size_t used = global_memory::live_bytes(kind), all = gpu().device.hbm_bytes;
    if (used > all || bytes > all - used) {
      return refuse(cudaErrorMemoryAllocation, function, caller, "%zu bytes, %s has %zu of %zu left", bytes,
                    gpu().device.name.c_str(), all - std::min(used, all), all);
    }
  }
  void* const memory = global_memory::allocate(bytes, kind, caller);
  if (memory == nullptr) {
    return refuse(cudaErrorMemoryAllocation, function, caller,
                  "%zu bytes, the emulator has no addresses for them", bytes);
  }
  *pointer = memory;
  return cudaSuccess;
}

cudaError_t allocate_rows(void** pointer, std::size_t* pitch, cudaExtent extent, const char* function,
                          const void* caller) {
  const std::size_t row = (extent.width + kPitchAlignment - 1) / kPitchAlignment * kPitchAlignment;
  std::size_t bytes = 0;
  if (row < extent.width || __builtin_mul_overflow(row, extent.height, &bytes) ||
      __builtin_mul_overflow(bytes, extent.depth, &bytes)) {
    return refuse(cudaErrorInvalidValue, function, caller, "%zu x %zu x %zu bytes", extent.width,
                  extent.height, extent.depth);
  }
  const cudaError_t error = allocate(pointer, bytes, Kind::device, function, caller);
  if (error == cudaSuccess) *pitch = row;
  return error;
}

// Why a pointer cannot be freed.
const char* problem_of(const void* pointer) {
  if (!global_memory::contains(pointer)) return "not from cudaMalloc, cudaMallocManaged or cudaMallocHost";
  const Allocation* found = global_memory::find(pointer);
  const auto address = reinterpret_cast<std::uintptr_t>(pointer);
  if (found == nullptr || address < found->begin || address > found->end()) return "not an allocation";
  if (address != found->begin) return "not the beginning of its allocation";
  return found->live ? "allocated by another function" : "freed already";
}

cudaError_t release(void* pointer, std::initializer_list<Kind> kinds, const char* function,
                    const void* caller) {
  if (const cudaError_t error = done(); error != cudaSuccess || pointer == nullptr) return error;
  for (const Kind kind : kinds)
    if (global_memory::release(pointer, kind, caller)) return cudaSuccess;
  return refuse(cudaErrorInvalidValue, function, caller, "%p is %s", pointer, problem_of(pointer));
}

// The pool is a name without a thing behind it.
CUmemPoolHandle_st* pool_handle() { return reinterpret_cast<CUmemPoolHandle_st*>(std::uintptr_t{0x100}); }

std::mutex pool_mutex;
std::map<cudaMemPoolAttr, std::uint64_t> pool_values;

bool is_int(cudaMemPoolAttr attribute) { return attribute <= cudaMemPoolReuseAllowInternalDependencies; }

}  // namespace

cudaError_t cudaMalloc(void** pointer, std::size_t bytes) {
  return allocate(pointer, bytes, Kind::device, "cudaMalloc", __builtin_return_address(0));
}

cudaError_t cudaMallocManaged(void** pointer, std::size_t bytes, unsigned flags) {
  const void* const caller = __builtin_return_address(0);
  if (flags != cudaMemAttachGlobal && flags != cudaMemAttachHost)
    return refuse(cudaErrorInvalidValue, "cudaMallocManaged", caller, "flags %u", flags);
  return allocate(pointer, bytes, Kind::managed, "cudaMallocManaged", caller);
}

cudaError_t cudaMallocHost(void** pointer, std::size_t bytes, unsigned flags) {
  const void* const caller = __builtin_return_address(0);
  if (flags > 7) return refuse(cudaErrorInvalidValue, "cudaMallocHost", caller, "flags %u", flags);
  return allocate(pointer, bytes, Kind::pinned, "cudaMallocHost", caller);
}

cudaError_t cudaHostAlloc(void** pointer, std::size_t bytes, unsigned flags) {
  const void* const caller = __builtin_return_address(0);
  if (flags > 7) return refuse(cudaErrorInvalidValue, "cudaHostAlloc", caller, "flags %u", flags);
  return allocate(pointer, bytes, Kind::pinned, "cudaHostAlloc", caller);
}

cudaError_t cudaMallocPitch(void** pointer, std::size_t* pitch, std::size_t width, std::size_t height) {
  const void* const caller = __builtin_return_address(0);
  if (pitch == nullptr)
    return refuse(cudaErrorInvalidValue, "cudaMallocPitch", caller, "the pitch's place is null");
  return allocate_rows(pointer, pitch, {width, height, 1}, "cudaMallocPitch", caller);
}

cudaError_t cudaMalloc3D(cudaPitchedPtr* pitched, cudaExtent extent) {
  const void* const caller = __builtin_return_address(0);
  if (pitched == nullptr)
    return refuse(cudaErrorInvalidValue, "cudaMalloc3D", caller, "the pointer's place is null");
  cudaPitchedPtr result{nullptr, 0, extent.width, extent.height};
  const cudaError_t error = allocate_rows(&result.ptr, &result.pitch, extent, "cudaMalloc3D", caller);
  if (error == cudaSuccess) *pitched = result;
  return error;
}

cudaError_t cudaMallocAsync(void** pointer, std::size_t bytes, cudaStream_t stream) {
  const void* const caller = __builtin_return_address(0);
  if (!is_stream(stream)) return refuse_stream("cudaMallocAsync", caller);
  return allocate(pointer, bytes, Kind::device, "cudaMallocAsync", caller);
}

cudaError_t cudaFree(void* pointer) {
  return release(pointer, {Kind::device, Kind::managed}, "cudaFree", __builtin_return_address(0));
}

cudaError_t cudaFreeAsync(void* pointer, cudaStream_t stream) {
  const void* const caller = __builtin_return_address(0);
  if (!is_stream(stream)) return refuse_stream("cudaFreeAsync", caller);
  return release(pointer, {Kind::device}, "cudaFreeAsync", caller);
}

cudaError_t cudaFreeHost(void* pointer) {
  return release(pointer, {Kind::pinned}, "cudaFreeHost", __builtin_return_address(0));
}

cudaError_t cudaHostRegister(void*, std::size_t, unsigned) {
  return refuse(cudaErrorNotSupported, "cudaHostRegister", __builtin_return_address(0),
                "kernels reach host memory only if it is from cudaMallocHost or cudaMallocManaged");
}

cudaError_t cudaHostUnregister(void*) {
  return refuse(cudaErrorHostMemoryNotRegistered, "cudaHostUnregister", __builtin_return_address(0),
                "nothing is registered");
}

cudaError_t cudaHostGetDevicePointer(void** device, void* host, unsigned flags) {
  const void* const caller = __builtin_return_address(0);
  if (const cudaError_t error = done(); error != cudaSuccess) return error;
  const Allocation* found = global_memory::find_live(host, 1);
  if (device == nullptr || flags != 0 || found == nullptr || found->kind != Kind::pinned)
    return refuse(cudaErrorInvalidValue, "cudaHostGetDevicePointer", caller, "%p is not pinned memory", host);
  *device = host;
  return cudaSuccess;
}

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  if (const cudaError_t error = done(); error != cudaSuccess) return error;
  const std::size_t all = gpu().device.hbm_bytes;
  if (total != nullptr) *total = all;
  if (free != nullptr) *free = all - std::min(all, global_memory::live_bytes(Kind::device));
  return cudaSuccess;
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer) {
  if (const cudaError_t error = done(); error != cudaSuccess) return error;
  if (attributes == nullptr) {
    return refuse(cudaErrorInvalidValue, "cudaPointerGetAttributes", __builtin_return_address(0),
                  "the attributes' place is null");
  }
  void* const p = const_cast<void*>(pointer);
  if (in_variables(pointer)) {
    *attributes = {cudaMemoryTypeDevice, 0, p, nullptr};
    return cudaSuccess;
  }
  const Allocation* found = global_memory::contains(pointer) ? global_memory::find_live(pointer, 1) : nullptr;
  if (found == nullptr) {
    *attributes = {cudaMemoryTypeUnregistered, cudaInvalidDeviceId, nullptr, p};
    return cudaSuccess;
  }
  switch (found->kind) {
    case Kind::device:
      *attributes = {cudaMemoryTypeDevice, 0, p, nullptr};
      break;
    case Kind::managed:
      *attributes = {cudaMemoryTypeManaged, 0, p, p};
      break;
    case Kind::pinned:
      *attributes = {cudaMemoryTypeHost, 0, p, p};
      break;
  }
  return cudaSuccess;
}

namespace {

cudaError_t managed_range(const void* pointer, std::size_t bytes, const char* function, const void* caller) {
  if (const cudaError_t error = done(); error != cudaSuccess) return error;
  const Allocation* found =
      global_memory::contains(pointer) ? global_memory::find_live(pointer, bytes) : nullptr;
  if (bytes > 0 && found != nullptr && found->kind == Kind::managed) return cudaSuccess;
  return refuse(cudaErrorInvalidValue, function, caller, "%zu bytes at %p are not managed memory", bytes,
                pointer);
}

cudaError_t prefetch(const void* pointer, std::size_t bytes, bool known_place, cudaStream_t stream,
                     const void* caller) {
  const char* const function = "cudaMemPrefetchAsync";
  if (!known_place) return refuse(cudaErrorInvalidDevice, function, caller, "there is only device 0");
  if (!is_stream(stream)) return refuse_stream(function, caller);
  return managed_range(pointer, bytes, function, caller);
}

}  // namespace

cudaError_t cudaMemAdvise(const void* pointer, std::size_t bytes, cudaMemoryAdvise, cudaMemLocation) {
  return managed_range(pointer, bytes, "cudaMemAdvise", __builtin_return_address(0));
}

cudaError_t cudaMemAdvise(const void* pointer, std::size_t bytes, cudaMemoryAdvise, int) {
  return managed_range(pointer, bytes, "cudaMemAdvise", __builtin_return_address(0));
}

cudaError_t cudaMemPrefetchAsync(const void* pointer, std::size_t bytes, cudaMemLocation location, unsigned,
                                 cudaStream_t stream) {
  const bool known = location.type != cudaMemLocationTypeDevice || location.id == 0;
  return prefetch(pointer, bytes, known, stream, __builtin_return_address(0));
}

cudaError_t cudaMemPrefetchAsync(const void* pointer, std::size_t bytes, int device, cudaStream_t stream) {
  const bool known = device == 0 || device == cudaCpuDeviceId;
  return prefetch(pointer, bytes, known, stream, __builtin_return_address(0));
}

cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t* pool, int device) {
  const void* const caller = __builtin_return_address(0);
  if (device != 0)
    return refuse(cudaErrorInvalidDevice, "cudaDeviceGetDefaultMemPool", caller, "device %d", device);
  if (pool == nullptr) return refuse(cudaErrorInvalidValue, "cudaDeviceGetDefaultMemPool", caller, "null");
  *pool = pool_handle();
  return done();
}

cudaError_t cudaDeviceGetMemPool(cudaMemPool_t* pool, int device) {
  return cudaDeviceGetDefaultMemPool(pool, device);
}

cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value) {
  const bool settable = attribute <= cudaMemPoolAttrReleaseThreshold;
  if (pool != pool_handle() || value == nullptr || !settable) {
    return refuse(cudaErrorInvalidValue, "cudaMemPoolSetAttribute", __builtin_return_address(0),
                  "attribute %d", attribute);
  }
  const std::lock_guard lock(pool_mutex);
  pool_values[attribute] = is_int(attribute) ? static_cast<std::uint64_t>(*static_cast<int*>(value))
                                             : *static_cast<std::uint64_t*>(value);
  return done();
}

cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value) {
  if (pool != pool_handle() || value == nullptr) {
    return refuse(cudaErrorInvalidValue, "cudaMemPoolGetAttribute", __builtin_return_address(0),
                  "attribute %d", attribute);
  }
  const std::lock_guard lock(pool_mutex);
  if (is_int(attribute)) {
    const auto set = pool_values.find(attribute);
    *static_cast<int*>(value) = set == pool_values.end() ? 1 : static_cast<int>(set->second);
  } else if (attribute == cudaMemPoolAttrReleaseThreshold) {
    *static_cast<std::uint64_t*>(value) = pool_values[attribute];
  } else {
    *static_cast<std::uint64_t*>(value) = global_memory::live_bytes(Kind::device);
  }
  return done();
}

cudaError_t cudaMemPoolTrimTo(cudaMemPool_t pool, std::size_t) {
  if (pool == pool_handle()) return done();
  return refuse(cudaErrorInvalidValue, "cudaMemPoolTrimTo", __builtin_return_address(0), "not a pool");
}

}  // namespace attnlab::emulator::api
