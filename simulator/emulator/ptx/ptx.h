// Inline PTX on the emulator: what the translator makes of an asm statement.
//
//   asm volatile("fma.rn.f32 %0, %1, %2, %0;" : "+f"(d) : "f"(a), "f"(b));
// becomes
//   ::attnlab::emulator::ptx::execute("fma.rn.f32 %0, %1, %2, %0;", "file.cu", 12,
//                                     ::attnlab::emulator::ptx::inout("+f", d),
//                                     ::attnlab::emulator::ptx::in("f", a),
//                                     ::attnlab::emulator::ptx::in("f", b));
//
// Operands travel by value, packed into one struct that is passed and returned by value, and never by
// address: the user's variables stay in registers, the struct is no memory that the compiler would
// instrument, and a lvalue in device memory (asm("..." : "=r"(*p))) is read and written by the user's own
// code, where it counts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace attnlab::emulator::ptx {

enum class Direction : std::uint8_t { in, out, inout };

// What the text may know of an operand: its constraint letter (h r l f d q n C) and its direction, in a byte.
using Shape = std::uint8_t;
[[gnu::always_inline]] constexpr Shape shape(char letter, Direction direction) {
  return static_cast<Shape>((letter & 0x3f) | static_cast<int>(direction) << 6);
}
constexpr char letter_of(Shape shape) { return static_cast<char>((shape & 0x3f) | 0x40); }
constexpr Direction direction_of(Shape shape) { return static_cast<Direction>(shape >> 6); }

// A value of 1, 2, 4, 8 or 16 bytes as 64-bit words, and back.
struct Words {
  std::uint64_t low = 0, high = 0;
};
template <class T>
[[gnu::always_inline]] inline Words to_words(T value) {
  static_assert(sizeof(T) == 1 || sizeof(T) == 2 || sizeof(T) == 4 || sizeof(T) == 8 || sizeof(T) == 16,
                "an operand of inline PTX has 1, 2, 4, 8 or 16 bytes");
  if constexpr (std::is_integral_v<T> && sizeof(T) <= 8)
    return {static_cast<std::uint64_t>(value), 0};  // sign-extended: narrow constants fit every constraint
  else if constexpr (sizeof(T) == 1)
    return {__builtin_bit_cast(std::uint8_t, value), 0};
  else if constexpr (sizeof(T) == 2)
    return {__builtin_bit_cast(std::uint16_t, value), 0};
  else if constexpr (sizeof(T) == 4)
    return {__builtin_bit_cast(std::uint32_t, value), 0};
  else if constexpr (sizeof(T) == 8)
    return {__builtin_bit_cast(std::uint64_t, value), 0};
  else
    return __builtin_bit_cast(Words, value);
}
template <class T>
[[gnu::always_inline]] inline T from_words(Words words) {
  if constexpr (sizeof(T) == 1)
    return __builtin_bit_cast(T, static_cast<std::uint8_t>(words.low));
  else if constexpr (sizeof(T) == 2)
    return __builtin_bit_cast(T, static_cast<std::uint16_t>(words.low));
  else if constexpr (sizeof(T) == 4)
    return __builtin_bit_cast(T, static_cast<std::uint32_t>(words.low));
  else if constexpr (sizeof(T) == 8)
    return __builtin_bit_cast(T, words.low);
  else
    return __builtin_bit_cast(T, words);
}

template <class T>
struct Input {
  static constexpr unsigned words = sizeof(T) > 8 ? 2 : 1;
  Shape shape;
  Words value;
  [[gnu::always_inline]] void take(Words) const {}
};
template <class T>
struct Output {
  static constexpr unsigned words = sizeof(T) > 8 ? 2 : 1;
  Shape shape;
  Words value;
  T& target;
  [[gnu::always_inline]] void take(Words result) const {
    target = from_words<std::remove_volatile_t<T>>(result);
  }
};

// The operands, with their constraints as the asm statement writes them.
template <class T>
[[gnu::always_inline]] inline Input<T> in(const char* constraint, T value) {
  return {shape(constraint[0], Direction::in), to_words(value)};
}
template <class T>
[[gnu::always_inline]] inline Output<T> out(const char* constraint, T& target) {
  return {shape(constraint[1] == '&' ? constraint[2] : constraint[1], Direction::out), {}, target};
}
template <class T>
[[gnu::always_inline]] inline Output<T> inout(const char* constraint, T& target) {
  return {shape(constraint[1] == '&' ? constraint[2] : constraint[1], Direction::inout),
          to_words(static_cast<std::remove_volatile_t<T>>(target)), target};
}

// All operands of a statement: their values, two words for 128 bits, and their shapes (0 after the last).
template <unsigned N>
struct Operands {
  std::uint64_t values[N];
  std::uint64_t shapes[(N + 7) / 8];
};

// Executes the text for the calling thread and returns the operands' values afterwards. The text must be a
// literal: it is parsed once, and known by its address from then on. A text that does not parse, or that asks
// for something unsupported, stops the launch (emulator::unsupported).
template <unsigned N>
Operands<N> run(const char* text, const char* file, unsigned line, Operands<N> operands);

extern template Operands<4> run<4>(const char*, const char*, unsigned, Operands<4>);
extern template Operands<8> run<8>(const char*, const char*, unsigned, Operands<8>);
extern template Operands<16> run<16>(const char*, const char*, unsigned, Operands<16>);
extern template Operands<32> run<32>(const char*, const char*, unsigned, Operands<32>);
extern template Operands<256> run<256>(const char*, const char*, unsigned, Operands<256>);

constexpr unsigned room_for(unsigned words) {
  return words <= 4 ? 4 : words <= 8 ? 8 : words <= 16 ? 16 : words <= 32 ? 32 : 256;
}

template <class... Each>
[[gnu::always_inline]] inline void execute(const char* text, const char* file, unsigned line,
                                           const Each&... each) {
  constexpr unsigned words = (0u + ... + Each::words);
  static_assert(words <= 256, "inline PTX with more than 256 operands");
  Operands<room_for(words)> operands{};
  unsigned word = 0, index = 0;
  [[maybe_unused]] const auto put = [&](unsigned count, const Words& value, Shape shape)
      __attribute__((always_inline)) {
    operands.values[word] = value.low;
    if (count == 2) operands.values[word + 1] = value.high;
    operands.shapes[index / 8] |= static_cast<std::uint64_t>(shape) << (index % 8 * 8);
    word += count, ++index;
  };
  (put(Each::words, each.value, each.shape), ...);
  const Operands<room_for(words)> results = run<room_for(words)>(text, file, line, operands);
  word = 0;
  [[maybe_unused]] const auto take = [&](unsigned count) __attribute__((always_inline)) {
    const Words result{results.values[word], count == 2 ? results.values[word + 1] : 0};
    word += count;
    return result;
  };
  (each.take(take(Each::words)), ...);
}

}  // namespace attnlab::emulator::ptx
