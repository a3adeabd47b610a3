// A report as one self-contained page: HTML with its styles inside, no script, nothing from a network.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "simulator/emulator/report/report.h"

namespace attnlab::emulator {

// What the least traffic would be, by a closed form, to hold the report's bytes against.
struct Ideal {
  std::string name;         // such as "flash2, Br = Bc = 64"
  std::uint64_t bytes = 0;  // between HBM and the SMs, of all the report's kernels together
};

struct HtmlOptions {
  std::optional<Ideal> ideal;
};

// One section per kernel (launches of one kernel summed): what it moved at each level of memory, totals, and
// its source, each line with its counters as bars and its findings below it. Source lines are read from the
// files named in the report, as they are now; a file that cannot be read appears as line numbers without
// text.
std::string html(const Report& report, const HtmlOptions& options = {});

// The same as a file, which appears whole or not at all. Throws FileError.
void write_html(const Report& report, const std::filesystem::path& path, const HtmlOptions& options = {});

}  // namespace attnlab::emulator
