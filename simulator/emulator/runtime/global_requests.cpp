// Requests to device memory: their sectors, and the checks.
#include <fmt/format.h>

#include <algorithm>

#include "simulator/emulator/machine/global_memory.h"
#include "simulator/emulator/runtime/account.h"
#include "simulator/emulator/runtime/race_map.h"

namespace attnlab::emulator {
namespace {

struct Kinds {
  Metric requests, sectors;
  memory::RequestKind stream;
};

constexpr Kinds kinds_of(Event kind) {
  using memory::RequestKind;
  switch (kind) {
    case Event::store:
      return {Metric::global_store_requests, Metric::global_store_sectors, RequestKind::store};
    case Event::atomic:
      return {Metric::global_atomic_requests, Metric::global_atomic_sectors, RequestKind::atomic};
    case Event::reduction:
      return {Metric::global_reduction_requests, Metric::global_reduction_sectors, RequestKind::reduction};
    case Event::async_copy:
      return {Metric::async_copy_requests, Metric::async_copy_sectors, RequestKind::load};
    case Event::async_copy_bypassing_l1:
      return {Metric::async_copy_requests, Metric::async_copy_sectors, RequestKind::load_bypass};
    default:
      return {Metric::global_load_requests, Metric::global_load_sectors, RequestKind::load};
  }
}

// Sectors are numbered from the arena's beginning; the program's own device variables follow far behind it.
constexpr std::uint32_t kDeviceVariablesAt = 0xf0000000u;

std::uint32_t sector_of(std::uint64_t address) {
  const std::uint64_t offset = address - global_memory::detail::arena.begin;
  if (offset < global_memory::detail::arena.bytes)
    return static_cast<std::uint32_t>(offset / memory::kSectorBytes);
  const auto variables = reinterpret_cast<std::uintptr_t>(global_memory::device_variables().data());
  return kDeviceVariablesAt +
         static_cast<std::uint32_t>((address - variables / memory::kLineBytes * memory::kLineBytes) /
                                    memory::kSectorBytes);
}

const char* verb(Event kind) {
  switch (kind) {
    case Event::store:
      return "writes";
    case Event::atomic:
    case Event::reduction:
      return "updates";
    default:
      return "reads";
  }
}

// "4 bytes at 0x..., 8 bytes past the end of an allocation of 4096 bytes (cudaMalloc, number 3)"
std::string place(std::uint64_t address, unsigned size) {
  const auto* allocation = global_memory::find(reinterpret_cast<const void*>(address));
  std::string text = fmt::format("{} bytes at {:#x}", size, address);
  if (allocation == nullptr) return text + ", where nothing was ever allocated";
  const std::string which = fmt::format("allocation of {} bytes ({}, number {})", allocation->bytes,
                                        global_memory::name(allocation->kind), allocation->serial);
  if (address < allocation->begin) {
    return fmt::format("{}, {} bytes before the beginning of an {}", text, allocation->begin - address,
                       which);
  }
  if (address >= allocation->end())
    return fmt::format("{}, {} bytes past the end of an {}", text, address - allocation->end(), which);
  return fmt::format("{}, at byte {} of an {}", text, address - allocation->begin, which);
}

}  // namespace

void Account::global(const Lanes& lanes) {
  Counters& counters = lanes.site.counters;
  const Kinds kinds = kinds_of(lanes.kind);
  const auto add = [&](Metric metric, std::uint64_t n) { counters[static_cast<std::size_t>(metric)] += n; };

  // Addresses that rise from lane to lane, or stay: duplicates are neighbours.
  unsigned falls = 0, steps = 0, gaps = 0, bent = 0;
  for (unsigned l = 0; l < kWarpSize; ++l) bent |= static_cast<unsigned>(lanes.address[l]) & (lanes.size - 1);
  for (unsigned l = 1; l < kWarpSize; ++l) {
    falls += lanes.address[l] < lanes.address[l - 1];
    steps += lanes.address[l] != lanes.address[l - 1];
    gaps += lanes.address[l] - lanes.address[l - 1] > lanes.size;
  }
  std::array<std::uint64_t, kWarpSize> sorted;
  const std::uint64_t* address = lanes.address;
  if (falls > 0) {
    std::copy_n(lanes.address, kWarpSize, sorted.begin());
    std::sort(sorted.begin(), sorted.end());
    address = sorted.data();
    steps = gaps = 0;
    for (unsigned l = 1; l < kWarpSize; ++l) {
      steps += address[l] != address[l - 1];
      gaps += address[l] - address[l - 1] > lanes.size;
    }
  }

  std::array<std::uint32_t, kWarpSize * 9> sectors;
  unsigned n = 0;
  const std::uint64_t arena = global_memory::detail::arena.begin;
  const bool in_arena = global_memory::contains(reinterpret_cast<const void*>(lanes.low));
  for (unsigned l = 0; l < kWarpSize; ++l) {
    if (l > 0 && address[l] == address[l - 1]) continue;
    const std::uint32_t first = in_arena
                                    ? static_cast<std::uint32_t>((address[l] - arena) / memory::kSectorBytes)
                                    : sector_of(address[l]);
    if (n == 0 || sectors[n - 1] < first) sectors[n++] = first;
    const std::uint32_t last =
        first + static_cast<std::uint32_t>(((address[l] - arena) % memory::kSectorBytes + lanes.size - 1) /
                                           memory::kSectorBytes);
    while (sectors[n - 1] < last && n < sectors.size()) {
      sectors[n] = sectors[n - 1] + 1;
      ++n;
    }
  }
  add(kinds.requests, 1);
  add(kinds.sectors, n);
  if (lanes.kind == Event::store)
    add(Metric::global_store_bytes, std::uint64_t{steps + 1} * lanes.size);
  else if (lanes.kind == Event::load)
    add(Metric::global_load_bytes, std::uint64_t{steps + 1} * lanes.size);
  else if (lanes.kind == Event::async_copy || lanes.kind == Event::async_copy_bypassing_l1)
    add(Metric::async_copy_bytes, std::uint64_t{steps + 1} * lanes.size);
  turns_.request(warp_->number, lanes.bypass_l1 ? memory::RequestKind::load_bypass : kinds.stream,
                 {sectors.data(), n});

  if (bent != 0 && (lanes.size & (lanes.size - 1)) == 0) {
    for (unsigned l = 0; l < kWarpSize; ++l) {
      if ((lanes.mask >> l & 1) && lanes.address[l] % lanes.size != 0) {
        finding(FindingKind::misaligned_access, lanes.site.code, thread_of(warp_->number * kWarpSize + l),
                lanes.address[l],
                fmt::format("{} {} bytes at {:#x}, which is no multiple of {}", verb(lanes.kind), lanes.size,
                            lanes.address[l], lanes.size));
        break;
      }
    }
  }
  if (in_arena) check_global(lanes, gaps == 0);
}

void Account::check_global(const Lanes& lanes, bool dense) {
  const std::uint64_t version = global_memory::version();
  if (allocation_version_ != version || lanes.low < allocation_begin_ ||
      lanes.high + lanes.size > allocation_end_) {
    const auto* found = global_memory::find_live(reinterpret_cast<const void*>(lanes.low),
                                                 lanes.high + lanes.size - lanes.low);
    if (found == nullptr) {  // some lane is outside, or the lanes are in several allocations
      for (unsigned l = 0; l < kWarpSize; ++l)
        if (lanes.mask >> l & 1) check_global_lane(lanes, l);
      return;
    }
    allocation_begin_ = found->begin;
    allocation_end_ = found->end();
    allocation_version_ = version;
    allocation_written_by_host_ = found->kind != global_memory::Kind::device;
  }
  const bool writes =
      lanes.kind == Event::store || lanes.kind == Event::atomic || lanes.kind == Event::reduction;
  const auto* low = reinterpret_cast<const void*>(lanes.low);
  const std::size_t span = lanes.high + lanes.size - lanes.low;
  if (lanes.kind == Event::atomic || lanes.kind == Event::reduction)
    synchronised_ |= lanes.kind == Event::atomic;
  if (lanes.kind != Event::store && !allocation_written_by_host_ &&
      !(dense && global_memory::initialised(low, span))) {
    for (unsigned l = 0; l < kWarpSize; ++l) {
      if ((lanes.mask >> l & 1) &&
          !global_memory::initialised(reinterpret_cast<const void*>(lanes.address[l]), lanes.size)) {
        finding(FindingKind::uninitialised_read, lanes.site.code, thread_of(warp_->number * kWarpSize + l),
                lanes.address[l],
                fmt::format("{} {}, which nothing has written", verb(lanes.kind),
                            place(lanes.address[l], lanes.size)));
        break;
      }
    }
  }
  if (writes) {
    if (dense) {
      global_memory::mark_initialised(low, span);
    } else {
      for (unsigned l = 0; l < kWarpSize; ++l) {
        if (lanes.mask >> l & 1)
          global_memory::mark_initialised(reinterpret_cast<const void*>(lanes.address[l]), lanes.size);
      }
    }
  }
  RaceMap& races = RaceMap::instance();
  if (!writes && dense && races.read(lanes.low, lanes.high + lanes.size, block_, race_epoch_)) return;
  for (unsigned l = 0; l < kWarpSize; ++l) {
    if (!(lanes.mask >> l & 1) || (l > 0 && lanes.address[l] == lanes.address[l - 1])) continue;
    const std::uint64_t address = lanes.address[l];
    if (!writes && races.read(address, address + lanes.size, block_, race_epoch_)) continue;
    race_global(lanes, l);
  }
}

void Account::check_global_lane(const Lanes& lanes, unsigned lane) {
  const std::uint64_t address = lanes.address[lane];
  const auto* at = reinterpret_cast<const void*>(address);
  const Index3 thread = thread_of(warp_->number * kWarpSize + lane);
  if (global_memory::find_live(at, lanes.size) == nullptr) {
    const auto* near = global_memory::find(at);
    const bool freed = near != nullptr && !near->live && near->holds(address);
    finding(freed ? FindingKind::use_after_free : FindingKind::out_of_bounds, lanes.site.code, thread,
            address,
            fmt::format("{} {}{}", verb(lanes.kind), place(address, lanes.size),
                        freed ? ", which was freed" : ""));
    return;
  }
  const Lanes one{lanes.site, lanes.kind, lanes.size, 1u << lane, lanes.address, address, address};
  check_global(one, false);
}

// A word that two blocks touch, one of them writing, in one launch and without atomics.
void Account::race_global(const Lanes& lanes, unsigned lane) {
  const std::uint64_t address = lanes.address[lane];
  const std::uint64_t first = address / 4, last = (address + lanes.size - 1) / 4;
  RaceMap& map = RaceMap::instance();
  for (std::uint64_t word = first; word <= last; ++word) {
    const auto access = lanes.kind == Event::store ? RaceMap::Access::write
                        : lanes.kind == Event::atomic || lanes.kind == Event::reduction
                            ? RaceMap::Access::atomic
                            : RaceMap::Access::read;
    const auto conflict = map.touch(word * 4, access, block_, race_epoch_);
    if (!conflict.any || synchronised_) continue;
    // Two halves of a word belong to two blocks where rows of 16-bit elements are odd: no race.
    if (lanes.size < 4) continue;
    const std::string other =
        conflict.block ? fmt::format("block {}", *conflict.block) : std::string("several other blocks");
    finding(FindingKind::global_race, lanes.site.code, thread_of(warp_->number * kWarpSize + lane), address,
            fmt::format("{} {}, which {} {} in the same launch", verb(lanes.kind), place(address, lanes.size),
                        other, conflict.written ? "writes" : "reads"));
    return;
  }
}

}  // namespace attnlab::emulator
