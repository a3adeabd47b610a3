#include "simulator/emulator/machine/environment.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string_view>

#include "os/output_file.h"
#include "reference/core/errors.h"

namespace attnlab::emulator {
namespace {

constexpr std::string_view kPrefix = "ATTNLAB_EMULATOR_";

std::uint64_t number(const std::string& name, const std::string& text, std::uint64_t most) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > most) {
    const std::string expected = most == 1 ? "0 or 1" : fmt::format("a whole number, at most {}", most);
    throw InvalidArgument(name, text, expected);
  }
  return value;
}

constexpr std::uint64_t kMostRegisters = 255;  // CUDA C++ Programming Guide, "Technical Specifications"

// Registers by kernel: see Environment.
std::map<std::string, unsigned> registers(const std::string& name, const std::string& text) {
  if (text.find_first_not_of("0123456789") == std::string::npos)
    return {{"", static_cast<unsigned>(number(name, text, kMostRegisters))}};
  std::ifstream file(text);
  if (!file || file.peek() == std::ifstream::traits_type::eof())
    throw InvalidArgument(name, text, "a number, or a readable file of lines name,registers");
  std::map<std::string, unsigned> registers;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    const auto comma = line.rfind(',');  // a name may hold commas
    if (comma == std::string::npos)
      throw InvalidArgument(name, fmt::format("the line {} in {}", line, text), "name,registers");
    registers[line.substr(0, comma)] = static_cast<unsigned>(
        number(fmt::format("{}: {}", name, text), line.substr(comma + 1), kMostRegisters));
  }
  return registers;
}

struct Variable {
  std::string_view name;  // behind the prefix
  void (*read)(Environment&, const std::string& name, const std::string& text);
};
constexpr std::array<Variable, 10> kVariables{{
    {"COUNT",
     [](Environment& e, const std::string& n, const std::string& t) { e.counting = number(n, t, 1) != 0; }},
    {"FINAL",
     [](Environment& e, const std::string& n, const std::string& t) { e.final = number(n, t, 1) != 0; }},
    {"GPU", [](Environment& e, const std::string&, const std::string& t) { e.gpu = t; }},
    {"LEAKS",
     [](Environment& e, const std::string& n, const std::string& t) { e.leaks = number(n, t, 1) != 0; }},
    {"QUIET",
     [](Environment& e, const std::string& n, const std::string& t) { e.quiet = number(n, t, 1) != 0; }},
    {"REGISTERS",
     [](Environment& e, const std::string& n, const std::string& t) { e.registers = registers(n, t); }},
    {"REPORT",
     [](Environment& e, const std::string& n, const std::string& t) {
       try {
         os::check_writable(t);
       } catch (const FileError& error) {
         throw InvalidArgument(n, t, "a file that can be written; " + std::string(error.what()));
       }
       e.report = t;
     }},
    {"SEED",
     [](Environment& e, const std::string& n, const std::string& t) { e.seed = number(n, t, UINT64_MAX); }},
    {"THREADS", [](Environment& e, const std::string& n,
                   const std::string& t) { e.threads = static_cast<unsigned>(number(n, t, kMostThreads)); }},
    {"TIMEOUT", [](Environment& e, const std::string& n,
                   const std::string& t) { e.timeout = static_cast<unsigned>(number(n, t, kLongest)); }},
}};

const Variable& variable(std::string_view name) {
  std::string names;
  for (const Variable& v : kVariables) {
    if (name.substr(kPrefix.size()) == v.name) return v;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", v.name);
  }
  throw InvalidArgument(std::string(name), "a variable that nothing reads",
                        fmt::format("{} and one of {}", kPrefix, names));
}

}  // namespace

Environment read_environment() {
  Environment result;
  for (char* const* entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (!text.starts_with(kPrefix) || equals == std::string_view::npos) continue;
    const std::string name(text.substr(0, equals)), value(text.substr(equals + 1));
    const Variable& known = variable(name);
    if (!value.empty()) known.read(result, name, value);
  }
  return result;
}

const Environment& environment() {
  // Never destroyed: a program may launch while it ends.
  static const auto* const read = [] {
    try {
      return new Environment(read_environment());
    } catch (const std::exception& error) {
      end_by_environment(error.what());
    }
  }();
  return *read;
}

// Without the program's exit handlers: they may call CUDA again.
void end_by_environment(const char* problem) {
  std::fflush(stdout);
  std::fprintf(stderr, "attnlab: %s\n", problem);
  std::fflush(stderr);
  std::_Exit(2);
}

}  // namespace attnlab::emulator
