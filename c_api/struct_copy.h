// Structs of callers that were compiled against another version of attnlab.h.
#pragma once

#include <cstddef>
#include <cstring>
#include <string>

#include "reference/core/errors.h"

namespace attnlab::c_api {

// The caller's struct with what it does not know as zeros. What this library does not know must be zero.
// Throws InvalidArgument naming the struct.
template <class T>
T copied(const T* given, const std::string& name) {
  if (given == nullptr) throw InvalidArgument(name, "NULL", "a struct");
  const std::size_t size = given->size;
  const auto* bytes = reinterpret_cast<const unsigned char*>(given);
  if (size <= sizeof(std::size_t) || size > 4096) {
    throw InvalidArgument(name + ".size", std::to_string(size),
                          "sizeof the struct, " + std::to_string(sizeof(T)));
  }
  for (std::size_t n = sizeof(T); n < size; ++n) {
    if (bytes[n] != 0) {
      throw InvalidArgument(name + ".size", std::to_string(size),
                            std::to_string(sizeof(T)) + ": this library knows no member beyond");
    }
  }
  T copy{};
  std::memcpy(&copy, given, size < sizeof(T) ? size : sizeof(T));
  return copy;
}

// Fills in as much of the caller's struct as it has.
template <class T>
void write_struct(T* given, const std::string& name, T values) {
  const T before = copied(given, name);
  values.size = before.size;
  std::memcpy(given, &values, before.size < sizeof(T) ? before.size : sizeof(T));
}

}  // namespace attnlab::c_api
