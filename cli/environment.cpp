#include "cli/environment.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "reference/core/errors.h"
#include "simulator/emulator/machine/environment.h"

namespace attnlab::cli {
namespace {

constexpr std::string_view kPrefix = "ATTNLAB_", kEmulators = "ATTNLAB_EMULATOR_";

std::string want_folder(const std::string& value) {
  std::error_code unreadable;
  return std::filesystem::is_directory(value, unreadable) ? "" : "a folder that exists";
}

std::string want_anything(const std::string&) { return ""; }

// A name without a slash is looked for on the path by who runs it.
std::string want_program(const std::string& value) {
  const bool found = value.find('/') == std::string::npos || access(value.c_str(), X_OK) == 0;
  return found ? "" : "a Python 3.11 or newer with numpy and attnlab's package";
}

std::string want_one(const std::string& value) { return value == "1" ? "" : "1, or the variable not set"; }

}  // namespace

const std::vector<EnvironmentVariable>& environment_variables() {
  static const std::vector<EnvironmentVariable> all{
      {"DATA", "The folder of attnlab's data, in place of the one beside the program", want_folder},
      {"PYTHON", "The Python that runs experiments", want_program},
      {"LONG", "1: tests run long", want_one},
      {"FUZZ_SECONDS", "How long ./lab test --all fuzz runs each parser, 600 as without", want_anything},
      {"PTX_CASES", "A file that the tests of PTX add their executions to", want_anything},
      {"PTX_TEXTS", "A file that the tests of PTX add their texts to", want_anything},
      {"CACHE_STREAM", "A file of requests for benchmarks/cache_bench", want_anything},
      {"REAL_INPUTS", "A folder of other models' tensors, for the tests of the oracle", want_folder},
  };
  return all;
}

void check_environment() {
  for (char* const* entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (!text.starts_with(kPrefix) || text.starts_with(kEmulators) || equals == std::string_view::npos)
      continue;
    const std::string name(text.substr(0, equals)), value(text.substr(equals + 1));
    std::string names;
    const EnvironmentVariable* known = nullptr;
    for (const EnvironmentVariable& variable : environment_variables()) {
      names += fmt::format("{}{}", names.empty() ? "" : ", ", variable.name);
      if (name.substr(kPrefix.size()) == variable.name) known = &variable;
    }
    if (known == nullptr) {
      throw InvalidArgument(
          name, "a variable that nothing reads",
          fmt::format("{} and one of {}, or one of the emulator's, {}...", kPrefix, names, kEmulators));
    }
    if (value.empty()) continue;
    if (const std::string expected = known->problem(value); !expected.empty())
      throw InvalidArgument(name, value, expected);
  }
  emulator::read_environment();
}

}  // namespace attnlab::cli
