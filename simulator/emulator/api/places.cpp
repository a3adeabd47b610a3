#include "simulator/emulator/api/places.h"

#include <fmt/format.h>

#include <cstdint>

#include "simulator/emulator/api/errors.h"
#include "simulator/emulator/machine/global_memory.h"

namespace attnlab::emulator::api {
namespace {

using global_memory::Allocation;

bool within(std::span<const std::byte> range, const void* pointer, std::size_t bytes) {
  const auto offset =
      reinterpret_cast<std::uintptr_t>(pointer) - reinterpret_cast<std::uintptr_t>(range.data());
  return offset < range.size() && bytes <= range.size() - offset;
}

}  // namespace

bool in_variables(const void* pointer) {
  return within(global_memory::device_variables(), pointer, 0) ||
         within(global_memory::constant_variables(), pointer, 0);
}

Place place_of(const void* pointer, std::size_t bytes) {
  if (pointer == nullptr) return Place::none;
  if (global_memory::contains(pointer)) {
    const Allocation* found = global_memory::find_live(pointer, bytes);
    if (found == nullptr) return Place::none;
    return found->kind == global_memory::Kind::device ? Place::device : Place::both;
  }
  if (!in_variables(pointer)) return Place::host;
  const bool whole = within(global_memory::device_variables(), pointer, bytes) ||
                     within(global_memory::constant_variables(), pointer, bytes);
  return whole ? Place::device : Place::none;
}

std::string describe(const void* pointer, std::size_t bytes) {
  if (pointer == nullptr) return "null";
  if (in_variables(pointer)) return "a device variable";
  if (!global_memory::contains(pointer)) return fmt::format("{} is host memory", pointer);
  const Allocation* found = global_memory::find(pointer);
  if (found == nullptr) return fmt::format("{} was never allocated", pointer);
  const auto begin = reinterpret_cast<std::uintptr_t>(pointer);
  const std::string what = fmt::format("a {} of {} bytes", global_memory::name(found->kind), found->bytes);
  if (begin < found->begin)
    return fmt::format("{} is {} bytes before {}", pointer, found->begin - begin, what);
  if (begin > found->end())
    return fmt::format("{} is {} bytes past the end of {}", pointer, begin - found->end(), what);
  if (!found->live) return fmt::format("{} is in {} that was freed", pointer, what);
  const std::size_t offset = begin - found->begin;
  if (bytes > found->bytes - offset) return fmt::format("{} bytes at byte {} of {}", bytes, offset, what);
  return fmt::format("{} is in {}", pointer, what);
}

cudaError_t refuse_stream(const char* function, const void* caller) {
  return refuse(cudaErrorInvalidResourceHandle, function, caller, "not a stream, or destroyed");
}

}  // namespace attnlab::emulator::api
