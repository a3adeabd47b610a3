#include "simulator/emulator/runtime/account.h"

#include <fmt/format.h>

#include <algorithm>

#include "simulator/emulator/machine/global_memory.h"
#include "simulator/emulator/runtime/block_table.h"

namespace attnlab::emulator {
namespace {

// 1024: tiles in shared memory may be swizzled by address.
alignas(1024) thread_local constinit std::array<std::byte, kDynamicSharedCapacity> dynamic_storage{};

bool in(std::span<const std::byte> range, std::uint64_t address) {
  return address - reinterpret_cast<std::uintptr_t>(range.data()) < range.size();
}

}  // namespace

std::byte* dynamic_shared_storage() { return dynamic_storage.data(); }

Account::Account(Range stacks)
    : stacks_(stacks), shared_(Image::thread_storage()), shared_base_(shared_.begin / 16 * 16) {
  groups_.resize((shared_.end - shared_base_) / 16 + 3);  // 2: for a vector that begins in the last bytes
  shadow_.resize(4 * groups_.size());
}

void Account::begin_launch(Index3 grid, Index3 block, std::size_t dynamic_shared, Range parameters,
                           std::uint64_t race_epoch) {
  parameters_ = parameters;
  grid_ = grid;
  block_dim_ = block;
  race_epoch_ = race_epoch;
  const auto begin = reinterpret_cast<std::uintptr_t>(dynamic_storage.data());
  dynamic_ = {begin, begin + dynamic_shared};
}

void Account::begin_block(std::uint64_t number, Index3 index) {
  block_ = number;
  block_index_ = index;
  ++block_serial_;
  first_epoch_ = ++epoch_;
  synchronised_ = false;
  turns_.complete_all();
}

void Account::clear() {
  cache_.fill(nullptr);
  last_runs_ = {};
  sites_.clear();
  findings_.clear();
}

Site& Account::find_site(std::uint32_t code) {
  std::unique_ptr<Site>& site = sites_[code];  // stays where it is when others are added
  if (!site) {
    site = std::make_unique<Site>();
    site->code = code;
    const auto& opened = block_table().opened;
    if (const auto at = opened.find(code); at != opened.end()) site->opens = &find_site(at->second);
  }
  return *site;
}

void Account::enter(Site& block, const Row& row) {
  ++block.counters[static_cast<std::size_t>(Metric::branches)];
  block.counters[static_cast<std::size_t>(Metric::divergent_branches)] += row.diverged;
  block.threads += static_cast<unsigned>(__builtin_popcount(row.mask));
}

Index3 Account::thread_of(unsigned number) const {
  return {number % block_dim_.x, number / block_dim_.x % block_dim_.y, number / block_dim_.x / block_dim_.y};
}

void Account::finding(FindingKind kind, std::uint32_t code, Index3 thread, std::uint64_t address,
                      std::string message) {
  RawFinding* found = nullptr;
  if (!findings_.add(kind, code, found)) return;
  found->block = block_index_;
  found->thread = thread;
  found->address = address;
  found->message = std::move(message);
}

void Account::operator()(const Row& row) {
  Site& at = site(place_of(row.code));
  const Event kind = kind_of(row.code);
  if (at.opens != nullptr) {
    enter(*at.opens, row);
    turns_.event(warp_->number);
  }
  switch (kind) {
    case Event::block_entered:
      enter(at, row);
      break;
    case Event::operation: {
      std::uint64_t threads_sum = 0;
      for (unsigned l = 0; l < kWarpSize; ++l)
        if (row.mask >> l & 1) threads_sum += row.value[l];
      const auto add = [&](Metric metric, std::uint64_t n) {
        at.counters[static_cast<std::size_t>(metric)] += n;
      };
      const auto operation = static_cast<Operation>(size_of(row.code));
      switch (operation) {
        case Operation::special_function:
          add(Metric::thread_special, threads_sum);
          break;
        case Operation::tensor_flop:
          add(Metric::tensor_flops, threads_sum);
          break;
        case Operation::fma:
          add(Metric::thread_fma, threads_sum);
          break;
        case Operation::fadd:
          add(Metric::thread_fadd, threads_sum);
          break;
        case Operation::fmul:
          add(Metric::thread_fmul, threads_sum);
          break;
        case Operation::shuffle:
          add(Metric::shuffles, 1);
          break;
        case Operation::vote:
        case Operation::match:
          add(Metric::votes, 1);
          break;
        case Operation::reduce:
          add(Metric::reduces, 1);
          break;
        case Operation::fence:
          synchronised_ = true;
          break;
        case Operation::collective:
          break;
      }
      if (operation >= Operation::shuffle && operation != Operation::fence) {  // a rendezvous
        ++warp_->epoch;
        turns_.event(warp_->number);
        turns_.end_turn(warp_->number);
        return;
      }
      break;
    }
    case Event::async_started:
    case Event::async_arrived:
      for (unsigned l = 0; l < kWarpSize; ++l) {
        if (row.mask >> l & 1) {
          async_destination(at.code, row.value[l], size_of(row.code), warp_->number * kWarpSize + l,
                            kind == Event::async_arrived);
        }
      }
      break;
    default:
      request(at, kind, row);
  }
  turns_.event(warp_->number);
}

void Account::request(Site& site, Event kind, const Row& row) {
  const std::uint64_t* const address = row.value;
  std::uint64_t low = address[0], high = address[0];
  if (!row.one_value) {
    for (unsigned l = 1; l < kWarpSize; ++l) {
      low = std::min(low, address[l]);
      high = std::max(high, address[l]);
    }
  }
  const bool bypass_l1 = kind == Event::load_bypassing_l1;
  const Lanes lanes{site,     bypass_l1 ? Event::load : kind, size_of(row.code), row.mask, address, low, high,
                    bypass_l1};
  if (shared_.contains(low) && shared_.contains(high)) return shared(lanes);
  if (stacks_.contains(low) && stacks_.contains(high)) return other(lanes, Space::local);
  const auto* begin = reinterpret_cast<const void*>(low);
  const auto* end = reinterpret_cast<const void*>(high);
  if (global_memory::contains(begin) && global_memory::contains(end)) return global(lanes);
  mixed(lanes);
}

// Lanes in several spaces, or in a rare one: each space's lanes become a request of their own.
void Account::mixed(const Lanes& lanes) {
  std::array<unsigned, 5> masks{};
  for (unsigned l = 0; l < kWarpSize; ++l) {
    if (!(lanes.mask >> l & 1)) continue;
    masks[static_cast<std::size_t>(space_at(lanes.address[l]))] |= 1u << l;
  }
  for (std::size_t s = 0; s < masks.size(); ++s) {
    if (masks[s] == 0) continue;
    std::array<std::uint64_t, kWarpSize> address;
    std::uint64_t last = lanes.address[__builtin_ctz(masks[s])], low = ~0ull, high = 0;
    for (unsigned l = 0; l < kWarpSize; ++l) {
      if (masks[s] >> l & 1) last = lanes.address[l];
      address[l] = last;
      low = std::min(low, last);
      high = std::max(high, last);
    }
    const Lanes part{lanes.site,     lanes.kind, lanes.size, masks[s],
                     address.data(), low,        high,       lanes.bypass_l1};
    const auto space = static_cast<Space>(s);
    if (space == Space::shared)
      shared(part);
    else if (space == Space::global)
      global(part);
    else
      other(part, space);
  }
}

Space Account::space_at(std::uintptr_t address) const {
  if (shared_.contains(address)) return Space::shared;
  if (stacks_.contains(address)) return Space::local;
  if (global_memory::contains(reinterpret_cast<const void*>(address))) return Space::global;
  if (in(global_memory::device_variables(), address)) return Space::global;
  if (in(global_memory::constant_variables(), address)) return Space::constant;
  if (parameters_.contains(address)) return Space::constant;
  if (Image::instance().readonly_data().contains(address))
    return Space::constant;  // tables of the compiler's
  return Space::host;
}

void Account::other(const Lanes& lanes, Space space) {
  const bool store = lanes.kind == Event::store;
  const auto first = static_cast<unsigned>(__builtin_ctz(lanes.mask));
  const Index3 thread = thread_of(warp_->number * kWarpSize + first);
  if (space == Space::local) {
    ++lanes.site.counters[static_cast<std::size_t>(store ? Metric::local_store_requests
                                                         : Metric::local_load_requests)];
  } else if (space == Space::constant) {
    if (store || lanes.kind == Event::atomic || lanes.kind == Event::reduction) {
      finding(FindingKind::write_to_constant, lanes.site.code, thread, lanes.address[first],
              fmt::format("writes {} bytes to constant memory at {:#x}", lanes.size, lanes.address[first]));
    }
  } else {
    finding(FindingKind::host_access, lanes.site.code, thread, lanes.address[first],
            fmt::format("{} {} bytes at {:#x}, an address of the host: no device memory is there",
                        store ? "writes" : "reads", lanes.size, lanes.address[first]));
  }
}

}  // namespace attnlab::emulator
