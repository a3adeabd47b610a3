// Compiles a program of programs/ with the driver, as a user would, and runs it on the emulator.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "simulator/emulator/report/json.h"

namespace attnlab::emulator {

struct Outcome {
  int exit_code = -1;
  std::string output;  // of both streams
  Report report;

  std::vector<Finding> findings() const {
    std::vector<Finding> all = report.findings;
    for (const KernelReport& kernel : report.kernels)
      all.insert(all.end(), kernel.findings.begin(), kernel.findings.end());
    return all;
  }
};

class Program {
 public:
  explicit Program(const std::string& name) {
    namespace fs = std::filesystem;
    folder_ = fs::temp_directory_path() / ("attnlab_headers_" + name + "_" + std::to_string(getpid()));
    fs::create_directories(folder_);
    const fs::path source =
        fs::path(ATTNLAB_SOURCE_DIR) / "tests/simulator/emulator/cuda_headers/programs" / (name + ".cu");
    const std::string command = std::string("'") + ATTNLAB_PROGRAM + "' cc -std=c++20 -Wall -Wextra '" +
                                source.string() + "' -o '" + (folder_ / "program").string() + "' 2>'" +
                                (folder_ / "said").string() + "'";
    compiled_ = std::system(command.c_str()) == 0;
    warnings_ = text("said");
  }
  ~Program() { std::filesystem::remove_all(folder_); }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  bool compiled() const { return compiled_; }
  const std::string& warnings() const { return warnings_; }

  // seed: of the order of warps and lanes.
  Outcome run(const std::string& seed = "0", const std::string& arguments = "") const {
    const std::filesystem::path report = folder_ / "report.json";
    const std::string command = "ATTNLAB_EMULATOR_SEED=" + seed + " ATTNLAB_EMULATOR_REPORT='" +
                                report.string() + "' '" + (folder_ / "program").string() + "' " + arguments +
                                " >'" + (folder_ / "said").string() + "' 2>&1 </dev/null";
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text("said"), read_json(report)};
  }

 private:
  std::string text(const char* file) const {
    std::stringstream all;
    all << std::ifstream(folder_ / file).rdbuf();
    return all.str();
  }

  std::filesystem::path folder_;
  bool compiled_ = false;
  std::string warnings_;
};

}  // namespace attnlab::emulator
