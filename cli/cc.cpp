// attnlab cc: nvcc's place in a build. A CUDA program compiled for the CPU, on the emulator.
#include <string>

#include "cli/command.h"
#include "simulator/emulator/ptx/check.h"
#include "simulator/emulator/translate/compile.h"

namespace attnlab::cli {
namespace {

constexpr const char* kFooter = R"(
attnlab cc file.cu [file.cu|file.cpp|file.o ...] -o program [options of nvcc]

Takes nvcc's command line, so that a Makefile works with NVCC="attnlab cc":
  -o, -c, -E, -I, -D, -U, -include, -std, -O, -g, -l, -L, -x cu, -Xcompiler, -Xlinker, -MF, -MT, -v
  -arch, -gencode          sets __CUDA_ARCH__ (900 without); host and device code are compiled together, so it is
                           defined in both; -U__CUDA_ARCH__ takes it away
  -ccbin, --compiler       g++ (as it is without) or clang++
Options about GPU code alone (-lineinfo, -Xptxas, -rdc, ...), CUDA's libraries (-lcudart, ...) and include directories
of a CUDA Toolkit are accepted without effect. -O3 is taken as -O2.

The program reads these variables when it runs:
  ATTNLAB_EMULATOR_REPORT=f.json   counters and findings, written when it ends
  ATTNLAB_EMULATOR_GPU=h200        the GPU whose limits hold
  ATTNLAB_EMULATOR_THREADS=n       OS threads, at most 1024; 0, as without: as many as there are cores
  ATTNLAB_EMULATOR_SEED=n          another order of warps and lanes, to expose missing barriers
  ATTNLAB_EMULATOR_TIMEOUT=n       seconds that the program may run
  ATTNLAB_EMULATOR_COUNT=0         no counters, no checks
  ATTNLAB_EMULATOR_REGISTERS=n     registers a thread, as nvcc says; they limit the blocks that share an SM. Or a file of
                               lines kernel,registers
  ATTNLAB_EMULATOR_FINAL=1         the program ends with its report: no destructor of a global object runs afterwards
  ATTNLAB_EMULATOR_QUIET=1         findings are not printed as they come

  attnlab cc saxpy.cu -o saxpy && ./saxpy)";

}  // namespace

void add_cc(Command& app) {
  Command command = app.add_command("cc", "Compile a CUDA program for the CPU, on the emulator");
  command.take_the_rest();
  command.footer(kFooter);
  command.callback([command] {
    emulator::translate::Compilation compilation =
        emulator::translate::parse_command_line(command.remaining());
    compilation.check_asm = emulator::ptx::problem;
    if (const int error = emulator::translate::compile(compilation); error != 0) throw Exit{error};
  });
}

}  // namespace attnlab::cli
