#include "cli/emulate_sandbox.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "cli/command.h"
#include "reference/core/data_dir.h"
#include "reference/core/errors.h"
#include "simulator/emulator/translate/toolchain.h"

namespace attnlab::cli {
namespace {

namespace fs = std::filesystem;

using Paths = std::set<fs::path>;

constexpr double kCompilerSeconds = 300;
constexpr double kGrace = 10;  // a program whose time is up says first where it was

fs::path spelled_out(const fs::path& path) {
  const fs::path normal = fs::absolute(path).lexically_normal();
  return normal.has_filename() ? normal : normal.parent_path();
}

fs::path folder_of(const fs::path& source) {
  const fs::path folder = spelled_out(source).parent_path();
  const char* home = std::getenv("HOME");
  std::error_code none;
  if (folder == folder.root_path() || (home != nullptr && fs::equivalent(folder, home, none)))
    throw InvalidArgument("--sandbox", source.string(),
                          "a source in a folder of its own: the program sees that folder");
  return folder;
}

// What the flags of a compiler name: -Idir, -I dir, -include file, a library.
Paths named_by(const std::vector<std::string>& flags) {
  constexpr std::size_t kLetter = 2;
  Paths paths;
  for (const std::string& flag : flags) {
    const fs::path path = flag.starts_with("-I") || flag.starts_with("-L") ? flag.substr(kLetter) : flag;
    std::error_code none;
    if (!path.empty() && !flag.starts_with("-D") && fs::exists(path, none)) paths.insert(spelled_out(path));
  }
  return paths;
}

// As --gpu tells a file from a name.
bool is_file_name(const std::string& text) {
  std::error_code none;
  return (text.ends_with(".json") || text.find('/') != std::string::npos) && fs::is_regular_file(text, none);
}

// A path, links followed: in a folder, or that folder itself.
bool is_in(const fs::path& path, const fs::path& folder) {
  std::error_code none;
  const fs::path outer = fs::weakly_canonical(folder, none), inner = fs::weakly_canonical(path, none);
  return std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first == outer.end();
}

[[noreturn]] void say_stopped(const std::string& name, const os::SandboxEnd& end) {
  std::fprintf(stderr, "attnlab: %s: %s (--sandbox)\n", name.c_str(), end.stopped.c_str());
  throw Exit{end.code};
}

// The variables of this process that the emulator reads; those of the command stay.
void add_variables(os::Command& command) {
  for (char* const* entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (text.starts_with("ATTNLAB_EMULATOR_"))
      command.environment.emplace(text.substr(0, text.find('=')), text.substr(text.find('=') + 1));
  }
}

unsigned threads(const os::Command& command) {
  const auto asked = command.environment.find("ATTNLAB_EMULATOR_THREADS");
  const bool none = asked == command.environment.end() || asked->second.empty();
  return std::max(none ? 0u : static_cast<unsigned>(std::stoul(asked->second)),
                  std::thread::hardware_concurrency());
}

}  // namespace

EmulateSandbox::EmulateSandbox(emulator::translate::Compilation& compilation, const std::string& gpu,
                               std::optional<std::uint64_t> memory)
    : name_(compilation.sources[0].string()),
      program_(compilation.output),
      memory_(memory.value_or(os::Sandbox().memory)) {
  for (const fs::path& source : compilation.sources) beside_.insert(folder_of(source));
  std::error_code none;
  if (is_file_name(gpu)) beside_.insert(spelled_out(gpu));
  os::require_sandbox();
  visible_ = beside_;
  const emulator::translate::Installation place = emulator::translate::installation();
  visible_.insert(place.root);
  if (fs::is_directory(place.bundle, none)) visible_.insert(place.bundle);
  for (const std::string& library : place.libraries) {
    if (library.starts_with("/")) visible_.insert(library);
  }
  for (const auto* flags : {&compilation.preprocess, &compilation.compile, &compilation.link})
    visible_.merge(named_by(*flags));
  compilation.run = [readable = visible_, program = program_, memory = memory_, name = name_](
                        const os::Command& command, const fs::path& folder) {
    const os::SandboxEnd end = os::run_in({.readable = readable,
                                           .writable = {folder, program.parent_path()},
                                           .folder = fs::current_path(),
                                           .seconds = kCompilerSeconds,
                                           .memory = memory,
                                           .trusted = true},
                                          command);
    if (!end.stopped.empty()) say_stopped(name + ": the compiler", end);
    return end.code;
  };
}

int EmulateSandbox::run(os::Command command, const fs::path& reads, const fs::path& writes) const {
  add_variables(command);
  const auto variable = [&](const char* name) { return command.environment.at(name); };
  const fs::path report = variable("ATTNLAB_EMULATOR_REPORT");
  os::Sandbox sandbox = {.readable = beside_};
  const auto inside = [&](const fs::path& result) {
    std::ofstream(result).flush();
    // Whoever the program runs as: the folders around it are this user's alone.
    fs::permissions(
        result, fs::perms::all & ~(fs::perms::owner_exec | fs::perms::group_exec | fs::perms::others_exec));
    sandbox.results[result.filename().string()] = result;
    return std::string(os::kSandboxFolder) + "/" + result.filename().string();
  };
  command.environment["ATTNLAB_EMULATOR_REPORT"] = inside(report);
  if (!writes.empty()) std::ranges::replace(command.words, writes.string(), inside(writes));
  if (!reads.empty()) {
    sandbox.readable.insert(reads);
    fs::permissions(reads, fs::perms::group_read | fs::perms::others_read, fs::perm_options::add);
  }
  fs::permissions(program_, fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec |
                                fs::perms::others_read | fs::perms::others_exec);
  sandbox.readable.insert(program_);
  std::error_code none;
  const fs::path bundle = emulator::translate::installation().bundle;
  if (fs::is_directory(bundle, none)) sandbox.readable.insert(bundle);
  for (const char* name : {"ATTNLAB_EMULATOR_REGISTERS", "ATTNLAB_EMULATOR_GPU"}) {
    const auto file = command.environment.find(name);
    if (file == command.environment.end() || file->second.empty() || !fs::is_regular_file(file->second, none))
      continue;
    if (std::string_view(name).ends_with("GPU") && !is_file_name(file->second)) continue;
    file->second = spelled_out(file->second);
    sandbox.readable.insert(file->second);
  }
  sandbox.readable.insert(fs::path(variable("ATTNLAB_DATA")) / "simulator/device/data");
  sandbox.seconds = std::stod(variable("ATTNLAB_EMULATOR_TIMEOUT")) + kGrace;
  sandbox.memory = memory_;
  sandbox.processes += threads(command);
  const os::SandboxEnd end = os::run_in(sandbox, command);
  if (!end.stopped.empty()) say_stopped(name_, end);
  if (fs::file_size(report, none) == 0) fs::remove(report);
  return end.code;
}

void EmulateSandbox::hide_other_files(emulator::Report& report) const {
  std::map<std::string, bool> seen;
  const auto hide = [&](std::string& file) {
    const auto [known, is_new] = seen.try_emplace(file, false);
    if (is_new) {
      known->second = is_in(file, "/usr") || std::any_of(visible_.begin(), visible_.end(),
                                                         [&](const fs::path& p) { return is_in(file, p); });
    }
    if (!file.empty() && !known->second) file = "outside the sandbox: " + file;
  };
  for (emulator::Finding& finding : report.findings) hide(finding.file);
  for (emulator::KernelReport& kernel : report.kernels) {
    for (emulator::LineReport& line : kernel.lines) hide(line.file);
    for (emulator::Finding& finding : kernel.findings) hide(finding.file);
  }
}

}  // namespace attnlab::cli
