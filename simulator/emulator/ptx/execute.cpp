// ptx.h's run: finding the program of a text, and interpreting it.
#include <alloca.h>

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "simulator/emulator/device_calls.h"
#include "simulator/emulator/ptx/builder.h"
#include "simulator/emulator/ptx/check.h"
#include "simulator/emulator/ptx/ptx.h"

namespace attnlab::emulator::ptx {
namespace {

Program compile(std::string_view text, std::span<const Shape> shapes) {
  try {
    return Builder(shapes).build(parse(text));
  } catch (const Refused& refused) {
    Program program;
    program.refusal = std::string("inline PTX ") + refused.what();
    return program;
  }
}

// "C" operands are literals: their contents replace their names in the text.
std::string substituted(std::string_view text, std::span<const Shape> shapes, const std::uint64_t* values) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at + 1;
    while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
    std::size_t number = shapes.size();
    if (text[at] == '%' && end > at + 1 && end < at + 5)
      number = std::stoul(std::string(text.substr(at + 1, end - at - 1)));
    if (number < shapes.size() && letter_of(shapes[number]) == 'C') {
      std::size_t word = 0;
      for (std::size_t i = 0; i < number; ++i) word += letter_of(shapes[i]) == 'q' ? 2 : 1;
      result += reinterpret_cast<const char*>(values[word]);
    } else {
      result += text.substr(at, end - at);
    }
    at = end;
  }
  return result;
}

// All programs of the process, by text and shapes. They are never removed, so that readers need no lock.
const Program& find_program(const std::string& text, std::span<const Shape> shapes) {
  static std::mutex mutex;
  // Never destroyed: a kernel may be launched while the process ends.
  static auto& programs = *new std::unordered_map<std::string, std::unique_ptr<const Program>>;
  std::string key(shapes.begin(), shapes.end());
  key += '\0';
  key += text;
  const std::lock_guard lock(mutex);
  auto& program = programs[key];
  if (!program) program = std::make_unique<const Program>(compile(text, shapes));
  return *program;
}

// What each thread of the emulator ran last: a literal's address and the shapes are enough to know it again.
// Two words of shapes are compared; texts with more operands take the long way.
struct Recent {
  const char* text = nullptr;
  std::uint64_t shapes[2] = {};
  const Program* program = nullptr;
};
constexpr std::size_t kRecentSize = 256;
thread_local std::array<Recent, kRecentSize> recent;

[[gnu::noinline]] const Program& look_up(const char* text, const std::uint64_t* values,
                                         const std::uint64_t* shape_words, unsigned words) {
  std::vector<Shape> shapes;
  bool literal = true;
  for (unsigned i = 0; i < 8 * words; ++i) {
    const auto shape = static_cast<Shape>(shape_words[i / 8] >> (i % 8 * 8));
    if (shape == 0) break;
    shapes.push_back(shape);
    literal &= letter_of(shape) != 'C';
  }
  const Program& program =
      find_program(literal ? std::string(text) : substituted(text, shapes, values), shapes);
  if (literal && (words <= 2 || shapes.size() <= 16)) {
    Recent& r = recent[(reinterpret_cast<std::uintptr_t>(text) ^ shape_words[0]) % kRecentSize];
    r = {text, {shape_words[0], words > 1 ? shape_words[1] : 0}, &program};
  }
  return program;
}

[[noreturn, gnu::noinline]] void refuse(const Program& program, const char* file, unsigned line,
                                        const void* site) {
  unsupported((program.refusal + " (" + file + ":" + std::to_string(line) + ")").c_str(), site);
}

// registers: program.frame_slots of them, the first with the operands' values.
void interpret(const Program& program, std::uint64_t* registers, const void* site) {
  for (unsigned i = program.argument_words; i < program.frame_slots; ++i) registers[i] = 0;
  for (const auto& [slot, value] : program.constants) registers[slot] = value;
  const auto statement = reinterpret_cast<std::uintptr_t>(site);
  Context c{registers, nullptr, site, site};
  const Step* const begin = program.steps.data();
  const Step* const end = begin + program.steps.size();
  for (const Step* step = begin; step != end; step = c.next) {
    c.next = step + 1;
    if (step->guard != kNoSlot && c.get<bool>(step->guard) != step->guard_value) continue;
    // All steps of a statement belong to one place of the code; their numbers keep their records apart.
    c.site =
        reinterpret_cast<const void*>(statement | (static_cast<std::uintptr_t>(step - begin) & 0xff) << 48);
    step->run(c, *step);
  }
}

}  // namespace

template <unsigned N>
Operands<N> run(const char* text, const char* file, unsigned line, Operands<N> operands) {
  const void* site = __builtin_return_address(0);
  constexpr unsigned words = (N + 7) / 8;
  const Recent& r = recent[(reinterpret_cast<std::uintptr_t>(text) ^ operands.shapes[0]) % kRecentSize];
  bool same = r.text == text && r.shapes[0] == operands.shapes[0];
  if constexpr (words > 1) same = same && r.shapes[1] == operands.shapes[1];
  if constexpr (words > 2) same = same && operands.shapes[2] == 0;
  const Program& program = same ? *r.program : look_up(text, operands.values, operands.shapes, words);
  if (!program.refusal.empty()) [[unlikely]]
    refuse(program, file, line, site);
  // Most programs need no more registers than the operands have room for.
  if (program.frame_slots <= N) {
    interpret(program, operands.values, site);
    return operands;
  }
  auto* registers = static_cast<std::uint64_t*>(alloca(program.frame_slots * sizeof(std::uint64_t)));
  std::copy_n(operands.values, program.argument_words, registers);
  interpret(program, registers, site);
  std::copy_n(registers, program.argument_words, operands.values);
  return operands;
}

template Operands<4> run<4>(const char*, const char*, unsigned, Operands<4>);
template Operands<8> run<8>(const char*, const char*, unsigned, Operands<8>);
template Operands<16> run<16>(const char*, const char*, unsigned, Operands<16>);
template Operands<32> run<32>(const char*, const char*, unsigned, Operands<32>);
template Operands<256> run<256>(const char*, const char*, unsigned, Operands<256>);

std::string problem(std::string_view text, const std::vector<std::string>& constraints) {
  std::vector<Shape> shapes;
  for (const std::string& constraint : constraints) {
    const Direction direction = constraint.starts_with('=')   ? Direction::out
                                : constraint.starts_with('+') ? Direction::inout
                                                              : Direction::in;
    shapes.push_back(shape(constraint.empty() ? '\0' : constraint.back(), direction));
    if (letter_of(shapes.back()) == 'C') return {};
  }
  return compile(text, shapes).refusal;
}

}  // namespace attnlab::emulator::ptx
