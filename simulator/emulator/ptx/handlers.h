// Handlers of scalar instructions made from C++ function objects, one for every type.
#pragma once

#include <limits>

#include "simulator/emulator/ptx/builder.h"

namespace attnlab::emulator::ptx {

template <class Op, class T>
void run_unary(Context& c, const Step& s) {
  c.set(s.slots[0], Op{}(c.get<T>(s.slots[1])));
}
template <class Op, class T>
void run_binary(Context& c, const Step& s) {
  c.set(s.slots[0], Op{}(c.get<T>(s.slots[1]), c.get<T>(s.slots[2])));
}
template <class Op, class T>
void run_ternary(Context& c, const Step& s) {
  c.set(s.slots[0], Op{}(c.get<T>(s.slots[1]), c.get<T>(s.slots[2]), c.get<T>(s.slots[3])));
}

// choose(T{}) of the C++ type of an integer type of 16 to 64 bits; refuses other types.
template <class Choose>
Handler of_integer(const Builder& b, Type type, Choose choose) {
  switch (type) {
    case Type::u16:
      return choose(std::uint16_t{});
    case Type::s16:
      return choose(std::int16_t{});
    case Type::u32:
      return choose(std::uint32_t{});
    case Type::s32:
      return choose(std::int32_t{});
    case Type::u64:
      return choose(std::uint64_t{});
    case Type::s64:
      return choose(std::int64_t{});
    default:
      b.refuse("." + std::string(name(type)) + " is not supported here");
  }
}
// The same of an untyped one.
template <class Choose>
Handler of_bits(const Builder& b, Type type, Choose choose) {
  switch (type) {
    case Type::b16:
      return choose(std::uint16_t{});
    case Type::b32:
      return choose(std::uint32_t{});
    case Type::b64:
      return choose(std::uint64_t{});
    default:
      b.refuse("." + std::string(name(type)) + " is not supported here");
  }
}

template <class Op>
Handler unary_integer(const Builder& b, Type type) {
  return of_integer(b, type, []<class T>(T) -> Handler { return run_unary<Op, T>; });
}
template <class Op>
Handler binary_integer(const Builder& b, Type type) {
  return of_integer(b, type, []<class T>(T) -> Handler { return run_binary<Op, T>; });
}
template <class Op>
Handler ternary_integer(const Builder& b, Type type) {
  return of_integer(b, type, []<class T>(T) -> Handler { return run_ternary<Op, T>; });
}

// Adds the step of an instruction whose destination and `sources` operands all have this type.
inline void add_uniform(Builder& b, Type type, unsigned sources, Handler run, std::uint32_t option = 0) {
  b.expect_operands(sources + 1, sources + 1);
  Step step{.run = run, .option = option};
  step.slots[0] = b.destination(0, type);
  for (unsigned i = 1; i <= sources; ++i) step.slots[i] = b.source(i, type);
  b.add(step);
}

}  // namespace attnlab::emulator::ptx
