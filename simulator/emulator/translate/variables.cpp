// Variables in device memory: __device__, __constant__, __managed__, and static ones of device functions.
#include "simulator/emulator/translate/translator.h"

namespace attnlab::emulator::translate {

// Every variable gets a section of its own as far as g++ knows, whose name the assembler cuts at the comment:
// g++ refuses constant data, zeros and inline variables in one section, the assembler does not.
std::string Translator::section(std::string_view name) {
  const std::string rest = options_.clang ? "" : ",\\\"aw\\\",@progbits#" + std::to_string(sections_++);
  return "__attribute__((section(\"" + std::string(name) + rest + "\")))";
}

// i: the specifier. Of several the strongest names the section: __constant__, then __managed__.
void Translator::memory_space(std::size_t i) {
  const std::string_view w = source_.spelling(i);
  const std::size_t begin = declaration_begin(i), end = specifiers_end(begin);
  bool constant = false, managed = false, external = false, fixed = false;
  for (std::size_t at = begin; at < end; ++at) {
    constant |= is(at, "__constant__");
    managed |= is(at, "__managed__");
    external |= is(at, "extern");
    fixed |= is(at, "constexpr") || (is(at, "const") && !is(end, "*"));
  }
  const bool names = (w == "__constant__") || (w == "__managed__" && !constant) || (!constant && !managed);
  edits_.replace(i, i + 1,
                 !names || external || (options_.clang && fixed)
                     ? ""
                     : section(constant ? "attnlab_constant" : "attnlab_device"));
}

void Translator::static_local(std::size_t i) {
  const std::size_t end = specifiers_end(i);
  for (std::size_t at = i; at < end; ++at) {
    if ((options_.clang && any_of(source_.spelling(at), {"const", "constexpr"})) ||
        any_of(source_.spelling(at), {"__shared__", "__device__", "__constant__", "__managed__"}))
      return;
  }
  if (declares_variable(i)) edits_.insert(i, section("attnlab_device") + " ");
}

}  // namespace attnlab::emulator::translate
