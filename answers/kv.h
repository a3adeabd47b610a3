// The question and the answer about the size of one model's KV cache, and how much of it fits.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "answers/quantity.h"
#include "reference/cards/sizing.h"

namespace attnlab::answers {

struct KvQuestion {
  cards::ModelCard card;
  cards::Format cache;
  cards::Format weights;
  std::uint64_t context = 4096;
  std::uint64_t batch = 1;
  std::uint64_t gpus = 1;               // tensor parallel, each with the memory below
  std::optional<std::uint64_t> memory;  // bytes a GPU; with it, the limits are computed
  std::uint64_t reserve = 0;            // bytes a GPU kept for everything but weights and cache
  std::uint64_t block_size = 16;        // tokens in a block of a paged cache
  // Blocks that an engine really has on a GPU, as it says at its start: what it runs takes memory that no formula
  // here knows (activations at their peak, the CUDA context). The limits are then those of these blocks.
  std::optional<std::uint64_t> num_gpu_blocks;
};

// The question as it is asked, by names.
struct KvFields {
  std::optional<std::string> model, config;  // a card's name, or the path of a config.json: one of the two
  std::string dtype = "bf16", scale_dtype = "fp16", weights_dtype = "bf16";
  std::uint64_t group_size = 0, weights_group_size = 0;  // 0: no scales
  std::uint64_t context = 4096, batch = 1, gpus = 1;
  std::optional<std::uint64_t> parameters;    // which a config.json does not tell
  std::optional<std::uint64_t> memory_bytes;  // of a GPU
  std::optional<std::string> device;          // or of this device
  std::uint64_t reserve_bytes = 0;
  std::optional<Share> reserve_share;  // or a share of the memory
  std::uint64_t block_size = 16;
  std::optional<std::uint64_t> num_gpu_blocks;
};
// Throws InvalidArgument naming the field, and FileError.
KvQuestion question_of(const KvFields& fields);

// Sizes are the whole model's, over all GPUs, a copy not counted; limits are those of the GPU that holds
// most.
struct KvAnswer {
  std::uint64_t elements_per_token_per_layer = 0;
  std::uint64_t elements_per_token = 0;
  std::uint64_t bytes_per_token_per_layer = 0;
  std::uint64_t bytes_per_token = 0;
  std::uint64_t sequence_bytes = 0;
  std::uint64_t total_bytes = 0;               // of the batch
  std::optional<std::uint64_t> weights_bytes;  // nothing when the parameter count is not known

  // With a memory: what one GPU holds and has room for. A weight share beyond the memory leaves 0.
  std::uint64_t total_bytes_per_gpu = 0;
  std::uint64_t weights_bytes_per_gpu = 0;
  std::uint64_t available_bytes_per_gpu = 0;
  bool weights_fit = false;
  std::uint64_t block_bytes_per_gpu = 0;   // a block in all layers, every layer keeping every token
  std::uint64_t blocks_by_memory = 0;      // what is left for the cache, in blocks
  std::int64_t unknown_bytes_per_gpu = 0;  // of that, what num_gpu_blocks do not cover
  std::optional<std::uint64_t> max_batch;
  std::optional<std::uint64_t> max_context;  // nothing also when a sliding window leaves no limit
};

// Throws InvalidArgument for sizes beyond 64 bits, and for a memory without a parameter count.
KvAnswer answer(const KvQuestion& question);

// A type that a cache or weights are kept in. Throws InvalidArgument(field, ...).
DType storage_dtype(const std::string& field, const std::string& text);

// One object, counts as integers, null for what was not asked or has no limit.
nlohmann::ordered_json to_json(const KvQuestion& question, const KvAnswer& answer);

}  // namespace attnlab::answers
