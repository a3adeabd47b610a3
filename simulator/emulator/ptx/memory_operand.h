// What the instructions that touch memory share: state spaces, addresses, cache hints.
#pragma once

#include "simulator/emulator/device_calls.h"
#include "simulator/emulator/ptx/builder.h"

namespace attnlab::emulator::ptx {

// The modifiers that only advise (cache operators, eviction priorities, prefetch sizes). Of these the
// operators that bypass the L1 change what a load fetches; .L2::cache_hint comes with an operand more, a
// 64-bit policy.
struct Hints {
  bool policy_operand = false, bypass_l1 = false;
};
inline Hints take_hints(Modifiers& m) {
  Hints hints;
  hints.bypass_l1 = !m.take_one({"cg", "cv"}).empty();
  m.take_one({"ca", "cs", "lu", "wb", "wt"});
  hints.policy_operand = m.take("L2::cache_hint");
  m.take_one(
      {"L1::evict_normal", "L1::evict_unchanged", "L1::evict_first", "L1::evict_last", "L1::no_allocate"});
  m.take_one({"L2::evict_normal", "L2::evict_first", "L2::evict_last"});
  m.take_one({"L2::64B", "L2::128B", "L2::256B"});
  return hints;
}

// The access's order and scope. Ordered: other threads may write this location meanwhile, so the access is
// a single one of the machine that the emulator runs on. Beyond the block it sees what other SMs wrote, which
// only the L2 knows.
struct Order {
  bool ordered = false, beyond_block = false;
};
inline Order take_order(Modifiers& m) {
  const bool ordered = !m.take_one({"volatile", "relaxed", "acquire", "release", "acq_rel"}).empty();
  m.take("weak");
  return {ordered, ordered && m.take_one({"cta", "cluster", "gpu", "sys"}) != "cta"};
}

// The state space of an access, whether its addresses are offsets of the shared window.
inline bool take_shared_space(Modifiers& m) {
  if (!m.take_one({"shared", "shared::cta"}).empty()) return true;
  m.take_one({"global", "const", "local"});
  return false;
}

// The address that slots[first], slots[first + 1] and the immediate of a step name (Builder::address).
inline void* generic_address(const Context& c, const Step& s, unsigned first) {
  return reinterpret_cast<void*>(c.registers[s.slots[first]] + c.registers[s.slots[first + 1]] +
                                 static_cast<std::uint64_t>(s.immediate));
}
inline void* shared_operand(const Context& c, const Step& s, unsigned first) {
  return shared_address(static_cast<std::uint32_t>(c.registers[s.slots[first]] +
                                                   c.registers[s.slots[first + 1]] +
                                                   static_cast<std::uint64_t>(s.immediate)));
}
template <bool shared>
void* address_of(const Context& c, const Step& s, unsigned first) {
  return shared ? shared_operand(c, s, first) : generic_address(c, s, first);
}

}  // namespace attnlab::emulator::ptx
