#include "simulator/emulator/ptx/check.h"
#include "tests/fuzz/fuzz.h"

void attnlab::fuzz::parse(std::string_view input) {
  emulator::ptx::problem(input, {"=r", "r", "l", "=f", "+f", "h", "d", "n"});
}
