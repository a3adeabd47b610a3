// A kernel that is a program: each call is written into a folder, the program reads it there and writes its
// outputs beside it. docs/battery.md describes the folder.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "oracle/kernel.h"

namespace attnlab::answers {

struct FolderKernelOptions {
  std::vector<std::string> words;  // "{dir}" in a word becomes the folder's path
  bool bshd = false;               // tensors are [batch, seqlen, heads, dim]
  double limit_s = 60;             // a call
};

// The exit code by which a program says that it does not take a problem.
inline constexpr int kDeclined = 3;

// Writes the call's inputs and problem.json into an empty folder.
void write_call(const oracle::Call& call, bool bshd, const std::filesystem::path& folder);
// Reads the outputs that the call asks for. Throws FileError, with what was expected, unless each is there in
// its shape.
void read_outputs(const oracle::Call& call, bool bshd, const std::filesystem::path& folder);

// Each call in a new folder below `place`: call-1, call-2, ... Removed after the call unless `keep`.
// The kernel throws Unsupported where the program declines, and std::runtime_error saying what went wrong.
oracle::Kernel folder_kernel(const FolderKernelOptions& options, const std::filesystem::path& place,
                             bool keep);

}  // namespace attnlab::answers
