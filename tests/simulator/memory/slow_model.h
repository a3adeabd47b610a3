// The memory hierarchy once more, as plainly as it can be said: a map from lines to sectors, every use
// stamped, a search for the oldest. What the fast model must agree with.
#pragma once

#include <algorithm>
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

// An L1: its lines in the places in which the fast model keeps them, since chance picks among places.
struct SlowL1 {
  struct Place {
    std::uint32_t line;
    std::uint64_t last;  // use, in lines that came before
    bool used;           // again
  };
  std::uint64_t capacity;
  std::map<std::uint32_t, std::array<bool, 4>> lines{};
  std::vector<Place> places{};
  std::uint64_t came = 0;
  std::uint32_t random = 2463534242;

  std::array<bool, 4>& use(std::uint32_t line) {
    for (Place& place : places) {
      if (place.line != line) continue;
      place.last = came;
      place.used = true;
      return lines[line];
    }
    const Place coming{line, came, false};
    if (places.size() < capacity) {
      places.push_back(coming);
    } else {
      Place& gone = evicted();
      lines.erase(gone.line);
      gone = coming;
    }
    ++came;
    return lines[line] = {};
  }

 private:
  std::size_t draw() {
    random ^= random << 13;
    random ^= random >> 17;
    random ^= random << 5;
    return (random >> 8) * places.size() / (std::size_t{1} << 24);
  }
  Place& evicted() {
    std::vector<std::size_t> drawn;
    while (drawn.size() < 4) drawn.push_back(draw());
    const auto used = [&](std::size_t n) { return places[n].used; };
    if (std::ranges::all_of(drawn, used)) {
      for (const std::size_t n : drawn) places[n].used = false;
    } else {
      while (drawn.size() < 8) drawn.push_back(draw());
      std::erase_if(drawn, used);
    }
    return places[*std::ranges::min_element(drawn, {}, [&](std::size_t n) { return places[n].last; })];
  }
};

class SlowSystem {
 public:
  // Not hashed.
  SlowSystem(const memory::Geometry& g, std::uint64_t l1_bytes) : fill_(g.dram_bytes / 32), homes_(g) {
    const std::uint64_t l1_lines = l1_bytes / 128;
    for (std::uint64_t sm = 0; sm < g.sms; ++sm) {
      l1_.push_back({l1_lines < g.l1_spare_lines ? 0 : l1_lines - g.l1_spare_lines});
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
