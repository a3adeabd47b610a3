#include "os/process_tree.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

namespace attnlab::os {
namespace {

namespace fs = std::filesystem;

fs::path proc(pid_t pid) { return fs::path("/proc") / std::to_string(pid); }

std::vector<pid_t> tree(pid_t root) {
  std::vector<pid_t> found = {root};
  for (std::size_t next = 0; next < found.size(); ++next) {
    std::error_code gone;  // each thread has children of its own
    for (fs::directory_iterator thread(proc(found[next]) / "task", gone), end; !gone && thread != end;
         thread.increment(gone)) {
      std::ifstream children(thread->path() / "children");
      for (pid_t child = 0; children >> child;) found.push_back(child);
    }
  }
  return found;
}

std::uint64_t resident(pid_t pid) {
  std::ifstream file(proc(pid) / "statm");
  std::uint64_t size = 0, pages = 0;
  file >> size >> pages;
  return pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

// Of a page that n processes share, its n-th part; and what is swapped out.
std::uint64_t proportional(pid_t pid) {
  std::ifstream file(proc(pid) / "smaps_rollup");
  std::uint64_t bytes = 0, kilobytes = 0;
  bool readable = false;
  for (std::string word; file >> word;) {
    if ((word == "Pss:" || word == "SwapPss:") && file >> kilobytes) {
      bytes += kilobytes * 1024;
      readable = true;
    }
  }
  return readable ? bytes : resident(pid);
}

}  // namespace

std::uint64_t memory_of_tree(pid_t root, std::uint64_t enough) {
  const std::vector<pid_t> processes = tree(root);
  std::uint64_t sum = 0;
  for (const pid_t pid : processes) sum += resident(pid);
  if (sum <= enough) return sum;
  sum = 0;
  for (const pid_t pid : processes) sum += proportional(pid);
  return sum;
}

}  // namespace attnlab::os
