// The L1 of every SM, the L2 and DRAM together. Warp requests go through it line by line, and are counted.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "simulator/memory/geometry.h"
#include "simulator/memory/l1_cache.h"
#include "simulator/memory/l2_cache.h"
#include "simulator/memory/request_stream.h"

namespace attnlab::memory {

// Of one kernel. Nsight Compute's names are in the comments. A sector is 32 bytes.
struct Counters {
  std::uint64_t l1_read_sectors = 0;   // of loads that do not bypass the L1
  std::uint64_t l1_read_hits = 0;      // of these, hits
  std::uint64_t l2_to_l1_sectors = 0;  // l1tex__m_xbar2l1tex_read_sectors: misses, bypasses, atomics' results
  std::uint64_t l1_to_l2_sectors = 0;  // l1tex__m_l1tex2xbar_write_sectors: stores, atomics and reductions
  std::uint64_t l2_read_hits = 0;      // of l2_to_l1_sectors, hits in the L2
  std::uint64_t dram_read_bytes = 0;   // dram__bytes_read
  std::uint64_t dram_write_bytes = 0;  // dram__bytes_write
  std::uint64_t l2_dirty_bytes = 0;    // written, still in the L2 when the kernel ended
  friend bool operator==(const Counters&, const Counters&) = default;
  Counters& operator+=(const Counters& other);
};

class MemorySystem {
 public:
  // l1_bytes: of each SM, spare lines included; when nothing is left beside these, every load bypasses the
  // L1. Throws InvalidArgument as the caches do.
  MemorySystem(const Geometry& geometry, std::uint64_t l1_bytes);

  // A request of an SM; no mask is 0. Returns whether the SM waits for the L2.
  bool request(std::size_t sm, RequestKind kind, std::span<const LinePart> lines);

  Counters counters() const;

 private:
  bool access(std::size_t sm, RequestKind kind, std::uint32_t line, unsigned mask);
  // SMs lie in pairs on one side of the L2 or the other.
  unsigned side_of(std::size_t sm) const { return static_cast<unsigned>(sm / 2 % partitions_); }
  bool load(std::size_t sm, std::uint32_t line, unsigned mask);
  void load_from_l2(std::size_t sm, std::uint32_t line, unsigned mask);
  void store(std::size_t sm, std::uint32_t line, unsigned mask);
  void update(std::size_t sm, RequestKind kind, std::uint32_t line, unsigned mask);

  std::vector<L1Cache> l1_;  // one per SM, or none
  L2Cache l2_;
  unsigned partitions_;
  std::size_t turn_ = SIZE_MAX;  // the SM of the last request
  Counters counters_;
};

}  // namespace attnlab::memory
