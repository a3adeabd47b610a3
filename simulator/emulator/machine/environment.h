// The environment variables that a program on the emulator reads, ATTNLAB_EMULATOR_...: one list of their
// names and of what each may be.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace attnlab::emulator {

// Most OS threads that may be asked for.
inline constexpr std::uint64_t kMostThreads = 1024;

// Most seconds that may be asked for: a month.
inline constexpr std::uint64_t kLongest = 31 * 24 * 3600;

// What the variables say; the defaults where they are unset or empty.
struct Environment {
  bool counting = true;  // COUNT: 0 or 1
  bool quiet = false;    // QUIET: 0 or 1; 1: findings are not printed as they come
  bool final =
      false;  // FINAL: 0 or 1; 1: the program ends with its report, nothing of its own runs afterwards
  bool leaks = false;      // LEAKS: 0 or 1; 1: memory that is never freed is looked for without a report too
  unsigned threads = 0;    // THREADS: 0 to kMostThreads; 0: as many as there are cores
  std::uint64_t seed = 0;  // SEED
  unsigned timeout = 0;    // TIMEOUT: seconds that the program may run, up to kLongest; 0: no limit
  std::string gpu = "h200";                   // GPU: a name or a device file; looked up by find_gpu
  std::string report;                         // REPORT: the JSON file to write
  std::map<std::string, unsigned> registers;  // REGISTERS: a number ("" is its key), or a file of name,number
};

// Reads and checks all of them. Throws InvalidArgument, with the variable's name as the argument; also for a
// variable ATTNLAB_EMULATOR_... that does not exist, which is a slip of the pen.
Environment read_environment();

// The process's, read once. A variable that makes no sense ends the program with one line on stderr and exit
// code 2: there is nobody to throw to, the first to ask may be a CUDA call of a program that checks nothing.
const Environment& environment();

// Ends the program so.
[[noreturn]] void end_by_environment(const char* problem);

}  // namespace attnlab::emulator
