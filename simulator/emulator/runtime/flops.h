// Floating-point operations of compiled kernels, by kind: how many each basic block holds, read from the
// program's own machine code. Times the threads that entered the block, that is what ran.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

namespace attnlab::emulator {

struct BlockFlops {
  std::uint64_t fma = 0, add = 0, mul = 0;  // fp32 scalar instructions: FFMA, FADD (and subtraction), FMUL
  std::uint64_t special = 0;  // square roots and divisions, which a GPU does with its special functions
};

// For the code addresses that begin basic blocks (return addresses of __sanitizer_cov_trace_pc, and those of
// block_table()); others, and programs that objdump cannot read, have no entry.
std::map<std::uint32_t, BlockFlops> block_flops(const std::vector<std::uint32_t>& codes);

}  // namespace attnlab::emulator
