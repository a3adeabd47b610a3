#include "os/sandbox.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <sstream>
#include <vector>

#include "os/output_file.h"
#include "os/process_tree.h"
#include "os/syscall_filter.h"
#include "os/temporary_directory.h"
#include "reference/core/errors.h"

namespace attnlab::os {
namespace {

namespace fs = std::filesystem;

using Words = std::vector<std::string>;

// What programs need of the system. A folder that is missing is left out.
constexpr const char* kSystem[] = {"/usr",
                                   "/bin",
                                   "/sbin",
                                   "/lib",
                                   "/lib32",
                                   "/lib64",
                                   "/libx32",
                                   "/etc/ld.so.cache",
                                   "/etc/ld.so.conf",
                                   "/etc/ld.so.conf.d",
                                   "/etc/alternatives"};

// Starts a sandbox whose filter is the file $0: its descriptor must come from somewhere, and stdin is the program's.
constexpr const char* kStart = R"(exec 9<"$0"; exec "$@")";

// Runs the program, then takes the files $0 that it left in $1 to $2.
constexpr const char* kTakeResults =
    R"(from=$1 to=$2; shift 2; "$@"; code=$?; for name in $0; do if [ -f "$from/$name" ]; then cat "$from/$name" >"$to/$name"; fi; done; exit $code)";

void append(Words& words, const Words& more) { words.insert(words.end(), more.begin(), more.end()); }

// Makes the folders around a path. Those that bwrap makes by itself are closed to all but their owner.
void make_way(Words& words, const fs::path& path) {
  fs::path folder;
  for (const fs::path& name : path.parent_path()) {
    folder /= name;
    if (folder != folder.root_path()) append(words, {"--perms", "0755", "--dir", folder.string()});
  }
}

void mount(Words& words, const char* how, const fs::path& path) {
  make_way(words, path);
  append(words, {how, path.string(), path.string()});
}

bool is_root() { return geteuid() == 0; }

// Root's programs get a user that nobody else has, for limits and files tell users apart: one of those that systemd
// keeps for such purposes.
std::string nobody_else() {
  constexpr int kFirst = 61184, kCount = 4336;
  return std::to_string(kFirst + getpid() % kCount);
}

Words namespaces(bool trusted) {
  Words words = {"bwrap",         "--unshare-ipc",     "--unshare-net",        "--unshare-pid",
                 "--unshare-uts", "--die-with-parent", "--unshare-cgroup-try", "--new-session"};
  // Root stays among the system's users: only there can it give the program another one.
  if (!is_root()) append(words, {"--unshare-user"});
  if (is_root()) append(words, {"--cap-drop", "ALL"});
  if (is_root() && !trusted) append(words, {"--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"});
  for (const char* path : kSystem) mount(words, "--ro-bind-try", path);
  append(words, {"--proc", "/proc", "--dev", "/dev"});
  return words;
}

Words limits(const Sandbox& sandbox) {
  Words words = {"prlimit", "--core=0", "--nofile=256", "--fsize=" + std::to_string(kSandboxFile),
                 "--nproc=" + std::to_string(sandbox.processes)};
  if (!is_root() || sandbox.trusted) return words;
  const std::string id = nobody_else();
  append(words, {"setpriv", "--reuid=" + id, "--regid=" + id, "--clear-groups"});
  return words;
}

Words words_of(const Sandbox& sandbox, const Command& command, const fs::path& filter) {
  Words words = {"sh", "-c", kStart, filter.string()};
  append(words, namespaces(sandbox.trusted));
  append(words, {"--seccomp", "9", "--clearenv"});
  append(words, {"--setenv", "PATH", "/usr/local/bin:/usr/bin:/bin", "--setenv", "LC_ALL", "C.UTF-8",
                 "--setenv", "TMPDIR", kSandboxFolder});
  for (const auto& [name, value] : command.environment) append(words, {"--setenv", name, value});
  append(words, {"--perms", "1777", "--size", std::to_string(sandbox.memory), "--tmpfs", kSandboxFolder});
  const std::string folder = sandbox.folder.empty() ? kSandboxFolder : sandbox.folder.string();
  make_way(words, fs::path(folder) / "inside");
  // Sorted: a folder stands before what is in it.
  for (const fs::path& path : sandbox.readable) mount(words, "--ro-bind", path);
  for (const fs::path& path : sandbox.writable) mount(words, "--bind", path);
  const std::string results = "/results";
  std::string names;
  make_way(words, results + "/name");
  for (const auto& [name, outside] : sandbox.results) {
    append(words, {"--bind", outside.string(), results + "/" + name});
    names += (names.empty() ? "" : " ") + name;
  }
  append(words, {"--remount-ro", "/dev", "--remount-ro", "/", "--chdir", folder, "--"});
  append(words, limits(sandbox));
  if (!names.empty()) append(words, {"sh", "-c", kTakeResults, names, kSandboxFolder, results});
  append(words, command.words);
  return words;
}

std::string in_gigabytes(std::uint64_t bytes) {
  std::ostringstream text;
  text << static_cast<double>(bytes) / (1 << 30) << " GiB";
  return text.str();
}

std::string in_seconds(double seconds) {
  std::ostringstream text;
  text << seconds << " s";
  return text.str();
}

}  // namespace

void require_sandbox() {
  const TemporaryDirectory work;
  const fs::path said = work.path() / "said";
  Words words = namespaces(false);
  append(words, {"--", "true"});
  int code = 0;
  try {
    code = run({.words = words, .output = "/dev/null", .errors = said});
  } catch (const FileError&) {
    throw FileError("bwrap",
                    "is needed for a sandbox and cannot be run (Debian, Ubuntu: apt-get install bubblewrap)");
  }
  if (code == 0) return;
  std::ifstream file(said);
  std::string line;
  std::getline(file, line);
  throw FileError("bwrap",
                  "this system makes no sandbox (" + line +
                      "); allow user namespaces: on Ubuntu 24.04 by an AppArmor profile for bwrap, in a "
                      "container by its options (docs/emulator.md)");
}

SandboxEnd run_in(const Sandbox& sandbox, Command command) {
  const TemporaryDirectory work;
  const fs::path filter = work.path() / "filter";
  write_file(filter, syscall_filter());
  command.words = words_of(sandbox, command, filter);
  command.environment = {};
  Child child(command);
  const auto start = std::chrono::steady_clock::now();
  // Long enough for a reading to cost little, short enough that little is added meanwhile.
  for (constexpr double kPause = 0.05;;) {
    if (const std::optional<int> code = child.wait_for(kPause)) return {*code, {}};
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
    std::string stopped;
    constexpr int kTimeIsUp = 124, kKilled = 137;
    if (passed.count() > sandbox.seconds)
      stopped = "stopped after " + in_seconds(sandbox.seconds);
    else if (memory_of_tree(child.id(), sandbox.memory) > sandbox.memory)
      stopped = "stopped: it took more than " + in_gigabytes(sandbox.memory) + " of memory";
    if (stopped.empty()) continue;
    child.kill();
    child.wait();
    return {passed.count() > sandbox.seconds ? kTimeIsUp : kKilled, stopped};
  }
}

}  // namespace attnlab::os
