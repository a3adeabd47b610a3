// A Python value as a C++ one, or an error that names the argument, the value and what was expected.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <string>
#include <type_traits>

#include "reference/core/errors.h"

namespace attnlab::python {

namespace nb = nanobind;

// What a value of this type is called; other types say it themselves.
template <class T>
std::string expectation() {
  if constexpr (std::is_same_v<T, bool>) return "True or False";
  if constexpr (std::is_unsigned_v<T>)
    return "an integer from 0 to 2^" + std::to_string(8 * sizeof(T)) + " - 1";
  if constexpr (std::is_integral_v<T>)
    return "an integer below 2^" + std::to_string(8 * sizeof(T) - 1) + " in magnitude";
  if constexpr (std::is_floating_point_v<T>) return "a number";
  if constexpr (std::is_same_v<T, std::string>) return "text";
  return "a value of another type";
}

// repr(value), cut short.
inline std::string shown(nb::handle value) {
  constexpr std::size_t kMost = 80;
  const std::string text = nb::cast<std::string>(nb::repr(value));
  return text.size() <= kMost ? text : text.substr(0, kMost) + "...";
}

// Throws InvalidArgument(key, ...).
template <class T>
T argument_as(const char* key, nb::handle value, const std::string& expected = expectation<T>()) {
  T result{};
  // Python's True is an integer, and its strings of digits are none.
  const bool boolean = PyBool_Check(value.ptr()) != 0 && std::is_arithmetic_v<T> && !std::is_same_v<T, bool>;
  if (boolean || !nb::try_cast(value, result)) throw InvalidArgument(key, shown(value), expected);
  return result;
}

// A number of threads; 0, or None, is one a core.
inline int threads_of(nb::handle value) {
  constexpr int kMost = 1024;
  const int threads = value.is_none() ? 0 : argument_as<int>("threads", value);
  if (threads < 0 || threads > kMost) {
    throw InvalidArgument("threads", std::to_string(threads), "0 (one a core) to " + std::to_string(kMost));
  }
  return threads;
}

}  // namespace attnlab::python
