// attnlab_translate: `attnlab cc` alone, for builds that compile kernels for the emulator before there is a
// program. Its arguments are nvcc's.
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "simulator/emulator/translate/compile.h"

int main(int argc, char** argv) {
  try {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    return attnlab::emulator::translate::compile(attnlab::emulator::translate::parse_command_line(arguments));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "attnlab_translate: %s\n", error.what());
    return 2;
  }
}
