// Model cards: the few dimensions of a language model that decide how large its KV cache is, as data.
//
// reference/cards/models holds one JSON file a family, {"models": [card, ...]}; each card says where its
// dimensions come from, "recalled" among the words where they were not read in the paper.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace attnlab::cards {

// What is cached per token and layer (DeepSeek-V2, arXiv 2405.04434, Table 1).
enum class Mechanism {
  mha,  // K and V of every head
  gqa,  // K and V of one head per group of query heads (arXiv 2305.13245)
  mqa,  // K and V of a single head (arXiv 1911.02150)
  mla,  // one latent for all heads, and one key that carries the rotary position
};

std::string_view name(Mechanism mechanism);  // "MHA"

struct ModelCard {
  std::string name;                  // "llama3-70b"
  std::vector<std::string> aliases;  // other names it answers to
  std::string title;                 // "Llama-3 70B"
  Mechanism mechanism = Mechanism::mha;
  std::uint64_t layers = 0;
  std::uint64_t hidden = 0;            // width of the model
  std::uint64_t heads = 0;             // query heads
  std::uint64_t kv_heads = 0;          // equal to heads for MHA, 1 for MQA; of MLA's expanded form for MLA
  std::uint64_t head_dim = 0;          // of the part without position for MLA, d_h in the paper
  std::uint64_t kv_lora_rank = 0;      // MLA: d_c, else 0
  std::uint64_t qk_rope_head_dim = 0;  // MLA: d_h^R, else 0
  std::uint64_t window = 0;            // tokens that a layer with a sliding window keeps, 0 without one
  std::uint64_t sliding_layers = 0;    // layers with that window
  std::optional<std::uint64_t> parameters;  // exact; nothing where a config.json does not say
  std::string source;                       // of the dimensions
  std::string parameters_source;
};

// Refuses dimensions that contradict each other: InvalidArgument naming the field. Every function of
// reference/kv expects a card that passed.
void validate(const ModelCard& card);

// The card of a name or alias; case and the characters "-", "_" and " " do not matter. Throws
// InvalidArgument("model", ...) with the nearest names.
ModelCard load(std::string_view name);

// Every card that ships with the project, in the order of the files' names.
std::vector<ModelCard> list();

}  // namespace attnlab::cards
