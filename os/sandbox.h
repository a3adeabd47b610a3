// A program that nobody trusts, by bubblewrap (bwrap): in namespaces of its own, with limits, and ended with all
// that it started.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "os/process.h"

namespace attnlab::os {

// Where the program's working directory and TMPDIR are, which it sees alone and which goes with it.
inline constexpr const char* kSandboxFolder = "/sandbox";

// Beyond what is named here the program sees the system's programs and libraries (/usr and the like), a /proc of its
// own processes, and the usual devices. It has no network and no environment but the command's own.
struct Sandbox {
  std::set<std::filesystem::path> readable = {};  // folders and files, by absolute paths
  std::set<std::filesystem::path> writable = {};  // the same
  std::filesystem::path folder = {};              // the working directory; empty: kSandboxFolder
  // Files that the program leaves in kSandboxFolder, by their names there, each a word of letters, and where they are
  // to be afterwards. The files outside are there already.
  std::map<std::string, std::filesystem::path> results = {};
  double seconds = 60;
  std::uint64_t memory = std::uint64_t{4}
                         << 30;  // bytes, of all its processes, and once more of files in its folder
  unsigned processes = 256;      // threads count, too
  bool trusted =
      false;  // of root: keeps its user, so that it reads what only root may; without rights all the same
};

inline constexpr std::uint64_t kSandboxFile = std::uint64_t{64} << 20;  // bytes that a file may have

struct SandboxEnd {
  int code = 0;         // as Child::wait()
  std::string stopped;  // why the sandbox ended it; empty: it ended by itself
};

// Throws FileError, saying what to install or to allow, where no sandbox can be made.
void require_sandbox();

// The command's streams are as outside. own_group has no effect.
SandboxEnd run_in(const Sandbox& sandbox, Command command);

}  // namespace attnlab::os
