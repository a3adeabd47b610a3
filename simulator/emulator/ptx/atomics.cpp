// atom and red: recorded as an atomic, then performed atomically for all threads of the emulator.
#include <algorithm>
#include <array>

#include "simulator/emulator/ptx/memory_operand.h"
#include "simulator/emulator/ptx/numbers.h"

namespace attnlab::emulator::ptx {
namespace {

// slots: 0 the old value, 1 and 2 the address, 3 and 4 the operands.
constexpr std::uint32_t kReturnsValue = 1;

struct Add {
  template <class T>
  T operator()(T old, T b, T, bool) const {
    return static_cast<T>(old + b);
  }
};
// fp32 in global memory flushes subnormal operands and results, in shared memory it does not.
struct AddFloat {
  std::uint32_t operator()(std::uint32_t old, std::uint32_t b, std::uint32_t, bool shared) const {
    if (shared) return as_bits(canonical(as_float(old) + as_float(b)));
    return as_bits(canonical(flush(flush(as_float(old)) + flush(as_float(b)))));
  }
};
struct AddDouble {
  std::uint64_t operator()(std::uint64_t old, std::uint64_t b, std::uint64_t, bool) const {
    return std::bit_cast<std::uint64_t>(std::bit_cast<double>(old) + std::bit_cast<double>(b));
  }
};
template <bool brain>
struct AddHalves {
  template <class T>
  T operator()(T old, T b, T, bool) const {
    std::uint32_t result = 0;
    for (unsigned i = 0; i < sizeof(T) / 2; ++i) {
      const auto x = static_cast<std::uint16_t>(old >> (16 * i)),
                 y = static_cast<std::uint16_t>(b >> (16 * i));
      const std::uint16_t sum = brain ? to_brain(add_to_odd(brain_to_float(x), brain_to_float(y)))
                                      : to_half(add_to_odd(half_to_float(x), half_to_float(y)));
      result |= static_cast<std::uint32_t>(sum) << (16 * i);
    }
    return static_cast<T>(result);
  }
};
struct Minimum {
  template <class T>
  T operator()(T old, T b, T, bool) const {
    return std::min(old, b);
  }
};
struct Maximum {
  template <class T>
  T operator()(T old, T b, T, bool) const {
    return std::max(old, b);
  }
};
struct And {
  template <class T>
  T operator()(T old, T b, T, bool) const {
    return old & b;
  }
};
struct Or {
  template <class T>
  T operator()(T old, T b, T, bool) const {
    return old | b;
  }
};
struct Xor {
  template <class T>
  T operator()(T old, T b, T, bool) const {
    return old ^ b;
  }
};
struct Exchange {
  template <class T>
  T operator()(T, T b, T, bool) const {
    return b;
  }
};
struct CompareAndSwap {
  template <class T>
  T operator()(T old, T expected, T desired, bool) const {
    return old == expected ? desired : old;
  }
};
struct Increment {
  template <class T>
  T operator()(T old, T limit, T, bool) const {
    return old >= limit ? T{0} : static_cast<T>(old + 1);
  }
};
struct Decrement {
  template <class T>
  T operator()(T old, T limit, T, bool) const {
    return old == 0 || old > limit ? limit : static_cast<T>(old - 1);
  }
};

template <class Op, class T, bool shared>
void update(Context& c, const Step& s) {
  void* address = address_of<shared>(c, s, 1);
  record_atomic(address, sizeof(T), (s.option & kReturnsValue) != 0, c.site);
  const T b = c.get<T>(s.slots[3]), d = c.get<T>(s.slots[4]);
  const bool in_shared = shared || (std::is_same_v<Op, AddFloat> && space_of(address) == Space::shared);
  T* target = static_cast<T*>(address);
  T old = __atomic_load_n(target, __ATOMIC_RELAXED);
  while (!__atomic_compare_exchange_n(target, &old, Op{}(old, b, d, in_shared), false, __ATOMIC_ACQ_REL,
                                      __ATOMIC_RELAXED)) {
  }
  if ((s.option & kReturnsValue) != 0) c.set(s.slots[0], old);
}

template <class Op, class T>
Handler updates(bool shared) {
  return shared ? update<Op, T, true> : update<Op, T, false>;
}

// Null: PTX has no such operation.
Handler find_update(std::string_view op, Type type, bool shared) {
  using enum Type;
  if (op == "add") {
    switch (type) {
      case u32:
      case s32:
        return updates<Add, std::uint32_t>(shared);
      case u64:
        return updates<Add, std::uint64_t>(shared);
      case f32:
        return updates<AddFloat, std::uint32_t>(shared);
      case f64:
        return updates<AddDouble, std::uint64_t>(shared);
      case f16:
        return updates<AddHalves<false>, std::uint16_t>(shared);
      case f16x2:
        return updates<AddHalves<false>, std::uint32_t>(shared);
      case bf16:
        return updates<AddHalves<true>, std::uint16_t>(shared);
      case bf16x2:
        return updates<AddHalves<true>, std::uint32_t>(shared);
      default:
        return nullptr;
    }
  }
  if (op == "min" || op == "max") {
    const bool larger = op == "max";
    switch (type) {
      case u32:
        return larger ? updates<Maximum, std::uint32_t>(shared) : updates<Minimum, std::uint32_t>(shared);
      case s32:
        return larger ? updates<Maximum, std::int32_t>(shared) : updates<Minimum, std::int32_t>(shared);
      case u64:
        return larger ? updates<Maximum, std::uint64_t>(shared) : updates<Minimum, std::uint64_t>(shared);
      case s64:
        return larger ? updates<Maximum, std::int64_t>(shared) : updates<Minimum, std::int64_t>(shared);
      default:
        return nullptr;
    }
  }
  if (op == "inc") return type == u32 ? updates<Increment, std::uint32_t>(shared) : nullptr;
  if (op == "dec") return type == u32 ? updates<Decrement, std::uint32_t>(shared) : nullptr;
  if (op == "cas" && type == b16) return updates<CompareAndSwap, std::uint16_t>(shared);
  if (type != b32 && type != b64) return nullptr;
  const bool narrow = type == b32;
  if (op == "and") return narrow ? updates<And, std::uint32_t>(shared) : updates<And, std::uint64_t>(shared);
  if (op == "or") return narrow ? updates<Or, std::uint32_t>(shared) : updates<Or, std::uint64_t>(shared);
  if (op == "xor") return narrow ? updates<Xor, std::uint32_t>(shared) : updates<Xor, std::uint64_t>(shared);
  if (op == "exch")
    return narrow ? updates<Exchange, std::uint32_t>(shared) : updates<Exchange, std::uint64_t>(shared);
  return narrow ? updates<CompareAndSwap, std::uint32_t>(shared)
                : updates<CompareAndSwap, std::uint64_t>(shared);
}

void decode_atomic(Builder& b, bool returns) {
  Modifiers m = b.modifiers();
  if (!m.take_one({"v2", "v4", "v8"}).empty()) b.refuse("vector atomics are not supported");
  take_order(m);
  const bool shared = take_shared_space(m);
  const auto op = m.take_one({"add", "min", "max", "and", "or", "xor", "exch", "cas", "inc", "dec"});
  const bool policy = m.take("L2::cache_hint");
  const bool no_flush = m.take("noftz");
  const Type type = m.type();
  m.finish();
  const bool half = type == Type::f16 || type == Type::f16x2 || type == Type::bf16 || type == Type::bf16x2;
  if (half != no_flush) b.refuse(half ? "expected .noftz" : ".noftz is for halves");
  const Handler run = op.empty() ? nullptr : find_update(op, type, shared);
  if (run == nullptr || (!returns && (op == "exch" || op == "cas")))
    b.refuse("there is no ." + std::string(op) + " of a ." + std::string(name(type)));
  const std::size_t sources = op == "cas" ? 2 : 1;
  const std::size_t address = returns ? 1 : 0;
  b.expect_operands(address + 1 + sources + policy, address + 1 + sources + policy);
  Step step{.run = run, .option = returns ? kReturnsValue : 0};
  if (returns) step.slots[0] = b.destination(0, type);
  b.address(address, step, 1, shared);
  step.slots[3] = b.source(address + 1, type);
  step.slots[4] = sources == 2 ? b.source(address + 2, type) : step.slots[3];
  b.add(step);
}

constexpr std::array<Instruction, 2> kInstructions{{
    {"atom", [](Builder& b) { decode_atomic(b, true); }},
    {"red", [](Builder& b) { decode_atomic(b, false); }},
}};

}  // namespace

std::span<const Instruction> atomic_instructions() { return kInstructions; }

}  // namespace attnlab::emulator::ptx
