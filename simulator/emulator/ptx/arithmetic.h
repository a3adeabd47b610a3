// The opcodes that PTX shares between integers and floating-point types, as each side decodes them.
#pragma once

#include "simulator/emulator/ptx/builder.h"

namespace attnlab::emulator::ptx {

void decode_integer_add(Builder& b);
void decode_integer_subtract(Builder& b);
void decode_integer_multiply(Builder& b);
void decode_integer_multiply_add(Builder& b);
void decode_integer_divide(Builder& b);
void decode_integer_minimum(Builder& b);
void decode_integer_maximum(Builder& b);
void decode_integer_negate(Builder& b);
void decode_integer_absolute(Builder& b);

// fp32 and fp64.
void decode_float_add(Builder& b);
void decode_float_subtract(Builder& b);
void decode_float_multiply(Builder& b);
void decode_float_fused(Builder& b);
void decode_float_divide(Builder& b);
void decode_float_minimum(Builder& b);
void decode_float_maximum(Builder& b);
void decode_float_negate(Builder& b);
void decode_float_absolute(Builder& b);
void decode_function(Builder& b);  // rcp, sqrt, rsqrt, ex2, lg2, sin, cos, tanh

// fp16, bf16, and pairs of them.
void decode_half_add(Builder& b);
void decode_half_subtract(Builder& b);
void decode_half_multiply(Builder& b);
void decode_half_fused(Builder& b);
void decode_half_minimum(Builder& b);
void decode_half_maximum(Builder& b);
void decode_half_negate(Builder& b);
void decode_half_absolute(Builder& b);
void decode_half_function(Builder& b);  // ex2, tanh

}  // namespace attnlab::emulator::ptx
