// Are the shipped model cards sound, are their parameter counts those of the architectures, and is a wrong
// name answered with near ones?
#include "reference/cards/model_card.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "reference/core/errors.h"

namespace {

using namespace attnlab::cards;
using attnlab::InvalidArgument;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

template <class F>
std::string refusal(F compute) {
  try {
    compute();
  } catch (const InvalidArgument& error) {
    return error.what();
  }
  return "accepted";
}

TEST(ModelCards, NamesAreUniqueAndFoundInAnySpelling) {
  std::set<std::string> names;
  for (const ModelCard& card : list()) {
    EXPECT_TRUE(names.insert(card.name).second) << card.name;
    for (const std::string& alias : card.aliases) EXPECT_TRUE(names.insert(alias).second) << alias;
    EXPECT_EQ(load(card.title).name, card.name);
    EXPECT_FALSE(card.source.empty());
    EXPECT_THAT(card.parameters_source, HasSubstr("counted")) << card.name;
  }
  EXPECT_EQ(load("Llama-3-70B").name, "llama3-70b");
  EXPECT_EQ(load("llama 3 70b").name, "llama3-70b");
  EXPECT_EQ(load("llama3.1-405b").name, "llama3-405b");
  EXPECT_EQ(load("gpt2").name, "gpt2-small");
}

TEST(ModelCards, AnUnknownNameIsAnsweredWithTheNearest) {
  EXPECT_THAT(refusal([] { load("lama3-70b"); }),
              AllOf(HasSubstr("model: got 'lama3-70b'"), HasSubstr("llama3-70b"), Not(HasSubstr("gpt2"))));
  EXPECT_THAT(refusal([] { load("deepseek"); }), AllOf(HasSubstr("deepseek-67b"), HasSubstr("deepseek-v2")));
  EXPECT_THAT(refusal([] { load(""); }), HasSubstr("one of 31 models"));
}

TEST(ModelCards, ContradictionsAreRefused) {
  const ModelCard sound = load("llama3-70b");
  const auto with = [&](auto change) {
    ModelCard card = sound;
    change(card);
    return refusal([&] { validate(card); });
  };
  EXPECT_EQ(with([](ModelCard&) {}), "accepted");
  EXPECT_THAT(with([](ModelCard& card) { card.layers = 0; }), HasSubstr("layers: got 0"));
  EXPECT_THAT(with([](ModelCard& card) { card.heads = 0; }), HasSubstr("heads: got 0"));
  EXPECT_THAT(with([](ModelCard& card) { card.heads = std::uint64_t{1} << 60; }), HasSubstr("1 to 2^20"));
  EXPECT_THAT(with([](ModelCard& card) { card.head_dim = 0; }), HasSubstr("head_dim: got 0"));
  EXPECT_THAT(with([](ModelCard& card) { card.kv_heads = 7; }), HasSubstr("kv_heads: got 7"));
  EXPECT_THAT(with([](ModelCard& card) { card.kv_heads = 0; }), HasSubstr("kv_heads: got 0"));
  EXPECT_THAT(with([](ModelCard& card) { card.kv_heads = 128; }), HasSubstr("kv_heads: got 128"));
  EXPECT_THAT(with([](ModelCard& card) { card.mechanism = Mechanism::mqa; }), HasSubstr("1 for MQA"));
  EXPECT_THAT(with([](ModelCard& card) { card.mechanism = Mechanism::mha; }), HasSubstr("64, the heads"));
  EXPECT_THAT(with([](ModelCard& card) { card.kv_heads = 64; }), HasSubstr("fewer than the heads"));
  EXPECT_THAT(with([](ModelCard& card) { card.kv_lora_rank = 512; }), HasSubstr("kv_lora_rank: got 512"));
  EXPECT_THAT(with([](ModelCard& card) { card.window = 4096; }), HasSubstr("sliding_layers: got 0"));
  EXPECT_THAT(with([](ModelCard& card) {
                card.window = 4096;
                card.sliding_layers = 81;
              }),
              HasSubstr("at most the 80 layers"));
}

// What a Transformer of the LLaMA kind consists of, besides the dimensions on the card.
struct Llama {
  const char* name;
  std::uint64_t vocabulary, feed_forward;
  bool tied = false;                // the embedding is also the output layer
  bool qkv_bias = false;            // Qwen 1 and 2
  bool qk_norm = false;             // Qwen 3
  std::uint64_t norms = 2;          // a layer; Gemma 2 has 4
  std::uint64_t experts_extra = 0;  // parameters a layer that only a mixture of experts has
};

std::uint64_t count(const ModelCard& card, const Llama& model) {
  const std::uint64_t q = card.heads * card.head_dim;
  const std::uint64_t kv = card.kv_heads * card.head_dim;
  const std::uint64_t attention = 2 * card.hidden * q + 2 * card.hidden * kv +
                                  (model.qkv_bias ? q + 2 * kv : 0) + (model.qk_norm ? 2 * card.head_dim : 0);
  const std::uint64_t layer =
      attention + 3 * card.hidden * model.feed_forward + model.norms * card.hidden + model.experts_extra;
  return (model.tied ? 1 : 2) * model.vocabulary * card.hidden + card.layers * layer + card.hidden;
}

TEST(Parameters, OfLlamaLikeModels) {
  for (const Llama& model : {Llama{"llama2-7b", 32000, 11008},
                             {"llama2-13b", 32000, 13824},
                             {"llama1-33b", 32000, 17920},
                             {"llama1-65b", 32000, 22016},
                             {"llama2-70b", 32000, 28672},
                             {"llama3-8b", 128256, 14336},
                             {"llama3-70b", 128256, 28672},
                             {"llama3-405b", 128256, 53248},
                             {"mistral-7b", 32000, 14336},
                             {"mixtral-8x7b", 32000, 8 * 14336, false, false, false, 2, 4096 * 8},
                             {"qwen1-7b", 151936, 11008, false, true},
                             {"qwen1-14b", 152064, 13696, false, true},
                             {"qwen2-0.5b", 151936, 4864, true, true},
                             {"qwen2-1.5b", 151936, 8960, true, true},
                             {"qwen2-7b", 152064, 18944, false, true},
                             {"qwen2-72b", 152064, 29568, false, true},
                             {"qwen2-57b-a14b", 151936, 64 * 2560 + 20480, false, true, false, 2, 3584 * 65},
                             {"qwen3-0.6b", 151936, 3072, true, false, true},
                             {"qwen3-8b", 151936, 12288, false, false, true},
                             {"yi-34b", 64000, 20480},
                             {"gemma2-27b", 256000, 36864, true, false, false, 4},
                             {"deepseek-67b", 102400, 22016}}) {
    const ModelCard card = load(model.name);
    EXPECT_EQ(card.parameters, count(card, model)) << card.name;
  }
}

// Learned positions, biases everywhere, two-matrix feed-forward of 4 x hidden, tied embedding.
TEST(Parameters, OfGpt2AndOpt) {
  const auto count = [](const ModelCard& card, std::uint64_t vocabulary, std::uint64_t positions) {
    const std::uint64_t h = card.hidden;
    return (vocabulary + positions) * h + card.layers * (12 * h * h + 13 * h) + 2 * h;
  };
  for (const char* name : {"gpt2-small", "gpt2-medium"}) {
    EXPECT_EQ(load(name).parameters, count(load(name), 50257, 1024)) << name;
  }
  for (const char* name : {"opt-13b", "opt-66b", "opt-175b"}) {
    EXPECT_EQ(load(name).parameters, count(load(name), 50272, 2050)) << name;
  }
}

// One Q, K, V matrix of heads + 2 KV heads, feed-forward of 4 x hidden without biases, two layer norms with.
TEST(Parameters, OfFalcon) {
  const ModelCard card = load("falcon-180b");
  const std::uint64_t h = card.hidden;
  const std::uint64_t layer =
      h * (card.heads + 2 * card.kv_heads) * card.head_dim + h * h + 8 * h * h + 4 * h;
  EXPECT_EQ(card.parameters, 2 * 65024 * h + card.layers * layer + 2 * h);
}

// DeepSeek-V2, section 2: low-rank queries (except Lite), the latent and its up-projections, dense layers
// first.
TEST(Parameters, OfDeepSeek) {
  struct Moe {
    const char* name;
    std::uint64_t vocabulary, q_rank, dense_layers, dense, experts, shared, expert;
    bool routing_bias;
  };
  for (const Moe& model : {Moe{"deepseek-v2", 102400, 1536, 1, 12288, 160, 2, 1536, false},
                           {"deepseek-v3", 129280, 1536, 3, 18432, 256, 1, 2048, true},
                           {"deepseek-v2-lite", 102400, 0, 1, 10944, 64, 2, 1408, false}}) {
    const ModelCard card = load(model.name);
    const std::uint64_t h = card.hidden;
    const std::uint64_t q = card.heads * (card.head_dim + card.qk_rope_head_dim);
    const std::uint64_t queries =
        model.q_rank == 0 ? h * q : h * model.q_rank + model.q_rank + model.q_rank * q;
    const std::uint64_t latent = h * (card.kv_lora_rank + card.qk_rope_head_dim) + card.kv_lora_rank;
    const std::uint64_t expanded = card.kv_lora_rank * card.heads * 2 * card.head_dim;
    const std::uint64_t attention = queries + latent + expanded + card.heads * card.head_dim * h;
    const std::uint64_t experts = (model.experts + model.shared) * 3 * h * model.expert + model.experts * h +
                                  (model.routing_bias ? model.experts : 0);
    const std::uint64_t total = 2 * model.vocabulary * h + h + card.layers * (attention + 2 * h) +
                                model.dense_layers * 3 * h * model.dense +
                                (card.layers - model.dense_layers) * experts;
    EXPECT_EQ(card.parameters, total) << card.name;
  }
}

}  // namespace
