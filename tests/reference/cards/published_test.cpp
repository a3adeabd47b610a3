// Do the model cards and the sizing reproduce the published KV-cache sizes exactly?
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "reference/cards/sizing.h"
#include "reference/cards/variants.h"
#include "tests/reference/cards/csv.h"

namespace {

using namespace attnlab::cards;
using attnlab::DType;

constexpr Format kFp16{DType::f16};

ModelCard moe(std::uint64_t layers, std::uint64_t heads, Mechanism mechanism) {
  ModelCard card;
  card.mechanism = mechanism;
  card.layers = layers;
  card.heads = card.kv_heads = heads;
  card.head_dim = 128;
  if (mechanism == Mechanism::mla) {
    card.kv_lora_rank = 512;
    card.qk_rope_head_dim = 64;
  }
  validate(card);
  return card;
}

std::string thousands(std::uint64_t count) {
  return fmt::format("{:.1f}K", static_cast<double>(count) / 1000);
}

// The text of the one row of the MLA table whose item is this.
std::string mla_row(const std::string& item) {
  for (const auto& row : read_csv("kv_cache/deepseek_v2.csv")) {
    if (row.at("item") == item) return row.at("formula_or_value");
  }
  ADD_FAILURE() << item;
  return "";
}

TEST(PublishedSizes, EveryRowOfTheTableExactly) {
  std::set<std::string> seen;
  for (const auto& row : read_csv("kv_cache/paper.csv")) {
    if (row.at("quantity") != "bytes_per_token") continue;
    const ModelCard card = load(row.at("row"));
    seen.insert(card.name);
    EXPECT_EQ(card.layers, std::stoull(row.at("layers"))) << card.name;
    if (card.mechanism == Mechanism::mla) {
      EXPECT_EQ(fmt::format("{}+{}", card.kv_lora_rank, card.qk_rope_head_dim), row.at("head_dim"))
          << card.name;
    } else {
      EXPECT_EQ(card.kv_heads, std::stoull(row.at("kv_heads"))) << card.name;
      EXPECT_EQ(card.head_dim, std::stoull(row.at("head_dim"))) << card.name;
    }
    EXPECT_EQ(bytes_per_token(card, kFp16), std::stoull(row.at("paper"))) << card.name;
    EXPECT_EQ(2 * elements_per_token(card), std::stoull(row.at("paper"))) << card.name;
    if (row.at("status") == "recalled") {
      EXPECT_NE(card.source.find("recalled"), std::string::npos) << card.name << ": " << card.source;
    }
  }
  EXPECT_EQ(seen.size(), 31u);
}

// DeepSeek-V2, Table 1: elements per token, for one model under each mechanism; MLA's is that of GQA with
// 2.25 groups.
TEST(DeepSeekV2, Table1Formulas) {
  const ModelCard card = load("deepseek-v2");
  const std::uint64_t l = card.layers;
  const std::uint64_t dh = card.head_dim;
  EXPECT_EQ(elements_per_token(with_mechanism(card, Mechanism::mha)), 2 * card.heads * dh * l);
  EXPECT_EQ(elements_per_token(with_mechanism(card, Mechanism::gqa, 8)), 2 * 8 * dh * l);
  EXPECT_EQ(elements_per_token(with_mechanism(card, Mechanism::mqa)), 2 * dh * l);
  EXPECT_EQ(elements_per_token(card), (card.kv_lora_rank + card.qk_rope_head_dim) * l);
  EXPECT_EQ(card.kv_lora_rank, 4 * dh);
  EXPECT_EQ(card.qk_rope_head_dim, dh / 2);
  EXPECT_EQ(2 * elements_per_token(card), 9 * dh * l);        // 9/2 d_h l
  EXPECT_EQ(4 * elements_per_token(card), 9 * (2 * dh * l));  // 2.25 groups of 2 d_h l
}

TEST(DeepSeekV2, Table9Elements) {
  const std::string small = mla_row("Small MoE (1.33T tok) MHA vs MLA");
  const std::string large = mla_row("Large MoE (420B tok) MHA vs MLA");
  const auto printed = [](const ModelCard& mha, const ModelCard& mla) {
    return "KV elems/token " + thousands(elements_per_token(mha)) + "/" + thousands(elements_per_token(mla));
  };
  EXPECT_NE(small.find(printed(moe(27, 16, Mechanism::mha), moe(27, 16, Mechanism::mla))), std::string::npos)
      << small;
  EXPECT_NE(large.find(printed(moe(60, 56, Mechanism::mha), load("deepseek-v2"))), std::string::npos)
      << large;
  EXPECT_EQ(elements_per_token(load("deepseek-v2-lite")), 15552u);
  EXPECT_EQ(elements_per_token(load("deepseek-v2")), 34560u);
  EXPECT_EQ(elements_per_token(moe(27, 16, Mechanism::mha)), 110592u);
  EXPECT_EQ(elements_per_token(moe(60, 56, Mechanism::mha)), 860160u);
}

// The abstract's 93.3 % less than DeepSeek 67B, with its cache in 6 bits on average against 16.
TEST(DeepSeekV2, ReductionAgainstDeepSeek67B) {
  const double before = static_cast<double>(elements_per_token(load("deepseek-67b"))) * 16;
  const double after = static_cast<double>(elements_per_token(load("deepseek-v2"))) * 6;
  const std::string percent = fmt::format("{:.2f}%", 100 * (1 - after / before));
  EXPECT_EQ(percent, "93.34%");
  EXPECT_NE(mla_row("93.3% reconstruction").find(percent), std::string::npos);
}

// Mistral 7B, section 2: at 32k tokens the rolling buffer takes an eighth of the memory.
TEST(Mistral, RollingBufferSavesAFactorOf8At32k) {
  const ModelCard card = load("mistral-7b");
  ModelCard full = card;
  full.window = full.sliding_layers = 0;
  EXPECT_EQ(sequence_bytes(full, kFp16, 32768), 8 * sequence_bytes(card, kFp16, 32768));
  EXPECT_EQ(sequence_bytes(card, kFp16, 4096), sequence_bytes(full, kFp16, 4096));
}

// PagedAttention, Table 1 (arXiv 2309.06180): 12 GB for OPT-13B's cache hold 15.7K slots.
TEST(PagedAttention, Opt13BSlots) {
  EXPECT_EQ(thousands(*max_context(load("opt-13b"), kFp16, 1, std::uint64_t{12} << 30)), "15.7K");
}

}  // namespace
