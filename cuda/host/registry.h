// Every kernel of this folder: the one table that tests, measurements, the command line and docs/ladder.md
// are made from. A new rung is its file, its row here and its line in backend.cu.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "cuda/host/params.h"

namespace attnlab::cuda {

enum class Pass { softmax, forward, backward };

// A launch's shape, from which the traffic follows.
struct Geometry {
  int br = 0, bc = 0;  // rows and columns of a tile of scores; softmax: rows a block
  int threads = 0;     // a block
  std::size_t shared_bytes = 0;
};

struct Kernel {
  const char* name;  // "flash2-04"
  const char* file;  // from the project's root
  const char* title;
  const char* paper;
  const char* idea;   // what is better than one rung below
  const char* limit;  // what still limits it
  Pass pass;
  int launches, launches_narrow;  // CUDA kernels that one run launches; for 16-bit types
  bool whole_rows;                // a row's softmax is taken at once, not tile after tile
  // By head_dim, one of kHeadDims. Softmax: the argument is ignored. Kernels launched in several steps: the
  // step with the largest block.
  Geometry (*geometry)(int head_dim);
  // fp32 intermediates of one launch. Null: none.
  std::size_t (*workspace_bytes)(const AttentionParams&);

  // Larger = better suited; below 0: cannot run with so much shared memory a block.
  int fitness(const AttentionParams& params, std::size_t shared_bytes_a_block) const;
};

inline constexpr int kHeadDims[] = {32, 64, 80, 96, 128, 256};
inline constexpr ElementType kElementTypes[] = {ElementType::f32, ElementType::f16, ElementType::bf16};

std::span<const Kernel> kernels();
// Throws InvalidArgument listing the names when there is no such kernel.
const Kernel& find_kernel(std::string_view name);
// The fittest of a pass. Throws InvalidArgument when none can run.
const Kernel& fittest_kernel(Pass pass, const AttentionParams& params, std::size_t shared_bytes_a_block);

// The kernel's line in docs/ladder.md: | name | file | idea | what still limits it | paper |
std::string ladder_row(const Kernel& kernel);

// As files and command lines spell it: "fp32", "fp16", "bf16".
const char* name(ElementType type);
int bytes(ElementType type);

}  // namespace attnlab::cuda
