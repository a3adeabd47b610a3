// __device__ and __constant__ variables by name: they lie in sections of the program, where the host can see
// them, but copies go through the same checks as on a GPU.
#include <cstdint>

#include "simulator/emulator/api/errors.h"
#include "simulator/emulator/api/places.h"
#include "simulator/emulator/cuda_headers/cuda_runtime_api.h"
#include "simulator/emulator/machine/global_memory.h"

namespace attnlab::emulator::api {
namespace {

cudaError_t not_a_symbol(const void* symbol, const char* function, const void* caller) {
  return refuse(cudaErrorInvalidSymbol, function, caller, "%p is no __device__ or __constant__ variable",
                symbol);
}

// How far a variable can reach whose type is not known.
std::size_t rest_of_section(const void* symbol) {
  for (const std::span<std::byte> range :
       {global_memory::device_variables(), global_memory::constant_variables()}) {
    const auto offset =
        reinterpret_cast<std::uintptr_t>(symbol) - reinterpret_cast<std::uintptr_t>(range.data());
    if (offset < range.size()) return range.size() - offset;
  }
  return 0;
}

cudaError_t check(const void* symbol, std::size_t size, std::size_t bytes, std::size_t offset, bool direction,
                  const char* function, const void* caller) {
  if (bytes == 0) return cudaSuccess;
  if (!in_variables(symbol)) return not_a_symbol(symbol, function, caller);
  if (!direction) return refuse(cudaErrorInvalidMemcpyDirection, function, caller, "the wrong direction");
  if (offset > size || bytes > size - offset) {
    return refuse(cudaErrorInvalidValue, function, caller, "%zu bytes at byte %zu of a variable of %zu",
                  bytes, offset, size);
  }
  return cudaSuccess;
}

}  // namespace
}  // namespace attnlab::emulator::api

namespace attnlab::emulator::api_detail {

cudaError_t copy_to_symbol(const void* symbol, std::size_t size, const void* src, std::size_t bytes,
                           std::size_t offset, cudaMemcpyKind kind, const char* function) {
  const void* const caller = __builtin_return_address(0);
  const bool direction =
      kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice || kind == cudaMemcpyDefault;
  const cudaError_t error = api::check(symbol, size, bytes, offset, direction, function, caller);
  if (error != cudaSuccess || bytes == 0) return error;
  auto* const place = static_cast<std::byte*>(const_cast<void*>(symbol)) + offset;
  return cudaMemcpy(place, src, bytes, kind);
}

cudaError_t copy_from_symbol(void* dst, const void* symbol, std::size_t size, std::size_t bytes,
                             std::size_t offset, cudaMemcpyKind kind, const char* function) {
  const void* const caller = __builtin_return_address(0);
  const bool direction =
      kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice || kind == cudaMemcpyDefault;
  const cudaError_t error = api::check(symbol, size, bytes, offset, direction, function, caller);
  if (error != cudaSuccess || bytes == 0) return error;
  return cudaMemcpy(dst, static_cast<const std::byte*>(symbol) + offset, bytes, kind);
}

cudaError_t symbol_size(std::size_t* bytes, const void* symbol, std::size_t size) {
  const void* const caller = __builtin_return_address(0);
  if (const cudaError_t error = api::done(); error != cudaSuccess) return error;
  if (bytes == nullptr) return api::refuse(cudaErrorInvalidValue, "cudaGetSymbolSize", caller, "null");
  if (!api::in_variables(symbol)) return api::not_a_symbol(symbol, "cudaGetSymbolSize", caller);
  *bytes = size;
  return cudaSuccess;
}

}  // namespace attnlab::emulator::api_detail

namespace attnlab::emulator::api {

cudaError_t cudaMemcpyToSymbol(const void* symbol, const void* src, std::size_t bytes, std::size_t offset,
                               cudaMemcpyKind kind) {
  return api_detail::copy_to_symbol(symbol, rest_of_section(symbol), src, bytes, offset, kind,
                                    "cudaMemcpyToSymbol");
}

cudaError_t cudaMemcpyToSymbolAsync(const void* symbol, const void* src, std::size_t bytes,
                                    std::size_t offset, cudaMemcpyKind kind, cudaStream_t) {
  return api_detail::copy_to_symbol(symbol, rest_of_section(symbol), src, bytes, offset, kind,
                                    "cudaMemcpyToSymbolAsync");
}

cudaError_t cudaMemcpyFromSymbol(void* dst, const void* symbol, std::size_t bytes, std::size_t offset,
                                 cudaMemcpyKind kind) {
  return api_detail::copy_from_symbol(dst, symbol, rest_of_section(symbol), bytes, offset, kind,
                                      "cudaMemcpyFromSymbol");
}

cudaError_t cudaMemcpyFromSymbolAsync(void* dst, const void* symbol, std::size_t bytes, std::size_t offset,
                                      cudaMemcpyKind kind, cudaStream_t) {
  return api_detail::copy_from_symbol(dst, symbol, rest_of_section(symbol), bytes, offset, kind,
                                      "cudaMemcpyFromSymbolAsync");
}

cudaError_t cudaGetSymbolAddress(void** pointer, const void* symbol) {
  const void* const caller = __builtin_return_address(0);
  if (const cudaError_t error = done(); error != cudaSuccess) return error;
  if (pointer == nullptr) return refuse(cudaErrorInvalidValue, "cudaGetSymbolAddress", caller, "null");
  if (!in_variables(symbol)) return not_a_symbol(symbol, "cudaGetSymbolAddress", caller);
  *pointer = const_cast<void*>(symbol);
  return cudaSuccess;
}

}  // namespace attnlab::emulator::api
