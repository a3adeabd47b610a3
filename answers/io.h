// What an algorithm moves between HBM and SRAM: the question, and its answer in closed form and metered.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "answers/json.h"
#include "reference/attention/attention.h"
#include "simulator/device/roofline.h"
#include "simulator/io/registry.h"

namespace attnlab::answers {

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

// Bytes read and written, by tensor; operations by kind.
Json by_tensor(const io::Traffic& traffic, DType dtype);
Json flops_by_kind(const io::Traffic& traffic);

// What a device does for traffic of operands of this type.
device::Work work_of(const io::Traffic& traffic, DType dtype);

}  // namespace attnlab::answers
