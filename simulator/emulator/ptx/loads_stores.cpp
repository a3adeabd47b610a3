// Loads, stores and prefetches.
//
// A vector access is one access of its whole size. It is recorded before it happens, at the asm statement.
#include <array>
#include <cstring>

#include "simulator/emulator/ptx/memory_operand.h"

namespace attnlab::emulator::ptx {
namespace {

constexpr std::uint32_t kOrderedAccess = 1, kBypassL1 = 2;
constexpr unsigned kAddressSlot = 4;  // slots 0 to 3 are the data

template <class T>
T read(const void* from, bool ordered) {
  T value;
  if (ordered && reinterpret_cast<std::uintptr_t>(from) % sizeof(T) == 0)
    __atomic_load(static_cast<const T*>(from), &value, __ATOMIC_ACQUIRE);
  else
    std::memcpy(&value, from, sizeof(T));
  return value;
}
template <class T>
void write(void* to, T value, bool ordered) {
  if (ordered && reinterpret_cast<std::uintptr_t>(to) % sizeof(T) == 0)
    __atomic_store(static_cast<T*>(to), &value, __ATOMIC_RELEASE);
  else
    std::memcpy(to, &value, sizeof(T));
}

template <class T, unsigned count, bool shared>
void load(Context& c, const Step& s) {
  const void* address = address_of<shared>(c, s, kAddressSlot);
  record_load(address, count * sizeof(T), c.site, (s.option & kBypassL1) != 0);
  T values[count];
  if constexpr (count == 1)
    values[0] = read<T>(address, (s.option & kOrderedAccess) != 0);
  else
    std::memcpy(values, address, sizeof values);
  for (unsigned i = 0; i < count; ++i) c.set(s.slots[i], values[i]);
}

template <class T, unsigned count, bool shared>
void store(Context& c, const Step& s) {
  void* address = address_of<shared>(c, s, kAddressSlot);
  record_store(address, count * sizeof(T), c.site);
  T values[count];
  for (unsigned i = 0; i < count; ++i) values[i] = c.get<T>(s.slots[i]);
  if constexpr (count == 1)
    write(address, values[0], (s.option & kOrderedAccess) != 0);
  else
    std::memcpy(address, values, sizeof values);
}

template <bool loads, class T, unsigned count>
Handler access(bool shared) {
  if constexpr (loads)
    return shared ? load<T, count, true> : load<T, count, false>;
  else
    return shared ? store<T, count, true> : store<T, count, false>;
}
template <bool loads, class T>
Handler of_count(const Builder& b, unsigned count, bool shared) {
  if (count == 1) return access<loads, T, 1>(shared);
  if (count == 2) return access<loads, T, 2>(shared);
  if (count == 4 && sizeof(T) <= 4) return access < loads, T, sizeof(T) <= 4 ? 4 : 1 > (shared);
  b.refuse("a vector of more than 16 bytes is not supported");
}
template <bool loads>
Handler of_type(const Builder& b, Type type, unsigned count, bool shared) {
  switch (type) {
    case Type::s8:
      return of_count<loads, std::int8_t>(b, count, shared);
    case Type::s16:
      return of_count<loads, std::int16_t>(b, count, shared);
    case Type::s32:
      return of_count<loads, std::int32_t>(b, count, shared);
    case Type::f16x2:
    case Type::bf16x2:
    case Type::tf32:
    case Type::pred:
      b.refuse("." + std::string(name(type)) + " is no type in memory");
    default:
      break;
  }
  switch (bits(type)) {
    case 8:
      return of_count<loads, std::uint8_t>(b, count, shared);
    case 16:
      return of_count<loads, std::uint16_t>(b, count, shared);
    case 32:
      return of_count<loads, std::uint32_t>(b, count, shared);
    default:
      return of_count<loads, std::uint64_t>(b, count, shared);
  }
}

template <bool loads>
void decode_access(Builder& b) {
  Modifiers m = b.modifiers();
  if (m.take("param")) b.refuse("the .param space is not supported");
  const Order order = take_order(m);
  const bool shared = take_shared_space(m);
  const Hints hints = take_hints(m);
  if (loads) m.take("nc");
  const auto vector = m.take_one({"v2", "v4"});
  const unsigned count = vector.empty() ? 1 : vector == "v2" ? 2 : 4;
  const Type type = m.type();
  m.finish();
  b.expect_operands(2 + hints.policy_operand, 2 + hints.policy_operand);

  Step step{.option = (order.ordered ? kOrderedAccess : 0) |
                      (loads && (order.beyond_block || hints.bypass_l1) ? kBypassL1 : 0)};
  const std::size_t data = loads ? 0 : 1;
  if (type == Type::b128) {
    if (count != 1) b.refuse("a vector of more than 16 bytes is not supported");
    std::tie(step.slots[0], step.slots[1]) = b.wide(b.operand(data), loads ? Direction::out : Direction::in);
    step.run = of_type<loads>(b, Type::b64, 2, shared);
  } else {
    constexpr auto width = Builder::Width::at_least;
    const auto slots = loads ? b.destinations(data, type, count, width) : b.sources(data, type, count, width);
    std::copy(slots.begin(), slots.end(), step.slots);
    step.run = of_type<loads>(b, type, count, shared);
  }
  b.address(loads ? 1 : 0, step, kAddressSlot, shared);
  b.add(step);
}

// Nothing depends on a prefetch.
void decode_prefetch(Builder& b) {
  b.expect_operands(1, 1);
  Modifiers m = b.modifiers();
  m.take_one({"global", "local"});
  if (m.take_one({"L1", "L2", "L2::evict_last", "L2::evict_normal"}).empty()) b.refuse("it names no cache");
  m.finish();
  Step step{.run = [](Context&, const Step&) {}};
  b.address(0, step, 0, false);
  b.add(step);
}

// A cache policy: a number that only .L2::cache_hint takes.
void decode_createpolicy(Builder& b) {
  b.expect_operands(1, 2);
  Modifiers m = b.modifiers();
  if (!m.take("fractional")) b.refuse("only .fractional is supported");
  while (!m.take_prefixed("L2::").empty()) {
  }
  m.take("b64");
  m.finish();
  if (b.operand_count() == 2) b.source(1, Type::f32);
  b.add({.run = [](Context& c, const Step& s) { c.set(s.slots[0], std::uint64_t{0}); },
         .slots = {b.destination(0, Type::b64)}});
}

constexpr std::array<Instruction, 5> kInstructions{{
    {"ld", decode_access<true>},
    {"st", decode_access<false>},
    {"prefetch", decode_prefetch},
    {"prefetchu", decode_prefetch},
    {"createpolicy", decode_createpolicy},
}};

}  // namespace

std::span<const Instruction> memory_instructions() { return kInstructions; }

}  // namespace attnlab::emulator::ptx
