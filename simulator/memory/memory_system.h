// The L1 of every SM, the L2 and DRAM as one thing that warp requests go through, line by line, and its
// counts.
#pragma once

#include <cstdint>
#include <vector>

#include "simulator/memory/geometry.h"
#include "simulator/memory/l1_cache.h"
#include "simulator/memory/l2_cache.h"
#include "simulator/memory/request_stream.h"

namespace attnlab::memory {

// Of one kernel; in comments Nsight Compute's names. A sector is 32 bytes.
struct Counters {
  std::uint64_t l1_read_sectors = 0;   // of loads that look into the L1
  std::uint64_t l1_read_hits = 0;      // of these, found there
  std::uint64_t l2_to_l1_sectors = 0;  // l1tex__m_xbar2l1tex_read_sectors: misses, bypasses, atomics' results
  std::uint64_t l1_to_l2_sectors = 0;  // l1tex__m_l1tex2xbar_write_sectors: stores, atomics and reductions
  std::uint64_t l2_read_hits = 0;      // of l2_to_l1_sectors, those that the L2 had
  std::uint64_t dram_read_bytes = 0;   // dram__bytes_read
  std::uint64_t dram_write_bytes = 0;  // dram__bytes_write
  std::uint64_t l2_dirty_bytes = 0;    // written, still in the L2 when the kernel ended
  friend bool operator==(const Counters&, const Counters&) = default;
  Counters& operator+=(const Counters& other);
};

class MemorySystem {
 public:
  // l1_bytes: of each SM; 0: no L1, every load goes to the L2. Throws InvalidArgument as the caches do.
  MemorySystem(const Geometry& geometry, std::uint64_t l1_bytes);

  // One line of a request of an SM. mask: not 0.
  void access(std::size_t sm, RequestKind kind, std::uint32_t line, unsigned mask) {
    switch (kind) {
      case RequestKind::load:
        return load(sm, line, mask);
      case RequestKind::load_bypass:
        return load_from_l2(line, mask);
      case RequestKind::store:
        return store(sm, line, mask);
      case RequestKind::atomic:
      case RequestKind::reduction:
        return update(sm, kind, line, mask);
    }
  }

  Counters counters() const;

 private:
  void load(std::size_t sm, std::uint32_t line, unsigned mask);
  void load_from_l2(std::uint32_t line, unsigned mask);
  void store(std::size_t sm, std::uint32_t line, unsigned mask);
  void update(std::size_t sm, RequestKind kind, std::uint32_t line, unsigned mask);

  std::vector<L1Cache> l1_;  // one an SM, or none
  L2Cache l2_;
  Counters counters_;
};

}  // namespace attnlab::memory
