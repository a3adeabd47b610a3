// What an attention algorithm moves between SMs, L2 and DRAM: its blocks' tiles replayed through the model of
// the memory hierarchy, without any arithmetic.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "simulator/memory/attention_launches.h"
#include "simulator/memory/memory_system.h"

namespace attnlab::memory {

struct ReplaySettings {
  Geometry geometry;
  std::uint64_t resident_blocks = 1;  // per SM
  // Of each SM; 0: tiles bypass the L1, as with TMA and cp.async.cg.
  std::uint64_t l1_bytes = 0;
  // Called some hundred times with the share of the blocks that have begun, in [0, 1]. May be empty.
  std::function<void(double)> progress;
};

// One kernel; its caches start empty, as Nsight Compute measures.
struct LaunchTraffic {
  std::string name;
  std::uint64_t blocks = 0;
  Counters counters;
  // Bytes that the texts ask for, by tensor (tensor_name): what the closed forms of simulator/io count.
  // Sectors that a tile touches in part make counters larger.
  std::array<std::uint64_t, kTensorCount> loaded{}, stored{}, reduced{};
};

// Every kernel of the pass, in order. Throws InvalidArgument as layout_of and the caches do, for tiles below
// 1, and for more than 2^32 blocks.
std::vector<LaunchTraffic> replay(attention::Algorithm algorithm, io::Pass pass,
                                  const attention::Problem& problem, const io::ElementSizes& sizes,
                                  attention::Tiles tiles, const ReplaySettings& settings);

// How many blocks of this pass an SM holds, at least 1: their operands' tiles in shared memory (Q, K and V;
// backward also dO), scores and results in registers as fp32 (S and O; backward P, dP, dK and dV), and 4
// warps each at least.
std::uint64_t resident_blocks(const device::Device& device, io::Pass pass, const attention::Problem& problem,
                              const io::ElementSizes& sizes, attention::Tiles tiles);

}  // namespace attnlab::memory
