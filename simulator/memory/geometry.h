// The sizes of a GPU's caches, and what the model of them assumes where nothing is published.
#pragma once

#include <cstdint>

#include "simulator/device/device.h"

namespace attnlab::memory {

struct Geometry {
  std::uint64_t sms = 1;
  std::uint64_t sram_bytes_per_sm = 0;    // L1 and shared memory together
  std::uint64_t shared_bytes_per_sm = 0;  // the most of it that can be shared memory
  std::uint64_t l2_bytes = 0;

  // Lines of the L1 that keep nothing for long. An H200 of 1,792 lines that loads 1,792 to 7,168 at random
  // hits like one of 1,724 to 1,743, and begins to miss at some 50 lines less than its L1 has, whatever the
  // carve-out (cuda/probes/h200_probe.csv).
  unsigned l1_spare_lines = 56;
  unsigned l2_ways = 16;
  // The L2 of GA100 and GH100 is two partitions (l2_cache.h). 1: one cache.
  unsigned l2_partitions = 2;
  // The share of the L2 that is used: less, for asking what a smaller one would do.
  double l2_effective_fraction = 1;
  // Whether addresses are spread over the sets of the L2 by a hash (every GPU does) or plainly modulo.
  bool l2_hashed = true;
  // What a miss in the L2 reads from DRAM: 32 or 64 bytes, aligned. An H200's kernel that reads rows of odd
  // numbers of sectors (a causal P V) reads the 64: 33,024 bytes more than its sectors at N 1024.
  unsigned dram_bytes = 64;
  // How many requests an SM takes from one resident block before it turns to the next, on average, if they
  // all wait for the L2; l2_wait times as many if they all hit in the L1.
  unsigned interleave = 8;
  // How much longer a load takes from the L2 than from the L1. Loads that wait for one another, on an H200:
  // 33 cycles, and 265 to 317 (cuda/probes/h200_probe.csv).
  unsigned l2_wait = 8;
};

Geometry geometry_of(const device::Device& device);

// The L1 that remains beside the shared memory that the driver carves out, one of the sizes of its list (CUDA
// C++ Programming Guide, compute capabilities 8.0 to 9.0: 32, 64, 100, 132, 164, 196 or 228 KB, up to the
// device's own maximum; 0, 8 and 16 KB were never seen). n resident blocks get the smallest that holds them,
// each with the 1 KB that the system keeps; up to half of the SRAM, the smallest that holds 2 n - 1 of them.
// The second half of this rule is read off nine kernels' launches on an H200
// (launch__shared_mem_config_size), all of which it meets. Throws InvalidArgument when no carve-out holds the
// blocks.
std::uint64_t l1_bytes(const Geometry& geometry, std::uint64_t resident_blocks,
                       std::uint64_t shared_bytes_per_block);

// What DRAM reads for a launch beside its tensors: the kernel's machine code, once and whole, and the
// constants that come with a launch, among them its parameters. In 156 launches of up to 3 ms on an H200 what
// is neither tensor nor code is 2,304 bytes in the median, and between 1,984 and 3,840 in nine tenths of
// them. Launches of 8 ms and more read up to 131 KB besides, which no size of theirs explains.
std::uint64_t launch_read_bytes(std::uint64_t code_bytes);

// The most blocks of this much shared memory that an SM holds, by shared memory alone; 0 when not even one.
std::uint64_t blocks_that_fit(const Geometry& geometry, std::uint64_t shared_bytes_per_block);

}  // namespace attnlab::memory
