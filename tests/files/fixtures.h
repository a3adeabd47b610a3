// The arrays that data/make_fixtures.py wrote with NumPy and safetensors.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "files/tensor.h"

inline std::filesystem::path fixture(const std::string& name) {
  return std::filesystem::path(ATTNLAB_SOURCE_DIR) / "tests/files/data" / name;
}

// The script's array, in double and rounded here.
inline attnlab::files::Tensor fixture_tensor(attnlab::DType type, std::vector<attnlab::Index> shape,
                                             std::string name) {
  using attnlab::DType;
  const bool is_unsigned =
      type == DType::u64 || type == DType::u32 || type == DType::u16 || type == DType::u8;
  const auto count = static_cast<std::size_t>(attnlab::files::element_count(shape).value());
  std::vector<double> values;
  for (std::size_t i = 0; i < count; ++i) {
    const auto x = static_cast<double>(i);
    values.push_back(type == DType::boolean    ? (i % 3 == 0 ? 1 : 0)
                     : attnlab::is_float(type) ? (7 * x - 20) / 16
                     : is_unsigned             ? 3 * x
                                               : 3 * x - 4);
  }
  return attnlab::files::Tensor::from(std::span<const double>(values), std::move(shape), type,
                                      std::move(name));
}

// The types by the script's names for them.
inline const std::vector<std::pair<std::string, attnlab::DType>>& numpy_types() {
  using enum attnlab::DType;
  static const std::vector<std::pair<std::string, attnlab::DType>> types = {
      {"f64", f64}, {"f32", f32}, {"f16", f16}, {"i64", i64}, {"i32", i32}, {"i16", i16},
      {"i8", i8},   {"u64", u64}, {"u32", u32}, {"u16", u16}, {"u8", u8},   {"bool", boolean}};
  return types;
}

inline const std::vector<std::pair<std::string, attnlab::DType>>& ml_dtypes() {
  using enum attnlab::DType;
  static const std::vector<std::pair<std::string, attnlab::DType>> types = {
      {"bf16", bf16}, {"e4m3", e4m3}, {"e5m2", e5m2}};
  return types;
}
