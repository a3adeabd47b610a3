#include "simulator/emulator/libraries/call.h"

#include "simulator/emulator/api/errors.h"
#include "simulator/emulator/api/places.h"
#include "simulator/emulator/machine/global_memory.h"
#include "simulator/emulator/runtime/session.h"

namespace attnlab::emulator::libraries {
namespace {

bool initialised(const void* data, std::size_t bytes, std::size_t columns, std::size_t pitch) {
  if (!global_memory::contains(data)) return true;
  for (std::size_t column = 0; column < columns; ++column) {
    if (!global_memory::initialised(static_cast<const std::byte*>(data) + column * pitch, bytes))
      return false;
  }
  return true;
}

}  // namespace

bool Call::expect(bool holds, const char* what) {
  if (!holds && good())
    error_ = api::refuse(api::cudaErrorInvalidValue, function_, caller_, "expected %s", what);
  return good();
}

bool Call::supported(bool known, const char* what) {
  if (!known && good()) error_ = api::refuse(api::cudaErrorNotSupported, function_, caller_, "%s", what);
  return good();
}

bool Call::in_device_memory(const char* name, const void* data, std::size_t bytes, std::size_t columns,
                            std::size_t pitch) {
  if (!good() || bytes == 0 || columns == 0) return good();
  if (error_ = api::done(); !good()) return false;  // a kernel failed before
  const std::size_t all = (columns - 1) * pitch + bytes;
  if (!api::on_gpu(api::place_of(data, all))) {
    error_ = api::refuse(api::cudaErrorIllegalAddress, function_, caller_,
                         "%s: %s, expected %zu bytes of device memory", name,
                         api::describe(data, all).c_str(), all);
  }
  return good();
}

bool Call::reads(const char* name, const void* data, std::size_t bytes, std::size_t columns,
                 std::size_t pitch) {
  if (in_device_memory(name, data, bytes, columns, pitch) && bytes != 0 &&
      !initialised(data, bytes, columns, pitch))
    add_library_read(function_, name, caller_);
  return good();
}

bool Call::writes(const char* name, const void* data, std::size_t bytes, std::size_t columns,
                  std::size_t pitch) {
  return in_device_memory(name, data, bytes, columns, pitch);
}

void Call::wrote(const void* data, std::size_t bytes, std::size_t columns, std::size_t pitch) const {
  if (!global_memory::contains(data) || bytes == 0) return;
  for (std::size_t column = 0; column < columns; ++column)
    global_memory::mark_initialised(static_cast<const std::byte*>(data) + column * pitch, bytes);
}

}  // namespace attnlab::emulator::libraries
