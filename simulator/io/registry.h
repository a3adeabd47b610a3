// Every algorithm whose traffic is known in closed form and can be metered: the one table that the command
// line and the documentation are made from. Attention proper comes from attention::algorithms(); decoding,
// MLA's two forms and softmax join it here.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "simulator/io/account.h"
#include "simulator/io/sampled_meter.h"

namespace attnlab::io {

// What is asked of an entry. The problem is read as each family needs it:
//   attention      as it is
//   decode         seqlen_q 1: one new token of every sequence, seqlen_kv tokens with it
//   mla-*          head_dim (without RoPE), head_dim_v, num_heads, causal; kv_lora_rank and rope_dim of here
//   softmax-*      batch * num_heads * seqlen_q rows of seqlen_kv elements, in pieces of bc
struct Question {
  attention::Problem problem;
  Pass pass = Pass::forward;
  attention::Tiles tiles;  // 0: chosen by the rule
  attention::BlockMask block_mask;
  std::int64_t sram_elements = 0;
  Index kv_lora_rank = 512, rope_dim = 64;  // DeepSeek-V2's
};

struct Entry {
  std::string name, title, paper;
  bool backward = false;    // has a backward pass
  bool block_mask = false;  // reads Question::block_mask
  std::optional<attention::Algorithm> attention = std::nullopt;
  std::optional<Index> seqlen_q = std::nullopt;  // the only one that it takes

  // Throws InvalidArgument for a problem that this entry cannot read.
  void (*check)(const Entry&, const Question&);
  // Sizes of tiles by the papers' rule, for those that the question leaves open. Throws SramOverflow.
  attention::Tiles (*tiles)(const Entry&, const Question&);
  // With tiles settled.
  Traffic (*closed)(const Entry&, const Question&);
  std::optional<MeteredSample> (*metered)(const Entry&, const Question&);
};

std::span<const Entry> registry();
// Throws InvalidArgument listing the names when there is no such entry.
const Entry& find(std::string_view name);

}  // namespace attnlab::io
