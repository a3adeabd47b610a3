// What the program's symbols say of a kernel: the name that reports show, and the size of its __shared__
// variables.
#pragma once

#include <cstddef>
#include <string>

#include "simulator/emulator/launch.h"

namespace attnlab::emulator {

// As Nsight Compute shows it: "flash2_kernel<float, 64>" of "void ns::flash2_kernel<float, 64>(ns::Params)".
// As the source writes it when the program has no symbol at the kernel's address.
std::string kernel_name(const KernelIdentity& kernel);

// The bytes of the __shared__ variables that the kernel declares itself. 0 when the program has no symbol at
// this address, which may be null.
std::size_t static_shared_bytes(const void* kernel);

}  // namespace attnlab::emulator
