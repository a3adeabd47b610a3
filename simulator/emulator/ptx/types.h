// The types that PTX instructions name (.u32, .f16x2, ...) and their widths.
#pragma once

#include <optional>
#include <string_view>

namespace attnlab::emulator::ptx {

enum class Type {
  pred,
  b8,
  b16,
  b32,
  b64,
  b128,
  u8,
  u16,
  u32,
  u64,
  s8,
  s16,
  s32,
  s64,
  f16,
  f16x2,
  bf16,
  bf16x2,
  tf32,
  e4m3,
  e5m2,
  e4m3x2,
  e5m2x2,
  f32,
  f64,
};

// The type of a modifier without its dot ("u32"), if it is one.
std::optional<Type> type_named(std::string_view name);
std::string_view name(Type type);

// Bits of a register of the type; 1 for a predicate.
unsigned bits(Type type);
bool is_signed(Type type);   // s8 to s64
bool is_integer(Type type);  // b, u and s of 8 to 64 bits
bool is_float(Type type);    // every scalar floating-point type

}  // namespace attnlab::emulator::ptx
