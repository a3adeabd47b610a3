// Running PTX texts in tests, and the values worth running them on.
#pragma once

#include <bit>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <type_traits>
#include <vector>

#include "simulator/emulator/ptx/ptx.h"
#include "tests/simulator/emulator/ptx/fake_device.h"

namespace attnlab::emulator::ptx {

// The same text at the same address, for ever: the interpreter knows texts by their address.
inline const char* interned(const std::string& text) {
  static std::set<std::string> texts;
  return texts.insert(text).first->c_str();
}

// When ATTNLAB_PTX_TEXTS names a file, every text that run_text executes is added to it, with its constraints
// (and the values of its constants): ptxas_test.cpp gives them to NVIDIA's assembler.
template <class... Each>
void remember(const std::string& text, const Each&... each) {
  static const char* path = std::getenv("ATTNLAB_PTX_TEXTS");
  if (path == nullptr) return;
  std::string line;
  [[maybe_unused]] const auto add = [&](Shape shape, const Words& value) {
    constexpr const char* prefixes[] = {"", "=", "+"};
    line += prefixes[static_cast<int>(direction_of(shape))];
    line += letter_of(shape);
    if (letter_of(shape) == 'n') line += std::to_string(static_cast<std::int64_t>(value.low));
    line += ' ';
  };
  (add(each.shape, each.value), ...);
  static std::set<std::string> known;
  if (!known.insert(line + text).second) return;
  std::ofstream(path, std::ios::app) << line << '\x1f' << text << '\x1e';
}

// When ATTNLAB_PTX_CASES names a file, executions are added to it with the operands' values before and after
// (the first 256 per lane of each text): on_gpu.py lets a GPU answer the same.
template <class... Each>
void note_case(const std::string& text, const std::vector<std::uint64_t>& before, const Each&... each) {
  static const char* path = std::getenv("ATTNLAB_PTX_CASES");
  if (path == nullptr) return;
  static std::map<std::string, unsigned> counts;
  std::ostringstream line;
  (..., (line << "/=+"[static_cast<int>(direction_of(each.shape))] << letter_of(each.shape) << ' '));
  line << '\x1f' << text << '\x1f' << thread_index().x;
  if (++counts[line.str()] > 256) return;
  line << '\x1f' << std::hex;
  for (const std::uint64_t word : before) line << word << ' ';
  line << '\x1f';
  [[maybe_unused]] const auto after = [&](const auto& operand) {
    if constexpr (requires { operand.target; })
      line << to_words(operand.target).low << ' ';
    else
      line << operand.value.low << ' ';
  };
  (after(each), ...);
  std::ofstream(path, std::ios::app) << line.str() << '\x1e';
}

template <class... Each>
void run_text(const std::string& text, const Each&... each) {
  remember(text, each...);
  const std::vector<std::uint64_t> before{each.value.low...};
  execute(interned(text), "test.cu", 1, each...);
  note_case(text, before, each...);
}

// The constraint of a C++ type.
template <class T>
constexpr const char* constraint_of() {
  if constexpr (std::is_same_v<T, float>)
    return "=f";
  else if constexpr (std::is_same_v<T, double>)
    return "=d";
  else if constexpr (sizeof(T) == 2)
    return "=h";
  else if constexpr (sizeof(T) == 4)
    return "=r";
  else
    return "=l";
}

// What "instruction %0, %1, ...;" makes of its operands.
template <class Result, class... Arguments>
Result evaluate(const std::string& instruction, Arguments... arguments) {
  Result result{};
  std::string text = instruction + " %0";
  for (std::size_t i = 1; i <= sizeof...(arguments); ++i) text += ", %" + std::to_string(i);
  run_text(text + ";", out(constraint_of<Result>(), result),
           in(constraint_of<Arguments>() + 1, arguments)...);
  return result;
}

// Zero, one, the ends, single bits, bytes in the middle: as every integer type sees them.
template <class T>
std::vector<T> edges() {
  using U = std::make_unsigned_t<T>;
  constexpr unsigned width = 8 * sizeof(T);
  std::vector<T> values;
  for (const std::uint64_t bits : {0ull, 1ull, 2ull, 3ull, 7ull, 31ull, 32ull, 100ull, 0x1234567890abcdefull})
    values.push_back(static_cast<T>(bits)), values.push_back(static_cast<T>(~bits));
  for (unsigned bit = 5; bit < width; bit += 5) values.push_back(static_cast<T>(U(1) << bit));
  values.push_back(static_cast<T>(U(1) << (width - 1)));
  values.push_back(static_cast<T>((U(1) << (width - 1)) - 1));
  return values;
}

// Zeros, subnormals, ordinary numbers, halfway cases, the largest, infinities, NaN.
inline std::vector<float> float_edges() {
  std::vector<float> values;
  for (const std::uint32_t bits :
       {0x00000000u, 0x00000001u, 0x007fffffu, 0x00800000u, 0x33800000u, 0x387fc000u,
        0x3c000000u, 0x3effffffu, 0x3f000000u, 0x3f800000u, 0x3f801000u, 0x3f803000u,
        0x3fc00000u, 0x40490fdbu, 0x42f6e979u, 0x477fefffu, 0x477ff000u, 0x4b000001u,
        0x4f000000u, 0x5f000000u, 0x7e800000u, 0x7f7fffffu, 0x7f800000u, 0x7fc00123u})
    values.push_back(std::bit_cast<float>(bits)), values.push_back(std::bit_cast<float>(bits | 0x80000000u));
  return values;
}

}  // namespace attnlab::emulator::ptx
