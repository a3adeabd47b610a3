#include "simulator/device/roofline.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "reference/core/errors.h"

namespace attnlab::device {
namespace {

double amount(const char* argument, double value) {
  if (!std::isfinite(value) || value < 0)
    throw InvalidArgument(argument, fmt::format("{}", value), "a finite amount of at least 0");
  return value;
}

}  // namespace

std::string_view name(Bound bound) {
  switch (bound) {
    case Bound::memory:
      return "memory";
    case Bound::tensor:
      return "tensor";
    case Bound::exp:
      return "exp";
    case Bound::vector:
      return "vector";
  }
  throw InvalidArgument("bound", std::to_string(static_cast<int>(bound)), "a value of the enumeration");
}

double Roofline::seconds() const { return std::max({memory_s, tensor_s, exp_s, vector_s}); }

Bound Roofline::bound() const {
  const double longest = seconds();
  if (memory_s == longest) return Bound::memory;
  if (tensor_s == longest) return Bound::tensor;
  return exp_s == longest ? Bound::exp : Bound::vector;
}

Roofline roofline(const Device& device, const Work& work) {
  Roofline time;
  time.memory_s = amount("hbm_bytes", work.hbm_bytes) / device.hbm_bandwidth;
  time.exp_s = amount("exp", work.exp) / device.exp_rate;
  time.vector_s = amount("other_flops", work.other_flops) / device.vector_flops.at(Arithmetic::fp32);
  for (const auto& [arithmetic, flops] : work.matmul_flops) {
    const auto tensor = device.tensor_flops.find(arithmetic);
    const auto vector = device.vector_flops.find(arithmetic);
    if (tensor != device.tensor_flops.end()) {
      time.tensor_s += amount("matmul_flops", flops) / tensor->second;
    } else if (vector != device.vector_flops.end()) {
      time.vector_s += amount("matmul_flops", flops) / vector->second;
    } else {
      throw InvalidArgument("matmul_flops", std::string(name(arithmetic)),
                            "a type that " + device.name + " multiplies");
    }
  }
  return time;
}

}  // namespace attnlab::device
