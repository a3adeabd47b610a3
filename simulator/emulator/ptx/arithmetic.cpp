// Which family an arithmetic instruction belongs to: its first type says so.
#include "simulator/emulator/ptx/arithmetic.h"

#include <array>

namespace attnlab::emulator::ptx {
namespace {

using Decode = void (*)(Builder&);

void by_type(Builder& b, Decode integer, Decode floating, Decode half) {
  const Type type = b.modifiers().type();
  const bool is_half = type == Type::f16 || type == Type::f16x2 || type == Type::bf16 || type == Type::bf16x2;
  const Decode decode = is_half ? half : type == Type::f32 || type == Type::f64 ? floating : integer;
  if (decode == nullptr) b.refuse("." + std::string(name(type)) + " is not supported here");
  decode(b);
}

constexpr std::array<Instruction, 18> kInstructions{{
    {"add", [](Builder& b) { by_type(b, decode_integer_add, decode_float_add, decode_half_add); }},
    {"sub",
     [](Builder& b) { by_type(b, decode_integer_subtract, decode_float_subtract, decode_half_subtract); }},
    {"mul",
     [](Builder& b) { by_type(b, decode_integer_multiply, decode_float_multiply, decode_half_multiply); }},
    {"mad", [](Builder& b) { by_type(b, decode_integer_multiply_add, decode_float_fused, nullptr); }},
    {"fma", [](Builder& b) { by_type(b, nullptr, decode_float_fused, decode_half_fused); }},
    {"div", [](Builder& b) { by_type(b, decode_integer_divide, decode_float_divide, nullptr); }},
    {"min",
     [](Builder& b) { by_type(b, decode_integer_minimum, decode_float_minimum, decode_half_minimum); }},
    {"max",
     [](Builder& b) { by_type(b, decode_integer_maximum, decode_float_maximum, decode_half_maximum); }},
    {"neg", [](Builder& b) { by_type(b, decode_integer_negate, decode_float_negate, decode_half_negate); }},
    {"abs",
     [](Builder& b) { by_type(b, decode_integer_absolute, decode_float_absolute, decode_half_absolute); }},
    {"rcp", [](Builder& b) { by_type(b, nullptr, decode_function, nullptr); }},
    {"sqrt", [](Builder& b) { by_type(b, nullptr, decode_function, nullptr); }},
    {"rsqrt", [](Builder& b) { by_type(b, nullptr, decode_function, nullptr); }},
    {"ex2", [](Builder& b) { by_type(b, nullptr, decode_function, decode_half_function); }},
    {"lg2", [](Builder& b) { by_type(b, nullptr, decode_function, nullptr); }},
    {"sin", [](Builder& b) { by_type(b, nullptr, decode_function, nullptr); }},
    {"cos", [](Builder& b) { by_type(b, nullptr, decode_function, nullptr); }},
    {"tanh", [](Builder& b) { by_type(b, nullptr, decode_function, decode_half_function); }},
}};

}  // namespace

std::span<const Instruction> arithmetic_instructions() { return kInstructions; }

}  // namespace attnlab::emulator::ptx
