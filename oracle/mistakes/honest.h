// Runs of honest kernels, which a check must call right: random problems of everyday sizes, and long ones.
#pragma once

#include <vector>

#include "oracle/mistakes/zoo.h"
#include "reference/attention/attention.h"

namespace attnlab::oracle {

// Problem n of a fixed sequence: every type in turn, every option, ragged sizes, backward passes, classes
// with TF32 products and (`narrow`) fp16 sums.
ZooCase random_case(std::uint64_t n);
bool narrow(const ZooCase& c);

// 8k, 16k, 32k and 64k keys, causal and not, for each type; the last rows of Q.
std::vector<ZooCase> long_cases();

// An algorithm of the reference, in the inputs' type: fp32 or fp64 tensors.
Kernel reference_kernel(attention::Algorithm algorithm);

// Whether the check calls a kernel's outputs right. Kernels without `declared` are of the case's class.
Verdict judge(const Kernel& kernel, ZooTensors& tensors, const KernelClass* declared = nullptr,
              int threads = 1);
// The tile kernel of the case's class.
Kernel honest_kernel(const ZooCase& c, const ZooTensors& tensors);

}  // namespace attnlab::oracle
