// What the checks found while a kernel runs: one finding per kind and code address, with the circumstances of
// its first occurrence and the number of occurrences.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "simulator/emulator/report/report.h"

namespace attnlab::emulator {

struct RawFinding {
  Index3 block{}, thread{};
  std::uint64_t address = 0;
  std::string message;
  std::uint64_t count = 0;
  std::uint32_t other_code = 0;  // another place involved; both on one source line: no finding (0: none)
};

class Findings {
 public:
  // True when this is the first of its kind at this code address: then the caller fills in the rest.
  bool add(FindingKind kind, std::uint32_t code, RawFinding*& finding) {
    RawFinding& found = all_[{kind, code}];
    finding = &found;
    return found.count++ == 0;
  }
  void merge(const Findings& other) {
    for (const auto& [key, finding] : other.all_) {
      auto [at, fresh] = all_.try_emplace(key, finding);
      if (fresh) continue;
      const std::uint64_t count = at->second.count + finding.count;
      const auto order = [](const RawFinding& f) {
        return std::tuple(f.block.z, f.block.y, f.block.x, f.thread.z, f.thread.y, f.thread.x);
      };
      if (order(finding) < order(at->second))
        at->second = finding;  // the same one whatever the workers' order
      at->second.count = count;
    }
  }
  bool empty() const { return all_.empty(); }
  void clear() { all_.clear(); }
  const std::map<std::pair<FindingKind, std::uint32_t>, RawFinding>& all() const { return all_; }

 private:
  std::map<std::pair<FindingKind, std::uint32_t>, RawFinding> all_;
};

}  // namespace attnlab::emulator
