// A student's program: looked at, compiled, and run on one input after another, each time in a sandbox of its own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "answers/labs/lab.h"
#include "answers/labs/task.h"
#include "os/process.h"
#include "os/temporary_directory.h"
#include "simulator/emulator/report/report.h"

namespace attnlab::answers::labs {

// How long a program may take, and where it runs.
struct Limits {
  double seconds_per_run = 10;
  double seconds = 60;  // of all runs
  bool sandbox = true;  // false: for containers that hold nothing else and are thrown away
};

// What the compiler said.
struct Build {
  bool runs = false;                  // there is a program
  std::vector<std::string> problems;  // refusals, errors, warnings: a line each, the first few
};

struct Run {
  std::string failed;    // why there is no result; empty: there is
  bool stopped = false;  // by a limit
  std::vector<float> result;
  std::vector<std::uint64_t> reads;        // C++: of each way
  std::optional<emulator::Report> report;  // CUDA, where the program left one
  std::optional<std::string> sanitizer;    // C++: what the sanitizers found
};

// Throws FileError unless this is a file of its own, no link, of at most so many bytes.
void require_plain_file(const std::filesystem::path& path, std::uintmax_t most_bytes);

class Submission {
 public:
  // Copies the source. Throws FileError where it cannot be read or is larger than any submission.
  Submission(const Lab& lab, const std::filesystem::path& source, const Limits& limits);

  // Once, before run(). Throws FileError where no compiler can be run.
  const Build& build();
  // seed: of the order of warps.
  Run run(const std::string& input, std::size_t numbers, std::uint64_t seed = 0);

  // Sum of the metrics of a run (metrics.h); way: of reads.
  std::uint64_t metric(const Run& run, const std::vector<std::string>& metrics, const std::string& way) const;

 private:
  void build_cuda();
  void build_cpp();
  bool cuda_step(std::vector<std::string> words);
  int execute(const os::Command& command, const std::filesystem::path& folder);
  bool vet_text(const std::filesystem::path& text);
  bool vet_names(const std::filesystem::path& object);
  void take_messages(bool all);

  const Lab& lab_;
  Limits limits_;
  os::TemporaryDirectory work_;
  std::filesystem::path source_, program_, said_;
  Build build_;
  double used_ = 0;  // seconds of runs
  int runs_ = 0, stopped_ = 0;
};

// A program of the lab's own, on the emulator without a sandbox.
class Probe {
 public:
  // Compiles. Throws FileError where that fails.
  explicit Probe(const std::filesystem::path& source);
  // Throws FileError unless it ends with exit code 0.
  emulator::Report run(const std::vector<std::string>& arguments) const;

 private:
  std::filesystem::path source_;
  os::TemporaryDirectory work_;
};

}  // namespace attnlab::answers::labs
