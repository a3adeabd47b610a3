// The checks of shared memory: bounds, uninitialised reads, races between barriers, copies that have not
// arrived.
#include <fmt/format.h>

#include <algorithm>

#include "simulator/emulator/runtime/account.h"

namespace attnlab::emulator {

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
  for (SharedVariableInfo& info : variables_) {
    if (info.guard_end - info.begin == guarded_bytes && info.name.find(mangled) != std::string::npos)
      info.end = info.begin + bytes;
  }
}

// Remembers in the site the variable that the lane's bytes lie in; reports an access outside of all.
bool Account::inside_variable(const Lanes& lanes, unsigned lane) {
  const std::uint64_t address = lanes.address[lane];
  if (address >= dynamic_.begin && address < dynamic_.begin + kDynamicSharedCapacity) {
    lanes.site.variable_begin = dynamic_.begin;
    lanes.site.variable_end = dynamic_.end;
    if (address + lanes.size <= dynamic_.end) return true;
    finding(FindingKind::out_of_bounds, lanes.site.code, thread_of(warp_->number * kWarpSize + lane),
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
  finding(FindingKind::out_of_bounds, lanes.site.code, thread_of(warp_->number * kWarpSize + lane), address,
          fmt::format("{} {} bytes of shared memory, {} bytes past the end of {} ({} bytes)",
                      lanes.kind == Event::load ? "reads" : "writes", lanes.size, past, name, bytes));
  return false;
}

void Account::check_shared(const Lanes& lanes) {
  const auto outside = [&](std::uint64_t low, std::uint64_t high) {
    return low < lanes.site.variable_begin || high + lanes.size > lanes.site.variable_end;
  };
  if (outside(lanes.low, lanes.high)) {
    for (unsigned l = 0; l < kWarpSize; ++l) {
      if ((lanes.mask >> l & 1) && outside(lanes.address[l], lanes.address[l]) && !inside_variable(lanes, l))
        return;
    }
  }
  std::uint64_t low_bits = lanes.low;
  if (lanes.low != lanes.high)
    for (unsigned l = 0; l < kWarpSize; ++l) low_bits |= lanes.address[l];
  if ((low_bits & (lanes.size - 1)) != 0 && (lanes.size & (lanes.size - 1)) == 0) {
    for (unsigned l = 0; l < kWarpSize; ++l) {
      if (lanes.address[l] % lanes.size != 0 && (lanes.mask >> l & 1)) {
        finding(FindingKind::misaligned_access, lanes.site.code, thread_of(warp_->number * kWarpSize + l),
                lanes.address[l] - shared_.begin,
                fmt::format("{} {} bytes of shared memory at an address that is no multiple of {}",
                            lanes.kind == Event::load ? "reads" : "writes", lanes.size, lanes.size));
        break;
      }
    }
  }
  if (lanes.low == lanes.high) {  // all lanes at one place
    const bool many = (lanes.mask & (lanes.mask - 1)) != 0;
    const auto first = static_cast<unsigned>(__builtin_ctz(lanes.mask));
    const Accessor me = many ? lanes_of(warp_->number) : accessor(warp_->number * kWarpSize + first);
    if (lanes.kind != Event::load || !read_group(lanes.low - shared_base_, lanes.size, me))
      touch_shared(lanes, first, many);
    return;
  }
  for (unsigned l = 0; l < kWarpSize; ++l) {
    if (lanes.mask >> l & 1) {
      const Accessor me = accessor(warp_->number * kWarpSize + l);
      const std::uint64_t at = lanes.address[l] - shared_base_;
      const bool done = lanes.kind == Event::load    ? read_group(at, lanes.size, me)
                        : lanes.kind == Event::store ? write_words(at, lanes.size, me)
                                                     : false;
      if (!done) touch_shared(lanes, l, false);
    }
  }
}

// A store of whole words that nobody has touched in this epoch, as nearly every store. False: not entered, or
// not all of them.
bool Account::write_words(std::uint64_t at, unsigned bytes, Accessor me) {
  if (((at | bytes) & 3) != 0) return false;
  for (const std::uint64_t end = at + bytes; at < end; at += 4) {
    SharedWord& word = word_at(at);
    if (word.in_flight != 0 || word.write_epoch == epoch_ || word.read_epoch == epoch_) return false;
    word.initialised = 0xf;
    word.write_epoch = epoch_;
    word.write_warp_epoch = warp_->epoch;
    word.writer.fill(me);
  }
  return true;
}

// A read of whole words of one group which finds nothing amiss, as nearly every read. False: not entered.
bool Account::read_group(std::uint64_t at, unsigned bytes, Accessor me) {
  const std::uint64_t n = at / 16;
  SharedGroup& group = groups_[n];
  if (((at | bytes) & 3) != 0 || at % 16 + bytes > 16) return false;
  if (group.epoch != epoch_) {
    if (group.epoch < first_epoch_) {  // else the words are as they were: a change opens the group
      for (unsigned w = 0; w < 4; ++w) {
        const SharedWord& word = shadow_[4 * n + w];
        if (word.block != block_serial_ || word.initialised != 0xf || word.in_flight != 0 ||
            word.write_epoch == epoch_ || word.read_epoch == epoch_)
          return false;
      }
    }
    group = {epoch_, 0, {}};
  }
  return group.read(static_cast<unsigned>(at % 16 / 4), bytes / 4, me, warp_->number, warp_->epoch);
}

// What the group says goes to its words.
void Account::open_up(std::uint64_t n) {
  SharedGroup& group = groups_[n];
  if (group.epoch == epoch_) {
    for (unsigned w = 0; w < 4; ++w) {
      if (group.reader[w] == kNobody) continue;
      SharedWord& word = shadow_[4 * n + w];
      word.reader.fill(group.reader[w]);
      word.read_epoch = epoch_;
      word.read_warp_epoch = group.warp_epoch;
    }
  }
  group.epoch = 0;
}

// The word of a byte, to be changed.
SharedWord& Account::word_at(std::uint64_t at) {
  if (groups_[at / 16].epoch != 0) open_up(at / 16);
  SharedWord& word = shadow_[at / 4];
  if (word.block != block_serial_) {
    word = SharedWord{};
    word.block = block_serial_;
  }
  return word;
}

void Account::touch_shared(const Lanes& lanes, unsigned lane, bool many) {
  const std::uint64_t address = lanes.address[lane];
  const unsigned thread = warp_->number * kWarpSize + lane;
  const bool atomic = lanes.kind == Event::atomic || lanes.kind == Event::reduction;
  const bool store = lanes.kind == Event::store;
  const Accessor me = many ? lanes_of(warp_->number) : accessor(thread);
  std::uint64_t at = address - shared_base_;
  for (unsigned done = 0; done < lanes.size;) {
    const unsigned offset = at % 4, take = std::min(4 - offset, lanes.size - done);
    const auto bits = static_cast<std::uint8_t>(((1u << take) - 1) << offset);
    SharedWord& word = word_at(at);
    done += take;
    at += take;
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
    const auto conflicts = [&](Accessor who, std::uint32_t epoch, std::uint32_t warp_epoch) {
      if (who == kNobody || epoch != epoch_ || who == me) return false;
      if (who == kSeveralWarps) return true;
      if (warp_of(who) != warp_->number) return true;
      return warp_epoch == warp_->epoch;  // other lanes of this warp, with no synchronisation since
    };
    if (!atomic && (word.write_epoch == epoch_ || (store && word.read_epoch == epoch_))) {
      for (unsigned byte = first; byte <= last; ++byte) {
        const bool after_write = conflicts(word.writer[byte], word.write_epoch, word.write_warp_epoch);
        const bool after_read = store && conflicts(word.reader[byte], word.read_epoch, word.read_warp_epoch);
        if (!after_write && !after_read) continue;
        const Accessor who = after_write ? word.writer[byte] : word.reader[byte];
        std::string other = "threads of several warps";
        if (who != kSeveralWarps && !(who & kSeveralLanes)) {
          const Index3 t = thread_of(who - 1u);
          other = fmt::format("thread ({},{},{})", t.x, t.y, t.z);
        } else if (who != kSeveralWarps) {
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
      for (unsigned byte = first; byte <= last; ++byte) word.writer[byte] = atomic ? kNobody : me;
    } else {
      if (word.read_epoch != epoch_) word.reader = {};
      word.read_epoch = epoch_;
      if (word.read_warp_epoch != warp_->epoch) {
        for (auto& reader : word.reader) {
          if (reader != kNobody && reader != kSeveralWarps && warp_of(reader) == warp_->number)
            reader = kNobody;
        }
      }
      word.read_warp_epoch = warp_->epoch;
      for (unsigned byte = first; byte <= last; ++byte) {
        Accessor& reader = word.reader[byte];
        if (reader == kNobody || reader == me)
          reader = me;
        else if (reader != kSeveralWarps)
          reader = warp_of(reader) == warp_->number ? lanes_of(warp_->number) : kSeveralWarps;
      }
    }
  }
}

void Account::async_destination(std::uint32_t code, std::uintptr_t address, unsigned bytes, unsigned thread,
                                bool arrived) {
  if (!shared_.contains(address)) return;
  for (unsigned done = 0; done < bytes; done += 4) {
    SharedWord& word = word_at(address + done - shared_base_);
    if (arrived) {
      word.in_flight = 0;
      word.initialised = 0xf;
      word.writer.fill(accessor(thread));
      word.write_epoch = epoch_;
      word.write_warp_epoch = warp_->epoch;
      continue;
    }
    const bool read_by_others = word.read_epoch == epoch_ && word.reader[0] != kNobody &&
                                word.reader[0] != accessor(thread) &&
                                (word.reader[0] == kSeveralWarps || warp_of(word.reader[0]) != warp_->number);
    if (read_by_others) {
      finding(
          FindingKind::shared_race, code, thread_of(thread), address + done - shared_.begin,
          "an asynchronous copy overwrites shared memory that other threads read with no barrier between");
    }
    word.in_flight = 0xf;
  }
}

}  // namespace attnlab::emulator
