// The source-to-source step: CUDA C++ as g++ -E leaves it, to C++ that a host compiler takes.
//
//   CUDA                                       becomes
//   k<T><<<grid, block, bytes>>>(a, b)         a launch_site (launch_site.h), shape and arguments as here
//   __global__, __device__, __host__           nothing on functions but that kernels are never inlined
//   __shared__ T x[n]                          storage of the OS thread that runs the block, with a guard
//   extern __shared__ T x[]                    T* const x, from dynamic_shared()
//   __device__, __constant__, __managed__ T x  a variable in the section attnlab_device or attnlab_constant;
//                                              so are static variables inside device functions
//   asm("...") in device functions             ptx::execute(...)
//   #pragma unroll and other pragmas of nvcc   nothing
//
// Everything else, white space and line markers included, is left as it is: diagnostics and debug information
// name the user's file and line.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace attnlab::emulator::translate {

// Why a text of inline PTX with operands of these constraints cannot be executed, in one line; empty: it can.
using AsmCheck =
    std::function<std::string(std::string_view text, const std::vector<std::string>& constraints)>;

struct Options {
  AsmCheck check_asm;  // none: what cannot be executed stops the launch that comes to it
  // The text is for clang++, which keeps to its own assembler: constant variables, which it would refuse in a
  // section with others, stay where the compiler puts them.
  bool clang = false;
};

// Throws FileError, "file:line: what: not supported", for CUDA that the emulator does not know.
std::string translate(std::string_view preprocessed, const Options& options = {});

}  // namespace attnlab::emulator::translate
