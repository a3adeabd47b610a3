// A report as text, for a terminal.
#pragma once

#include <cstddef>
#include <string>

#include "simulator/emulator/report/report.h"

namespace attnlab::emulator {

struct TextOptions {
  std::size_t hottest_lines = 8;  // of each kernel; 0 leaves the table out
};

// One section per kernel, launches of one kernel summed: totals, the source lines through which most bytes
// went, findings. With several kernels, a summary of them all comes first. Rows that would hold only zeros
// are left out. Source lines are read from the files named in the report, as they are now.
std::string text(const Report& report, const TextOptions& options = {});

}  // namespace attnlab::emulator
