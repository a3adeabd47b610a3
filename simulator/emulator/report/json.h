// A report as a JSON file, and back. The format, counters under Nsight Compute's names:
//
//   {"program": "...",
//    "kernels": [{"name", "gpu", "grid": [x, y, z], "block": [x, y, z], "static_shared_bytes",
//                 "dynamic_shared_bytes", "resident_blocks", "seconds",
//                 "metrics": {name: integer, ...},                                    every counter
//                 "lines": [{"file", "line", "metrics": {name: integer, ...}}, ...],  those that are not zero
//                 "findings": [{"kind", "kernel", "file", "line", "block": [x, y, z], "thread": [x, y, z],
//                               "address", "message", "count"}, ...]}, ...],
//    "findings": [...]}                                                               of no kernel
#pragma once

#include <filesystem>
#include <string>

#include "simulator/emulator/report/report.h"

namespace attnlab::emulator {

// Indented text, ending in a newline. What is not UTF-8 in a name or a message is replaced by U+FFFD.
std::string to_json(const Report& report);

// The same as a file, which appears whole or not at all; another report of that name is replaced. Throws
// FileError.
void write_json(const Report& report, const std::filesystem::path& path);

// The report in a file. Throws FileError, naming the field, when it is not such a report in every detail: a
// field missing, of another type or out of range, or a counter that this version does not know.
Report read_json(const std::filesystem::path& path);

}  // namespace attnlab::emulator
