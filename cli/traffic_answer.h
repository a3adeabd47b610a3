// What `attnlab traffic` is asked, and its answer.
#pragma once

#include <string>
#include <vector>

#include "cli/json_output.h"
#include "reference/attention/attention.h"
#include "simulator/io/account.h"
#include "simulator/memory/attention_traffic.h"

namespace attnlab::cli {

struct TrafficQuestion {
  std::string algorithm = "flash2", pass = "forward", gpu = "h200";
  attention::Problem problem;
  DType dtype = DType::f16;
  attention::Tiles tiles;
  std::uint64_t resident_blocks = 0, sms = 0, l2_bytes = 0;  // 0: the rule's, the GPU's
  double l2_effective_fraction = 0;                          // 0: the model's own
  std::uint64_t l1_bytes = 0;
};

struct TrafficAnswer {
  struct Kernel {
    io::Pass pass;
    std::uint64_t resident_blocks;
    memory::LaunchTraffic traffic;
  };
  std::vector<Kernel> kernels;
  memory::Counters total;
  io::Bytes asked;   // of global memory, by the kernels' texts: reductions are writes
  io::Bytes closed;  // the closed form's, of the same algorithm and tiles
  memory::Geometry geometry;
};

// Throws InvalidArgument and FileError as `attnlab io` does, and what memory::replay refuses. Shows a
// progress bar on a terminal.
TrafficAnswer answer(const TrafficQuestion& question);
Json to_json(const TrafficQuestion& question, const TrafficAnswer& answer);
std::string to_text(const TrafficQuestion& question, const TrafficAnswer& answer);

}  // namespace attnlab::cli
