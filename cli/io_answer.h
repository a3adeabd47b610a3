// What `attnlab io` is asked, and its answer.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/json_output.h"
#include "reference/attention/attention.h"
#include "simulator/device/roofline.h"
#include "simulator/io/registry.h"

namespace attnlab::cli {

struct IoChoices {
  std::string pass = "forward", device = "a100-40gb";
  bool mask_pass = false, boolean_mask = false, bias = false;
};

struct IoQuestion {
  std::string algorithm;  // a name of the registry (simulator/io/registry.h)
  attention::Problem problem;
  DType dtype = DType::f16;
  IoChoices choices;
  std::uint64_t sram_bytes = 0;  // 0: the device's
  attention::Tiles tiles;        // 0: the paper's rule
  double density = 1;
  Index kv_lora_rank = 512, rope_dim = 64;  // of MLA
};

struct IoAnswer {
  io::Traffic closed;
  std::optional<io::Traffic> metered;  // nothing when too large to run
  Index metered_heads = 0;
  std::int64_t sram_elements = 0;
  std::vector<std::pair<io::Pass, attention::Tiles>> passes;
  device::Roofline roofline;
};

IoAnswer answer(const IoQuestion& question);
Json to_json(const IoQuestion& question, const IoAnswer& answer);
std::string to_text(const IoQuestion& question, const IoAnswer& answer);

// What a device does for traffic of operands of this type.
device::Work work_of(const io::Traffic& traffic, DType dtype);

}  // namespace attnlab::cli
