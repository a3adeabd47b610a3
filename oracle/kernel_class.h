// What a kernel's author declares about its arithmetic. The error budget follows from it (docs/oracle.md has
// the derivation): an honest kernel of the class stays within, whatever its tiling and order of sums.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "reference/core/dtype.h"
#include "reference/core/view.h"

namespace attnlab::oracle {

struct KernelClass {
  // Q, K, V and dO are rounded to this before the products; absent: used as stored. TF32 kernels say tf32().
  std::optional<FloatFormat> operands;
  // P and dS are rounded to this before the second products.
  FloatFormat p;
  bool sums_rounded_p = false;  // l adds P after its rounding; flash kernels add it before
  double p_scale = 1;           // P is multiplied by this before it is rounded (FP8 kernels: 256 or 448)
  double ds_scale = 1;          // so is dS; what is beyond the format's largest number becomes that
  // dK and dV of each query head are rounded to the output's type before those of a group are added, as by
  // FlashAttention-2 and PyTorch (csrc/flash_attn/flash_api.cpp: dk_expanded, then at::sum_out). Not so: they
  // are added in the accumulator.
  bool rounds_each_head = true;
  // Products and sums.
  FloatFormat accumulator;
  // Tensor cores align and truncate what they add: one ulp an addition instead of half of one.
  bool truncating = true;
  // Where S is stored between passes, if narrower than the accumulator (framework code, not flash kernels).
  std::optional<FloatFormat> scores;
  Index min_block_kv = 16;      // the narrowest tile of keys: sums are rescaled at most once per tile
  double exp_error = 0x1p-22;   // relative error of the exponential function: 2 ulp of fp32, CUDA's exp2f
  double tanh_error = 0x1p-11;  // of the softcap's: that of the GPU's tanh.approx
  // Outputs are rounded to this before they are stored in a wider type; absent: they are stored as computed.
  std::optional<FloatFormat> output;
  std::string name;  // "fp16 in, P fp16, fp32 accumulation"

  double accumulator_roundoff() const { return accumulator.unit_roundoff() * (truncating ? 2 : 1); }
};

// "fp32", "tf32", "bf16", ... Throws InvalidArgument(argument, ...) listing the names.
FloatFormat parse_format(const std::string& argument, std::string_view name);
FloatFormat tf32();  // 8 exponent bits, 10 mantissa bits

// The usual kernel for inputs of a type: P in the inputs' type (fp8: e4m3 scaled by 256), fp32 accumulation;
// fp32: fp32 throughout; fp64: fp64 throughout.
KernelClass usual_class(DType inputs);

}  // namespace attnlab::oracle
