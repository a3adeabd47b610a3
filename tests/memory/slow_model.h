// The memory hierarchy once more, as plainly as it can be said: a map from lines to sectors, every use
// stamped, a search for the oldest. What the fast model must agree with.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "simulator/memory/l2_cache.h"
#include "simulator/memory/memory_system.h"

namespace attnlab::testing {

struct SlowLine {
  std::array<bool, 4> valid{}, dirty{};
  std::uint64_t used = 0;
};

// An L2 partition: lines by index. A line's set is its index modulo the number of sets.
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

// An L1: the lines of each generation, in the order in which the fast model keeps them, since chance picks
// among them.
struct SlowL1 {
  std::uint64_t capacity;
  unsigned length;
  std::map<std::uint32_t, std::array<bool, 4>> lines{};
  std::map<std::uint64_t, std::vector<std::uint32_t>> generations{};
  std::uint64_t generation = 0, came = 0;
  std::uint32_t random = 2463534242;

  std::array<bool, 4>& use(std::uint32_t index) {
    if (lines.contains(index)) {
      for (auto& [number, members] : generations) {
        for (std::size_t n = 0; n < members.size() && number != generation; ++n) {
          if (members[n] != index) continue;
          remove(members, n);
          generations[generation].push_back(index);
          return lines[index];
        }
      }
      return lines[index];
    }
    if (lines.size() == capacity) evict();
    generations[generation].push_back(index);
    if (++came == length) next_generation();
    return lines[index] = {};
  }

 private:
  static void remove(std::vector<std::uint32_t>& members, std::size_t n) {
    std::swap(members[n], members.back());
    members.pop_back();
  }
  void next_generation() {
    ++generation;
    came = 0;
  }
  void evict() {
    auto oldest = generations.begin();
    while (oldest->second.empty()) ++oldest;
    if (oldest->first == generation) next_generation();
    random ^= random << 13;
    random ^= random >> 17;
    random ^= random << 5;
    const std::size_t n = (random >> 8) % oldest->second.size();
    lines.erase(oldest->second[n]);
    remove(oldest->second, n);
  }
};

class SlowSystem {
 public:
  // Not hashed.
  SlowSystem(const memory::Geometry& g, std::uint64_t l1_bytes) : fill_(g.dram_bytes / 32), homes_(g) {
    const std::uint64_t l1_lines = l1_bytes / 128;
    for (std::uint64_t sm = 0; sm < g.sms; ++sm) {
      l1_.push_back({l1_lines < g.l1_spare_lines ? 0 : l1_lines - g.l1_spare_lines, g.l1_generation});
    }
    const auto bytes = static_cast<double>(g.l2_bytes) * g.l2_effective_fraction;
    const std::uint64_t sets = static_cast<std::uint64_t>(bytes) / g.l2_partitions / 128 / g.l2_ways;
    for (unsigned side = 0; side < g.l2_partitions; ++side) l2_.push_back({sets, g.l2_ways, {}, 0});
  }

  // Whether the SM waits for the L2.
  bool request(std::size_t sm, memory::RequestKind kind, std::span<const memory::LinePart> lines) {
    bool waits = false;
    for (const auto& [line, mask] : lines) waits = access(sm, kind, line, mask) || waits;
    return waits;
  }

  memory::Counters finish() {
    for (const SlowCache& partition : l2_) {
      for (const auto& [index, line] : partition.lines) {
        for (const bool dirty : line.dirty) counters.l2_dirty_bytes += dirty ? 32 : 0;
      }
    }
    return counters;
  }

  memory::Counters counters;

 private:
  bool access(std::size_t sm, memory::RequestKind kind, std::uint32_t line, unsigned mask) {
    using memory::RequestKind;
    unsigned wanted = mask;  // of the L2
    if ((kind == RequestKind::load || kind == RequestKind::store) && l1_[sm].capacity != 0) {
      auto& valid = l1_[sm].use(line);
      for (unsigned s = 0; s < 4; ++s) {
        if ((mask >> s & 1) == 0) continue;
        if (valid[s] && kind == RequestKind::load) {
          ++counters.l1_read_hits;
          wanted &= ~(1u << s);
        }
        valid[s] = true;
      }
    }
    if ((kind == RequestKind::atomic || kind == RequestKind::reduction) && l1_[sm].lines.contains(line)) {
      for (unsigned s = 0; s < 4; ++s) l1_[sm].lines[line][s] &= (mask >> s & 1) == 0;
    }
    fetched_.clear();
    const auto side = static_cast<unsigned>(sm / 2 % l2_.size());
    for (unsigned s = 0; s < 4; ++s) {
      if ((mask >> s & 1) == 0) continue;
      if (kind == RequestKind::load) ++counters.l1_read_sectors;
      if ((wanted >> s & 1) == 0) continue;
      if (kind == RequestKind::load || kind == RequestKind::load_bypass) {
        load(side, line, s);
      } else {
        write(kind, line, s);
      }
    }
    const bool loads = kind == RequestKind::load || kind == RequestKind::load_bypass;
    return kind == RequestKind::atomic || (loads && wanted != 0);
  }

  SlowLine& use(unsigned partition, std::uint32_t index) {
    return l2_[partition].use(index, [&](const SlowLine& old) {
      for (const bool dirty : old.dirty) counters.dram_write_bytes += dirty ? 32 : 0;
    });
  }
  // A hit is what was there before the access: a pair that this very access has fetched does not count.
  void load(unsigned side, std::uint32_t index, unsigned s) {
    ++counters.l2_to_l1_sectors;
    SlowLine& near = use(side, index);
    const unsigned home = homes_.home_of(index);
    if (near.valid[s]) {
      counters.l2_read_hits += fetched_now(s) ? 0 : 1;
      return;
    }
    if (home == side) {
      fetch(near, s);
      return;
    }
    SlowLine& far = use(home, index);
    counters.l2_read_hits += far.valid[s] && !fetched_now(s) ? 1 : 0;
    fetch(far, s);
    near.valid[s] = true;
  }
  void write(memory::RequestKind kind, std::uint32_t index, unsigned s) {
    const unsigned home = homes_.home_of(index);
    if (l2_.size() == 2 && l2_[1 - home].lines.contains(index)) l2_[1 - home].lines[index].valid[s] = false;
    SlowLine& line = use(home, index);
    if (kind == memory::RequestKind::atomic) {
      ++counters.l2_to_l1_sectors;
      counters.l2_read_hits += line.valid[s] && !fetched_now(s) ? 1 : 0;
    }
    ++counters.l1_to_l2_sectors;
    if (kind != memory::RequestKind::store) fetch(line, s);
    line.valid[s] = line.dirty[s] = true;
  }
  void fetch(SlowLine& line, unsigned s) {
    if (line.valid[s]) return;
    const unsigned first = s / fill_ * fill_;
    for (unsigned t = first; t < first + fill_; ++t) {
      if (line.valid[t]) continue;
      counters.dram_read_bytes += 32;
      line.valid[t] = true;
      fetched_.push_back(t);
    }
  }
  bool fetched_now(unsigned s) const {
    for (const unsigned sector : fetched_) {
      if (sector == s) return true;
    }
    return false;
  }

  unsigned fill_;
  memory::L2Cache homes_;  // asked for nothing but where a line's home is
  std::vector<SlowL1> l1_;
  std::vector<SlowCache> l2_;
  std::vector<unsigned> fetched_;  // sectors, from DRAM, by this access
};

}  // namespace attnlab::testing
