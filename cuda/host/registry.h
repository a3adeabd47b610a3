// Every kernel of this folder: the rows (kernel.h) that the build found, and what can be asked of them. A new
// kernel is its two files, 06_name.cu and 06_name.h in its family's folder; nothing else names it.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cuda/host/kernel.h"
#include "reference/attention/problem.h"
#include "reference/core/errors.h"

namespace attnlab::cuda {

// In the order of the ladder: family by family, by number.
std::span<const Kernel> kernels();
// Throws InvalidArgument listing the names when there is no such kernel.
const Kernel& find_kernel(std::string_view name);

// What a problem asks of a kernel.
struct Need {
  DType dtype = DType::f32;
  Index head_dim = 0;  // softmax: 0
  Options options = {};
};
Need need_of(const attention::Problem& problem, DType dtype);
Need need_of(const AttentionParams& params);

// Why the kernel does not do what is needed, or not on this device: dtype, head_dim, the option's argument, or
// "device". Nothing when it does.
std::optional<InvalidArgument> refusal(const Kernel& kernel, const Need& need, const DeviceLimits& device);
// Throws the refusal if there is one.
void require(const Kernel& kernel, const Need& need, const DeviceLimits& device);

// Throws InvalidArgument unless the kernel can be compiled with these tiles, and they fit a block's shared memory.
void require_tiles(const Kernel& kernel, int head_dim, Tiles asked, const DeviceLimits& device);

// The last kernel of a pass, and so of its ladder, that does what is needed. Throws the first one's refusal when
// none does.
const Kernel& fittest_kernel(std::span<const Kernel> kernels, Pass pass, const Need& need,
                             const DeviceLimits& device);

// The names of a set of options, as lists show them: "causal", "window", ...
std::vector<std::string> names(Options options);
const char* name(Family family);
const char* name(Pass pass);
// "fp32, fp16 or bf16"; "32, 64 or 128".
std::string alternatives(std::span<const DType> dtypes);
std::string alternatives(std::span<const int> numbers);

// The kernel's line in docs/ladder.md: | name | file | idea | what still limits it | paper |
std::string ladder_row(const Kernel& kernel);

}  // namespace attnlab::cuda
