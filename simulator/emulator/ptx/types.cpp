#include "simulator/emulator/ptx/types.h"

#include <array>

namespace attnlab::emulator::ptx {
namespace {

struct Row {
  Type type;
  std::string_view name;
  unsigned bits;
};
constexpr std::array<Row, 25> kRows{{
    {Type::pred, "pred", 1},      {Type::b8, "b8", 8},          {Type::b16, "b16", 16},
    {Type::b32, "b32", 32},       {Type::b64, "b64", 64},       {Type::b128, "b128", 128},
    {Type::u8, "u8", 8},          {Type::u16, "u16", 16},       {Type::u32, "u32", 32},
    {Type::u64, "u64", 64},       {Type::s8, "s8", 8},          {Type::s16, "s16", 16},
    {Type::s32, "s32", 32},       {Type::s64, "s64", 64},       {Type::f16, "f16", 16},
    {Type::f16x2, "f16x2", 32},   {Type::bf16, "bf16", 16},     {Type::bf16x2, "bf16x2", 32},
    {Type::tf32, "tf32", 32},     {Type::e4m3, "e4m3", 8},      {Type::e5m2, "e5m2", 8},
    {Type::e4m3x2, "e4m3x2", 16}, {Type::e5m2x2, "e5m2x2", 16}, {Type::f32, "f32", 32},
    {Type::f64, "f64", 64},
}};

}  // namespace

std::optional<Type> type_named(std::string_view name) {
  for (const Row& row : kRows)
    if (row.name == name) return row.type;
  return std::nullopt;
}
std::string_view name(Type type) { return kRows[static_cast<std::size_t>(type)].name; }
unsigned bits(Type type) { return kRows[static_cast<std::size_t>(type)].bits; }
bool is_signed(Type type) { return type >= Type::s8 && type <= Type::s64; }
bool is_integer(Type type) { return type >= Type::b8 && type <= Type::s64 && type != Type::b128; }
bool is_float(Type type) {
  return type == Type::f16 || type == Type::bf16 || type == Type::tf32 || type == Type::e4m3 ||
         type == Type::e5m2 || type == Type::f32 || type == Type::f64;
}

}  // namespace attnlab::emulator::ptx
