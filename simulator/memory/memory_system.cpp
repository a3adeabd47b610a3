#include "simulator/memory/memory_system.h"

#include <bit>

namespace attnlab::memory {
namespace {

unsigned count(unsigned mask) { return static_cast<unsigned>(std::popcount(mask)); }

}  // namespace

Counters& Counters::operator+=(const Counters& other) {
  l1_read_sectors += other.l1_read_sectors;
  l1_read_hits += other.l1_read_hits;
  l2_to_l1_sectors += other.l2_to_l1_sectors;
  l1_to_l2_sectors += other.l1_to_l2_sectors;
  l2_read_hits += other.l2_read_hits;
  dram_read_bytes += other.dram_read_bytes;
  dram_write_bytes += other.dram_write_bytes;
  l2_dirty_bytes += other.l2_dirty_bytes;
  return *this;
}

MemorySystem::MemorySystem(const Geometry& g, std::uint64_t l1_bytes) : l2_(g), partitions_(g.l2_partitions) {
  if (l1_bytes >= (g.l1_spare_lines + 1) * kLineBytes) l1_.assign(g.sms, L1Cache(l1_bytes, g.l1_spare_lines));
}

bool MemorySystem::request(std::size_t sm, RequestKind kind, std::span<const LinePart> lines) {
  // A request to several lines: what it will read is first fetched into the processor's caches, all at once;
  // the L1 at the beginning of the SM's turn.
  if (lines.size() > 1) {
    if (sm != turn_ && !l1_.empty()) l1_[sm].prefetch();
    turn_ = sm;
    for (const auto& [line, mask] : lines) l2_.prefetch(side_of(sm), line);
  }
  bool waits = false;
  for (const auto& [line, mask] : lines)
    if (access(sm, kind, line, mask)) waits = true;
  return waits;
}

bool MemorySystem::access(std::size_t sm, RequestKind kind, std::uint32_t line, unsigned mask) {
  switch (kind) {
    case RequestKind::load:
      return load(sm, line, mask);
    case RequestKind::load_bypass:
      load_from_l2(sm, line, mask);
      return true;
    case RequestKind::store:
      store(sm, line, mask);
      return false;
    case RequestKind::atomic:
    case RequestKind::reduction:
      update(sm, kind, line, mask);
  }
  return kind == RequestKind::atomic;
}

bool MemorySystem::load(std::size_t sm, std::uint32_t line, unsigned mask) {
  counters_.l1_read_sectors += count(mask);
  if (!l1_.empty()) {
    const unsigned hits = l1_[sm].load(line, mask);
    counters_.l1_read_hits += count(hits);
    mask &= ~hits;
  }
  if (mask != 0) load_from_l2(sm, line, mask);
  return mask != 0;
}

void MemorySystem::load_from_l2(std::size_t sm, std::uint32_t line, unsigned mask) {
  counters_.l2_to_l1_sectors += count(mask);
  counters_.l2_read_hits += count(l2_.load(side_of(sm), line, mask));
}

void MemorySystem::store(std::size_t sm, std::uint32_t line, unsigned mask) {
  counters_.l1_to_l2_sectors += count(mask);
  if (!l1_.empty()) l1_[sm].store(line, mask);
  l2_.store(line, mask);
}

void MemorySystem::update(std::size_t sm, RequestKind kind, std::uint32_t line, unsigned mask) {
  counters_.l1_to_l2_sectors += count(mask);
  if (!l1_.empty()) l1_[sm].invalidate(line, mask);
  const unsigned hits = l2_.update(line, mask);
  if (kind != RequestKind::atomic) return;
  counters_.l2_to_l1_sectors += count(mask);
  counters_.l2_read_hits += count(hits);
}

Counters MemorySystem::counters() const {
  Counters all = counters_;
  all.dram_read_bytes = l2_.dram_sectors_read() * kSectorBytes;
  all.dram_write_bytes = l2_.dram_sectors_written() * kSectorBytes;
  all.l2_dirty_bytes = l2_.dirty_sectors() * kSectorBytes;
  return all;
}

}  // namespace attnlab::memory
