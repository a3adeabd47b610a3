// How CUDA files are compiled for the emulator: the flags, the headers and the libraries. The one place for
// them, which `attnlab cc` and the build of cuda/ share.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace attnlab::emulator::translate {

// Where the emulator's headers and libraries are: beside the running program if that is installed, else in
// the tree that it was built from, else where it was to be installed.
struct Installation {
  std::filesystem::path root;          // simulator/emulator/device_calls.h is below it
  std::filesystem::path headers;       // cuda_runtime.h is in it
  std::vector<std::string> libraries;  // to link, in order
  std::filesystem::path bundle;        // shared libraries that were installed with it; may not exist
};
// Throws FileError, with the places searched.
Installation installation();

// CUDA's predefined macros. One compilation serves host and device code, where nvcc makes two: __CUDA_ARCH__
// is defined throughout, so that device code is compiled as for that architecture; host code that asks for it
// sees it too. -U__CUDA_ARCH__ takes it away. architecture: 900 for compute capability 9.0; specific: sm_90a.
std::vector<std::string> predefined(int architecture, bool specific);

// The flags of the compilation proper. What is instrumented calls the emulator's runtime at every access and
// in every basic block; vectorisation, splitting of aggregates and reordering are off, so that accesses and
// branches stay those of the source.
std::vector<std::string> kernel_flags(const std::string& compiler);

}  // namespace attnlab::emulator::translate
