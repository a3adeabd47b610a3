// The environment variables ATTNLAB_... : one list of what is read, by the program, its tests and its Python package.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace attnlab::cli {

struct EnvironmentVariable {
  std::string_view name;     // behind ATTNLAB_
  std::string_view meaning;  // docs/cli.md has the same table
  // What is expected, where the value is not it; else nothing.
  std::string (*problem)(const std::string& value);
};
const std::vector<EnvironmentVariable>& environment_variables();

// Throws InvalidArgument for a variable ATTNLAB_... that nothing reads, which is a slip of the pen, and for a value
// that makes no sense; those of the emulator (simulator/emulator/machine/environment.h) by its own list. An empty one
// is as if it were not set.
void check_environment();

}  // namespace attnlab::cli
