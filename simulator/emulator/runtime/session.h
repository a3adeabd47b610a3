// What a program did on the emulator: its options, the results of its launches, and the report made of them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "simulator/emulator/report/report.h"
#include "simulator/emulator/runtime/account.h"

namespace attnlab::emulator {

struct Options {
  bool counting = true;    // ATTNLAB_EMULATOR_COUNT: 0 turns counters and checks off
  unsigned threads = 0;    // ATTNLAB_EMULATOR_THREADS: OS threads; 0: as many as the machine has cores
  std::uint64_t seed = 0;  // ATTNLAB_EMULATOR_SEED: 0 is the plain order
  std::string report;      // ATTNLAB_EMULATOR_REPORT: the JSON file to write when the program ends
  // Registers per thread. Only nvcc knows them, and they decide how many blocks share an SM (and its L1). By
  // kernel name; "" is for all others; 0: no limit. ATTNLAB_EMULATOR_REGISTERS: a number, or a file of lines
  // "name,registers".
  std::map<std::string, unsigned> registers;
  bool quiet = false;  // ATTNLAB_EMULATOR_QUIET: findings are not printed as they come
};

// The program's options: read from the environment on first use, and free to change between launches. A
// variable that makes no sense ends the program with one line and exit code 2.
Options& options();

// The launches since the program began, or since the last call, with source lines; they are forgotten.
// Not while a kernel runs.
Report take_report();

// Writes options().report, if there is to be one.
bool finish_report();  // false: it cannot be written, which was said

// What options().registers says of a kernel.
unsigned registers_of(const std::string& kernel);

// A launch's results with code addresses instead of lines.
struct RawKernel {
  KernelReport report;  // without lines and findings
  std::vector<std::unique_ptr<Site>> sites;
  Findings findings;
};

// Adds a launch's results; prints its findings.
void add_kernel(RawKernel&& kernel);
// A finding of no launch: a leak, a refused launch.
void add_finding(Finding finding);
// A call of the API that was refused (a RefusalObserver, api/errors.h): one finding per calling place.
// Programs that do not look at what a call returns go on with data that were never copied.
void add_refused_call(int error, const char* function, const char* why, const void* caller);

// A library function read device memory that nobody has written: one finding per calling place.
void add_library_read(const char* function, const std::string& what, const void* caller);

// Host code did what only a kernel may do: reports the program's line that did it, and ends the program with
// code 1.
[[noreturn]] void end_on_host(const std::string& message);

}  // namespace attnlab::emulator
