// What an algorithm's tiles move between SMs, L2 and DRAM: the question and its answer.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "answers/json.h"
#include "answers/work.h"
#include "reference/attention/attention.h"
#include "simulator/io/account.h"
#include "simulator/memory/attention_traffic.h"

namespace attnlab::answers {

struct TrafficQuestion {
  std::string algorithm = "flash2", pass = "forward", gpu = "h200";
  attention::Problem problem;
  DType dtype = DType::f16;
  attention::Tiles tiles;
  std::uint64_t resident_blocks = 0, sms = 0, l2_bytes = 0;  // 0: the rule's, the GPU's
  double l2_effective_fraction = 0;                          // 0: the model's own
  std::uint64_t l1_bytes = 0;
  // Called now and then with the pass and the share of it that is done; may be empty.
  std::function<void(io::Pass, double)> progress;
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

// By the paper's name or the kernels': standard attention is their rung 01, naive. Throws InvalidArgument.
const attention::AlgorithmInfo& algorithm_of(const TrafficQuestion& question);

// What the replay takes. Throws InvalidArgument and FileError as answer() does.
Work work_of(const TrafficQuestion& question);

// Throws InvalidArgument and FileError as the question of io.h does, and what memory::replay refuses.
TrafficAnswer answer(const TrafficQuestion& question);
Json to_json(const TrafficQuestion& question, const TrafficAnswer& answer);

}  // namespace attnlab::answers
