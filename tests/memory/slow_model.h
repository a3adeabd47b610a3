// The memory hierarchy once more, as plainly as it can be said: a map from lines to sectors, every use
// stamped, a search for the oldest. What the fast model must agree with.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "simulator/memory/memory_system.h"

namespace attnlab::testing {

struct SlowLine {
  std::array<bool, 4> valid{}, dirty{};
  std::uint64_t used = 0;
};

// One cache: lines by index. A line's set is its index modulo the number of sets.
struct SlowCache {
  std::uint64_t sets, ways;
  std::map<std::uint32_t, SlowLine> lines;
  std::uint64_t clock = 0;

  // The line, now the latest used; `evict` is called with the line that leaves for it.
  template <class Evict>
  SlowLine& use(std::uint32_t index, Evict evict) {
    if (!lines.contains(index)) {
      std::uint64_t in_set = 0;
      auto oldest = lines.end();
      for (auto it = lines.begin(); it != lines.end(); ++it) {
        if (it->first % sets != index % sets) continue;
        ++in_set;
        if (oldest == lines.end() || it->second.used < oldest->second.used) oldest = it;
      }
      if (in_set == ways) {
        evict(oldest->second);
        lines.erase(oldest);
      }
    }
    SlowLine& line = lines[index];
    line.used = ++clock;
    return line;
  }
};

class SlowSystem {
 public:
  // Not hashed.
  SlowSystem(const memory::Geometry& g, std::uint64_t l1_bytes) : fill_(g.dram_bytes / 32) {
    const std::uint64_t l1_lines = l1_bytes / 128, l1_ways = g.l1_ways == 0 ? l1_lines : g.l1_ways;
    for (std::uint64_t sm = 0; sm < g.sms; ++sm) {
      l1_.push_back({l1_lines == 0 ? 0 : l1_lines / l1_ways, l1_ways, {}, 0});
    }
    const auto bytes = static_cast<double>(g.l2_bytes) * g.l2_effective_fraction;
    l2_ = {static_cast<std::uint64_t>(bytes) / 128 / g.l2_ways, g.l2_ways, {}, 0};
  }

  void access(std::size_t sm, memory::RequestKind kind, std::uint32_t line, unsigned mask) {
    using memory::RequestKind;
    fetched_.clear();
    unsigned wanted = mask;  // of the L2
    if ((kind == RequestKind::load || kind == RequestKind::store) && l1_[sm].sets != 0) {
      SlowLine& l = l1_[sm].use(line, [](const SlowLine&) {});
      for (unsigned s = 0; s < 4; ++s) {
        if ((mask >> s & 1) == 0) continue;
        if (l.valid[s] && kind == RequestKind::load) {
          ++counters.l1_read_hits;
          wanted &= ~(1u << s);
        }
        l.valid[s] = true;
      }
    }
    if ((kind == RequestKind::atomic || kind == RequestKind::reduction) && l1_[sm].lines.contains(line)) {
      for (unsigned s = 0; s < 4; ++s) l1_[sm].lines[line].valid[s] &= (mask >> s & 1) == 0;
    }
    for (unsigned s = 0; s < 4; ++s) {
      if ((mask >> s & 1) == 0) continue;
      if (kind == RequestKind::load) ++counters.l1_read_sectors;
      if ((wanted >> s & 1) != 0) one_sector(kind, line, s);
    }
  }

  memory::Counters finish() {
    for (const auto& [index, line] : l2_.lines) {
      for (const bool dirty : line.dirty) counters.l2_dirty_bytes += dirty ? 32 : 0;
    }
    return counters;
  }

  memory::Counters counters;

 private:
  void one_sector(memory::RequestKind kind, std::uint32_t index, unsigned s) {
    using memory::RequestKind;
    const bool reads = kind == RequestKind::load || kind == RequestKind::load_bypass;
    SlowLine& line = l2_.use(index, [&](const SlowLine& old) {
      for (const bool dirty : old.dirty) counters.dram_write_bytes += dirty ? 32 : 0;
    });
    if (reads || kind == RequestKind::atomic) {
      ++counters.l2_to_l1_sectors;
      // A hit is what was there before the request: a pair that this very request has fetched does not count.
      counters.l2_read_hits += line.valid[s] && !fetched_now(index, s) ? 1 : 0;
    }
    if (!reads) ++counters.l1_to_l2_sectors;
    if (!line.valid[s] && kind != RequestKind::store) {
      const unsigned first = s / fill_ * fill_;
      for (unsigned t = first; t < first + fill_; ++t) {
        if (line.valid[t]) continue;
        counters.dram_read_bytes += 32;
        line.valid[t] = true;
        fetched_.push_back({index, t});
      }
    }
    line.valid[s] = true;
    line.dirty[s] = line.dirty[s] || !reads;
  }
  bool fetched_now(std::uint32_t index, unsigned s) const {
    for (const auto& [line, sector] : fetched_) {
      if (line == index && sector == s) return true;
    }
    return false;
  }

  unsigned fill_;
  std::vector<SlowCache> l1_;
  SlowCache l2_{};
  std::vector<std::pair<std::uint32_t, unsigned>> fetched_;  // lines and sectors, by this access
};

}  // namespace attnlab::testing
