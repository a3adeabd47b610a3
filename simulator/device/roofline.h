// Roofline: the least time a device needs for counted work (Williams, Waterman and Patterson, "Roofline: an
// insightful visual performance model for multicore architectures", CACM 2009), with attention's exponentials
// as a roof of their own (FlashAttention-3, arXiv 2407.08608, section 3.1).
//
// Assumptions, all on the device's side: every unit runs at its peak rate on every SM, and memory traffic,
// tensor cores, special functions and ordinary arithmetic overlap perfectly, so that the slowest alone
// decides. Latency, launches and imbalance are not modelled: no kernel is faster, most are slower.
#pragma once

#include <map>
#include <string_view>

#include "simulator/device/device.h"

namespace attnlab::device {

// What an algorithm does on the whole device. Doubles, since only a time is made of them: FLOPs at a sequence
// of 2^30 exceed 64 bits.
struct Work {
  double hbm_bytes = 0;                       // read and written
  std::map<Arithmetic, double> matmul_flops;  // a multiply-add counted as 2, by the operands' type
  double exp = 0;                             // exponentials
  double other_flops = 0;                     // the rest (scale, max, sum, rescale), in fp32
};

enum class Bound { memory, tensor, exp, vector };

std::string_view name(Bound bound);

// The time each unit needs alone, in seconds.
struct Roofline {
  double memory_s = 0;
  double tensor_s = 0;
  double exp_s = 0;
  double vector_s = 0;

  double seconds() const;  // the largest
  Bound bound() const;     // whose it is; the first of equals
};

// Matrix multiplications run on tensor cores where the device has them for that type, else (fp32) on the
// ordinary cores, whose time they share with other_flops. Throws InvalidArgument for a type that the device
// has no unit for, and for an amount that is negative or not finite.
Roofline roofline(const Device& device, const Work& work);

}  // namespace attnlab::device
