#include "simulator/emulator/ptx/check.h"
#include "simulator/emulator/translate/translate.h"
#include "tests/fuzz/fuzz.h"

void attnlab::fuzz::parse(std::string_view input) {
  emulator::translate::translate(input, {.check_asm = emulator::ptx::problem});
}
