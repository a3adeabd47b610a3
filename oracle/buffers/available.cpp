#include "oracle/buffers/available.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <limits>

namespace attnlab::oracle {
namespace {

// Infinity where nobody says.
double available_bytes() {
  double available = std::numeric_limits<double>::infinity();
  std::ifstream meminfo("/proc/meminfo");
  std::string name;
  for (double kilobytes = 0; meminfo >> name >> kilobytes; meminfo.ignore(64, '\n')) {
    if (name == "MemAvailable:") available = kilobytes * 1024;
  }
  double most = 0, used = 0;
  if (std::ifstream("/sys/fs/cgroup/memory.max") >> most &&
      std::ifstream("/sys/fs/cgroup/memory.current") >> used)
    available = std::min(available, std::max(0.0, most - used));
  return available;
}

}  // namespace

void require_memory(double bytes) {
  constexpr double kGigabyte = 1e9;
  const double needed = 1.1 * bytes, available = available_bytes();
  if (needed > available) {
    throw NotEnoughMemory(fmt::format("{:.1f} GB of memory are needed, {:.1f} GB are free",
                                      needed / kGigabyte, available / kGigabyte));
  }
}

}  // namespace attnlab::oracle
