// Requests to shared memory: wavefronts and bank conflicts, as written and as nvcc would issue them, and the
// checks: bounds, uninitialised reads, races between barriers, copies that have not arrived.
#include <cxxabi.h>
#include <fmt/format.h>

#include <algorithm>

#include "simulator/simt/runtime/account.h"

namespace attnlab::simt {
namespace {

constexpr unsigned banks = 32, bank_bytes = 4;

// The passes that the 32 banks need for the distinct words that these lanes ask for: the most in any bank.
unsigned passes(const std::uint64_t* address, unsigned mask, unsigned words) {
  std::array<std::array<std::uint64_t, warp_size>, banks> seen;  // the words of each bank
  std::array<std::uint8_t, banks> count{};
  unsigned most = 0;
  for (; mask != 0; mask &= mask - 1) {
    const auto l = static_cast<unsigned>(__builtin_ctz(mask));
    for (unsigned w = 0; w < words; ++w) {
      const std::uint64_t word = address[l] / bank_bytes + w;
      const unsigned bank = word % banks;
      auto& list = seen[bank];
      bool known = false;
      for (unsigned i = 0; i < count[bank]; ++i) known |= list[i] == word;
      if (known || count[bank] == warp_size) continue;
      list[count[bank]++] = word;
      most = std::max<unsigned>(most, count[bank]);
    }
  }
  return most;
}

// The passes of half a warp's 16-byte accesses, lanes begin to begin + 15: its two quarters go together where
// they ask for the same addresses, one after the other where they do not.
unsigned half_warp_passes(const std::uint64_t* address, unsigned mask, unsigned begin) {
  constexpr unsigned quarter = 8, words = 16 / bank_bytes;
  const unsigned first = mask & (0xffu << begin), second = mask & (0xffu << (begin + quarter));
  std::uint64_t differ = 0;
  for (unsigned l = begin; l < begin + quarter; ++l) differ |= address[l] ^ address[l + quarter];
  if (differ == 0) return passes(address, first | second, words);
  return passes(address, first, words) + passes(address, second, words);
}

// The wavefronts of a request. One of 16 bytes a lane goes in two halves of the warp, each for itself: even
// when all lanes ask for one address it takes two (so an H200 counts; docs/results/counters.md).
unsigned wavefronts_of(const std::uint64_t* address, unsigned mask, unsigned size) {
  const unsigned words = std::max(1u, size / bank_bytes);
  // The two most common shapes: all lanes at one place, or one after the other.
  std::uint64_t apart = 0, off = 0;
  for (unsigned l = 1; l < warp_size; ++l) {
    apart |= address[l] ^ address[0];
    off |= address[l] ^ (address[0] + std::uint64_t{l} * size);
  }
  constexpr unsigned lower = 0xffff;
  if (apart == 0) return size < 16 ? 1 : ((mask & lower) != 0) + ((mask & ~lower) != 0);
  if (off == 0 && mask == full_mask) return words;
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

// Who touched a byte: a thread, several threads of one warp, or threads of several warps.
constexpr std::uint16_t nobody = 0, several_warps = 0xffff, several_lanes = 0x8000;
constexpr std::uint16_t accessor(unsigned thread) { return static_cast<std::uint16_t>(thread + 1); }
constexpr unsigned warp_of(std::uint16_t who) {
  return who & several_lanes ? who & 0x7fffu : (who - 1u) / warp_size;
}

}  // namespace

void Account::shared(const Lanes& lanes) {
  Counters& counters = lanes.site.counters;
  const auto add = [&](Metric metric, std::uint64_t n) { counters[static_cast<std::size_t>(metric)] += n; };
  const unsigned wavefronts = wavefronts_of(lanes.address, lanes.mask, lanes.size);
  const unsigned least = std::max(1u, lanes.size / bank_bytes);  // what distinct consecutive words would need
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
  if (continue_run(site, run, lanes)) return;
  auto& latest = last_runs_[warp][lanes.kind == Event::store];
  for (Site* other : latest)  // a loop's first pass, peeled off, is a site of its own
    if (other != nullptr && other != &site && continue_run(*other, other->runs[warp], lanes)) return;
  const auto known = std::find(latest.begin(), latest.end() - 1, &site);
  std::rotate(latest.begin(), known, known + 1);
  latest.front() = &site;
  run.mask = lanes.mask;
  run.bytes = lanes.size;
  run.epoch = epoch_;
  run.length = 1;
  run.uniform = lanes.low == lanes.high;
  std::uint64_t low_bits = 16;  // so that the lowest bit set is that of the alignment
  for (unsigned l = 0; l < warp_size; ++l) {
    low_bits |= lanes.address[l];
    run.next[l] = lanes.address[l] + lanes.size;
  }
  run.aligned = static_cast<unsigned>(low_bits & -low_bits);
  run.requests = run.wavefronts = 0;
  charge(site, run, lanes.kind == Event::store, 1, wavefronts);
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
    for (unsigned l = 0; l < warp_size; ++l) differ |= run.next[l] ^ lanes.address[l];
  if (differ != 0) return false;
  ++run.length;
  for (unsigned l = 0; l < (run.uniform ? 1 : warp_size); ++l) run.next[l] += lanes.size;
  // 12 bytes are one access of 8 and one of 4.
  const unsigned total = run.length * run.bytes;
  unsigned passed = 0;
  for (unsigned piece = 16; piece >= lanes.size; piece /= 2) {
    if (!(total & piece)) continue;
    if (run.uniform) {
      passed += piece == 16 ? 2 : 1;
      continue;
    }
    std::array<std::uint64_t, warp_size> first;
    for (unsigned l = 0; l < warp_size; ++l) first[l] = run.next[l] - total;
    passed += wavefronts_of(first.data(), lanes.mask, piece);
  }
  charge(site, run, lanes.kind == Event::store,
         static_cast<unsigned>(__builtin_popcount(total & ~(lanes.size - 1))), passed);
  return true;
}

const std::vector<SharedVariableInfo>& Account::shared_variables() {
  if (variables_known_) return variables_;
  variables_known_ = true;
  for (const Symbol& symbol : Image::instance().thread_locals()) {
    const std::uintptr_t begin = shared_.begin + symbol.begin;
    variables_.push_back({symbol.name, begin, begin + symbol.bytes, begin + symbol.bytes});
  }
  return variables_;
}

void Account::declare_shared(const char* name, std::size_t bytes, std::size_t guarded_bytes) {
  if (!declared_.try_emplace(name, true).second) return;
  const std::string variable = std::string(name) + "__attnlab";
  const std::string mangled = fmt::format("{}{}", variable.size(), variable);
  shared_variables();
  for (SharedVariableInfo& info : variables_)
    if (info.guard_end - info.begin == guarded_bytes && info.name.find(mangled) != std::string::npos)
      info.end = info.begin + bytes;
}

// Remembers in the site the variable that the lane's bytes lie in; reports an access outside of all.
bool Account::inside_variable(const Lanes& lanes, unsigned lane) {
  const std::uint64_t address = lanes.address[lane];
  if (address >= dynamic_.begin && address < dynamic_.begin + dynamic_shared_capacity) {
    lanes.site.variable_begin = dynamic_.begin;
    lanes.site.variable_end = dynamic_.end;
    if (address + lanes.size <= dynamic_.end) return true;
    finding(FindingKind::out_of_bounds, lanes.site.code, thread_of(warp_->number * warp_size + lane),
            address - dynamic_.begin,
            fmt::format("{} {} bytes at byte {} of the launch's {} bytes of dynamic shared memory",
                        lanes.kind == Event::load ? "reads" : "writes", lanes.size, address - dynamic_.begin,
                        dynamic_.end - dynamic_.begin));
    return false;
  }
  const SharedVariableInfo* nearest = nullptr;
  for (const SharedVariableInfo& info : shared_variables()) {
    if (address < info.begin) break;
    nearest = &info;
    if (address < info.guard_end) break;
  }
  if (nearest != nullptr && address + lanes.size <= nearest->end) {
    lanes.site.variable_begin = nearest->begin;
    lanes.site.variable_end = nearest->end;
    return true;
  }
  std::string name = "its shared memory";
  std::uint64_t past = 0, bytes = 0;
  if (nearest != nullptr) {
    name = demangled(nearest->name);
    if (const auto colons = name.rfind("::"); colons != std::string::npos) name = name.substr(colons + 2);
    if (const auto ours = name.find("__attnlab"); ours != std::string::npos) name.resize(ours);
    past = address - nearest->end;
    bytes = nearest->end - nearest->begin;
  }
  finding(FindingKind::out_of_bounds, lanes.site.code, thread_of(warp_->number * warp_size + lane), address,
          fmt::format("{} {} bytes of shared memory, {} bytes past the end of {} ({} bytes)",
                      lanes.kind == Event::load ? "reads" : "writes", lanes.size, past, name, bytes));
  return false;
}

void Account::check_shared(const Lanes& lanes) {
  const auto outside = [&](std::uint64_t low, std::uint64_t high) {
    return low < lanes.site.variable_begin || high + lanes.size > lanes.site.variable_end;
  };
  if (outside(lanes.low, lanes.high))
    for (unsigned l = 0; l < warp_size; ++l)
      if ((lanes.mask >> l & 1) && outside(lanes.address[l], lanes.address[l]) && !inside_variable(lanes, l))
        return;
  std::uint64_t low_bits = 0;
  for (unsigned l = 0; l < warp_size; ++l) low_bits |= lanes.address[l];
  if ((low_bits & (lanes.size - 1)) != 0 && (lanes.size & (lanes.size - 1)) == 0) {
    for (unsigned l = 0; l < warp_size; ++l)
      if (lanes.address[l] % lanes.size != 0 && (lanes.mask >> l & 1)) {
        finding(FindingKind::misaligned_access, lanes.site.code, thread_of(warp_->number * warp_size + l),
                lanes.address[l] - shared_.begin,
                fmt::format("{} {} bytes of shared memory at an address that is no multiple of {}",
                            lanes.kind == Event::load ? "reads" : "writes", lanes.size, lanes.size));
        break;
      }
  }
  if (lanes.low == lanes.high) {  // all lanes at one place
    touch_shared(lanes, static_cast<unsigned>(__builtin_ctz(lanes.mask)),
                 (lanes.mask & (lanes.mask - 1)) != 0);
    return;
  }
  for (unsigned l = 0; l < warp_size; ++l)
    if (lanes.mask >> l & 1) touch_shared(lanes, l, false);
}

void Account::touch_shared(const Lanes& lanes, unsigned lane, bool many) {
  const std::uint64_t address = lanes.address[lane];
  const unsigned thread = warp_->number * warp_size + lane;
  const bool atomic = lanes.kind == Event::atomic || lanes.kind == Event::reduction;
  const bool store = lanes.kind == Event::store;
  const std::uint16_t me =
      many ? static_cast<std::uint16_t>(several_lanes | warp_->number) : accessor(thread);
  std::uint64_t at = address - shared_.begin;
  for (unsigned done = 0; done < lanes.size;) {
    const std::uint64_t word_index = at / 4;
    const unsigned offset = at % 4, take = std::min(4 - offset, lanes.size - done);
    const auto bits = static_cast<std::uint8_t>(((1u << take) - 1) << offset);
    SharedWord& word = shadow_[word_index];
    done += take;
    at += take;
    if (word.block != block_serial_) {
      word = SharedWord{};
      word.block = block_serial_;
    }
    if (word.in_flight & bits) {
      finding(FindingKind::read_before_wait, lanes.site.code, thread_of(thread), address - shared_.begin,
              fmt::format("{} {} bytes of shared memory that an asynchronous copy is still on its way to",
                          store ? "writes" : "reads", lanes.size));
      return;
    }
    if (!store && (word.initialised & bits) != bits) {
      finding(
          FindingKind::uninitialised_read, lanes.site.code, thread_of(thread), address - shared_.begin,
          fmt::format("reads {} bytes of shared memory that nothing in this block has written", lanes.size));
      word.initialised |= bits;
      return;
    }
    const unsigned first = offset, last = offset + take - 1;
    const auto conflicts = [&](std::uint16_t who, std::uint32_t epoch, std::uint32_t warp_epoch) {
      if (who == nobody || epoch != epoch_ || who == me) return false;
      if (who == several_warps) return true;
      if (warp_of(who) != warp_->number) return true;
      return warp_epoch == warp_->epoch;  // other lanes of this warp, with no synchronisation since
    };
    if (!atomic) {
      for (unsigned byte = first; byte <= last; ++byte) {
        const bool after_write = conflicts(word.writer[byte], word.write_epoch, word.write_warp_epoch);
        const bool after_read = store && conflicts(word.reader[byte], word.read_epoch, word.read_warp_epoch);
        if (!after_write && !after_read) continue;
        const std::uint16_t who = after_write ? word.writer[byte] : word.reader[byte];
        std::string other = "threads of several warps";
        if (who != several_warps && !(who & several_lanes)) {
          const Index3 t = thread_of(who - 1u);
          other = fmt::format("thread ({},{},{})", t.x, t.y, t.z);
        } else if (who != several_warps) {
          other = fmt::format("several threads of warp {}", who & 0x7fffu);
        }
        finding(FindingKind::shared_race, lanes.site.code, thread_of(thread), address - shared_.begin,
                fmt::format("{} {} bytes of shared memory that {} {} with no barrier between",
                            store ? "writes" : "reads", lanes.size, other, after_write ? "wrote" : "read"));
        return;
      }
    }
    if (store || atomic) {
      word.initialised |= bits;
      if (word.write_epoch != epoch_) word.writer = {};
      word.write_epoch = epoch_;
      word.write_warp_epoch = warp_->epoch;
      for (unsigned byte = first; byte <= last; ++byte) word.writer[byte] = atomic ? nobody : me;
    } else {
      if (word.read_epoch != epoch_) word.reader = {};
      word.read_epoch = epoch_;
      if (word.read_warp_epoch != warp_->epoch) {
        for (auto& reader : word.reader)
          if (reader != nobody && reader != several_warps && warp_of(reader) == warp_->number)
            reader = nobody;
      }
      word.read_warp_epoch = warp_->epoch;
      for (unsigned byte = first; byte <= last; ++byte) {
        std::uint16_t& reader = word.reader[byte];
        if (reader == nobody || reader == me)
          reader = me;
        else if (reader != several_warps)
          reader = warp_of(reader) == warp_->number
                       ? static_cast<std::uint16_t>(several_lanes | warp_->number)
                       : several_warps;
      }
    }
  }
}

void Account::async_destination(std::uint32_t code, std::uintptr_t address, unsigned bytes, unsigned thread,
                                bool arrived) {
  if (!shared_.contains(address)) return;
  for (unsigned done = 0; done < bytes; done += 4) {
    SharedWord& word = shadow_[(address + done - shared_.begin) / 4];
    if (word.block != block_serial_) {
      word = SharedWord{};
      word.block = block_serial_;
    }
    if (arrived) {
      word.in_flight = 0;
      word.initialised = 0xf;
      word.writer.fill(accessor(thread));
      word.write_epoch = epoch_;
      word.write_warp_epoch = warp_->epoch;
      continue;
    }
    const bool read_by_others = word.read_epoch == epoch_ && word.reader[0] != nobody &&
                                word.reader[0] != accessor(thread) &&
                                (word.reader[0] == several_warps || warp_of(word.reader[0]) != warp_->number);
    if (read_by_others)
      finding(
          FindingKind::shared_race, code, thread_of(thread), address + done - shared_.begin,
          "an asynchronous copy overwrites shared memory that other threads read with no barrier between");
    word.in_flight = 0xf;
  }
}

}  // namespace attnlab::simt
