// Requests to shared memory: wavefronts and bank conflicts, as written and as nvcc would issue them.
#include <algorithm>
#include <bit>

#include "simulator/emulator/runtime/account.h"

namespace attnlab::emulator {
namespace {

constexpr unsigned kBanks = 32, kBankBytes = 4;

// The passes that the 32 banks need for the distinct words that these lanes ask for: the most in any bank.
unsigned passes(const std::uint64_t* address, unsigned mask, unsigned words) {
  unsigned used = 0, twice = 0;  // banks
  for (unsigned left = mask; left != 0; left &= left - 1) {
    const std::uint64_t word = address[__builtin_ctz(left)] / kBankBytes;
    const unsigned its = std::rotl((1u << words) - 1, static_cast<int>(word % kBanks));
    twice |= used & its;
    used |= its;
  }
  if (twice == 0) return mask != 0;
  std::array<std::array<std::uint64_t, kWarpSize>, kBanks> seen;  // the words of each bank
  std::array<std::uint8_t, kBanks> count{};
  unsigned most = 0;
  for (; mask != 0; mask &= mask - 1) {
    const auto l = static_cast<unsigned>(__builtin_ctz(mask));
    for (unsigned w = 0; w < words; ++w) {
      const std::uint64_t word = address[l] / kBankBytes + w;
      const unsigned bank = word % kBanks;
      auto& list = seen[bank];
      bool known = false;
      for (unsigned i = 0; i < count[bank]; ++i) known |= list[i] == word;
      if (known || count[bank] == kWarpSize) continue;
      list[count[bank]++] = word;
      most = std::max<unsigned>(most, count[bank]);
    }
  }
  return most;
}

// The passes of half a warp's 16-byte accesses, lanes begin to begin + 15: its two quarters go together where
// they ask for the same addresses, one after the other where they do not.
unsigned half_warp_passes(const std::uint64_t* address, unsigned mask, unsigned begin) {
  constexpr unsigned kQuarter = 8, kWords = 16 / kBankBytes;
  const unsigned first = mask & (0xffu << begin), second = mask & (0xffu << (begin + kQuarter));
  std::uint64_t differ = 0;
  for (unsigned l = begin; l < begin + kQuarter; ++l) differ |= address[l] ^ address[l + kQuarter];
  if (differ == 0) return passes(address, first | second, kWords);
  return passes(address, first, kWords) + passes(address, second, kWords);
}

// An access of 16 bytes per lane goes in two halves of the warp, each for itself: even when all lanes ask for
// one address it takes two (so an H200 counts; docs/results/counters.md).
unsigned wavefronts_at_one_place(unsigned mask, unsigned size) {
  constexpr unsigned kLower = 0xffff;
  return size < 16 ? 1 : ((mask & kLower) != 0) + ((mask & ~kLower) != 0);
}

// The wavefronts of a request.
unsigned wavefronts_of(const std::uint64_t* address, unsigned mask, unsigned size) {
  const unsigned words = std::max(1u, size / kBankBytes);
  // The two most common shapes: all lanes at one place, or one after the other.
  std::uint64_t apart = 0, off = 0;
  for (unsigned l = 1; l < kWarpSize; ++l) {
    apart |= address[l] ^ address[0];
    off |= address[l] ^ (address[0] + std::uint64_t{l} * size);
  }
  if (apart == 0) return wavefronts_at_one_place(mask, size);
  if (off == 0 && mask == kFullMask) return words;
  if (size < 16) return passes(address, mask, words);
  return half_warp_passes(address, mask, 0) + half_warp_passes(address, mask, 16);
}

// What a run counts as changes with every access that joins it.
void charge(Site& site, Run& run, bool store, unsigned requests, unsigned wavefronts) {
  const auto change = [&](Metric metric, unsigned from, unsigned to) {
    site.counters[static_cast<std::size_t>(metric)] += std::uint64_t{to} - from;  // modulo 2^64: may fall
  };
  change(store ? Metric::shared_store_requests_fused : Metric::shared_load_requests_fused, run.requests,
         requests);
  change(store ? Metric::shared_store_wavefronts_fused : Metric::shared_load_wavefronts_fused, run.wavefronts,
         wavefronts);
  run.requests = requests;
  run.wavefronts = wavefronts;
}

}  // namespace

void Account::shared(const Lanes& lanes) {
  Counters& counters = lanes.site.counters;
  const auto add = [&](Metric metric, std::uint64_t n) { counters[static_cast<std::size_t>(metric)] += n; };
  const unsigned wavefronts = lanes.low == lanes.high ? wavefronts_at_one_place(lanes.mask, lanes.size)
                                                      : wavefronts_of(lanes.address, lanes.mask, lanes.size);
  const unsigned least = std::max(1u, lanes.size / kBankBytes);  // what distinct consecutive words would need
  const unsigned conflicts = wavefronts > least ? wavefronts - least : 0;
  if (lanes.kind == Event::load) {
    add(Metric::shared_load_requests, 1);
    add(Metric::shared_load_wavefronts, wavefronts);
    add(Metric::shared_load_conflicts, conflicts);
    fuse(lanes, wavefronts);
  } else if (lanes.kind == Event::store) {
    add(Metric::shared_store_requests, 1);
    add(Metric::shared_store_wavefronts, wavefronts);
    add(Metric::shared_store_conflicts, conflicts);
    fuse(lanes, wavefronts);
  } else if (lanes.kind == Event::atomic || lanes.kind == Event::reduction) {
    add(Metric::shared_atomic_requests, 1);
  }
  check_shared(lanes);
}

// nvcc turns neighbouring scalar accesses, usually the iterations of an unrolled loop, into one of 8 or 16
// bytes where it can prove the alignment. Counted here: runs of one access in which every lane moves on by
// its size each time, cut into aligned pieces of 16 bytes, then 8. What a run counts as is known when it
// ends; until then the counters hold what it would be if it ended now.
void Account::fuse(const Lanes& lanes, unsigned wavefronts) {
  Site& site = lanes.site;
  const unsigned warp = warp_->number;
  if (site.runs.size() <= warp) site.runs.resize(warp + 1);
  Run& run = site.runs[warp];
  const bool widest = lanes.size >= 16;  // nothing is fused with it
  if (!widest && continue_run(site, run, lanes)) return;
  auto& latest = last_runs_[warp][lanes.kind == Event::store];
  if (!widest) {
    for (Site* other : latest)  // a loop's first pass, peeled off, is a site of its own
      if (other != nullptr && other != &site && continue_run(*other, other->runs[warp], lanes)) return;
  }
  if (latest.front() != &site) {
    const auto known = std::find(latest.begin(), latest.end() - 1, &site);
    std::rotate(latest.begin(), known, known + 1);
    latest.front() = &site;
  }
  run.mask = lanes.mask;
  run.bytes = lanes.size;
  run.epoch = epoch_;
  run.length = 1;
  run.requests = run.wavefronts = 0;
  charge(site, run, lanes.kind == Event::store, 1, wavefronts);
  if (widest) return;
  run.uniform = lanes.low == lanes.high;
  std::uint64_t low_bits = 16;  // so that the lowest bit set is that of the alignment
  for (unsigned l = 0; l < kWarpSize; ++l) {
    low_bits |= lanes.address[l];
    run.next[l] = lanes.address[l] + lanes.size;
  }
  run.aligned = static_cast<unsigned>(low_bits & -low_bits);
}

// The access goes on where the run stopped: then it counts as part of it.
bool Account::continue_run(Site& site, Run& run, const Lanes& lanes) {
  if (run.length == 0 || run.mask != lanes.mask || run.bytes != lanes.size || run.epoch != epoch_ ||
      run.length * run.bytes >= run.aligned)
    return false;
  std::uint64_t differ = 0;
  if (run.uniform)
    differ = (lanes.low ^ lanes.high) | (run.next[0] ^ lanes.low);
  else
    for (unsigned l = 0; l < kWarpSize; ++l) differ |= run.next[l] ^ lanes.address[l];
  if (differ != 0) return false;
  ++run.length;
  for (unsigned l = 0; l < (run.uniform ? 1 : kWarpSize); ++l) run.next[l] += lanes.size;
  // 12 bytes are one access of 8 and one of 4.
  const unsigned total = run.length * run.bytes;
  unsigned passed = 0;
  for (unsigned piece = 16; piece >= lanes.size; piece /= 2) {
    if (!(total & piece)) continue;
    if (run.uniform) {
      passed += piece == 16 ? 2 : 1;
      continue;
    }
    std::array<std::uint64_t, kWarpSize> first;
    for (unsigned l = 0; l < kWarpSize; ++l) first[l] = run.next[l] - total;
    passed += wavefronts_of(first.data(), lanes.mask, piece);
  }
  charge(site, run, lanes.kind == Event::store,
         static_cast<unsigned>(__builtin_popcount(total & ~(lanes.size - 1))), passed);
  return true;
}

}  // namespace attnlab::emulator
