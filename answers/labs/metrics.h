// The emulator's counters under the names that grade.json has for them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "simulator/emulator/report/report.h"

namespace attnlab::answers::labs {

std::vector<std::string> metric_names();
// The kinds of findings that cost points, with '_' for '-'.
std::vector<std::string> finding_names();

// Over all kernels of a run; shared_bytes: of the block that has most.
std::uint64_t metric_of(const emulator::Report& report, const std::string& name);

}  // namespace attnlab::answers::labs
