// Compiling and linking whole CUDA programs for the emulator.
#pragma once

#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "os/output_file.h"
#include "os/process.h"
#include "simulator/emulator/translate/translate.h"

namespace attnlab::emulator::translate {

struct Compilation {
  std::string compiler = "g++";
  std::string launcher;                        // in front of the compiler, such as ccache; empty: none
  std::vector<std::filesystem::path> sources;  // .cu are translated, the rest is what the compiler takes
  std::filesystem::path output;                // empty: as a compiler names it
  enum class Stop { program, object, text } stop = Stop::program;  // text: translated, not compiled
  std::string standard = "gnu++17";                                // nvcc's own
  std::string optimise = "-O2";
  int architecture = 900;
  bool architecture_specific = false;
  bool all_cuda = false;                               // -x cu: every source file is CUDA
  bool verbose = false;                                // print the commands on stderr
  std::vector<std::string> preprocess, compile, link;  // further flags, in order
  AsmCheck check_asm;
  // Runs a command of the compiler, which writes into `folder` and to the output.
  std::function<int(const os::Command& command, const std::filesystem::path& folder)> run =
      [](const os::Command& command, const std::filesystem::path&) { return os::run(command); };
  // Takes what the preprocessor and the linker say; the compiler itself speaks to the command's stderr.
  std::function<void(const std::string& text)> say = [](const std::string& text) {
    std::fputs(text.c_str(), stderr);
  };
  std::vector<os::NamedFile> outputs;         // what the caller writes later
  std::filesystem::path depfile, dep_target;  // make's rule for the headers; empty: none
};

// nvcc's command line. What only concerns GPUs (-lineinfo, -Xptxas, -rdc ...) has no effect, nor do CUDA's
// own libraries (-lcudart ...) and include directories, whose place the emulator takes. -O3 and -Ofast are
// taken as -O2: which accesses a kernel makes must not depend on the host compiler's loop transformations.
// Throws InvalidArgument for what is not known, and for no source at all.
Compilation parse_command_line(const std::vector<std::string>& arguments);

// Compiles, and links unless told otherwise. Returns the exit code of the first command that failed, or 0.
// Throws FileError for what cannot be read, run or translated, and InvalidArgument, before anything is written,
// for an output that is one of the files that are read: a source, or a header that a source includes.
int compile(const Compilation& compilation);

}  // namespace attnlab::emulator::translate
