// Does a Hugging Face config.json of each family give the card its model has, and is what is missing or
// unknown refused by name?
#include "reference/cards/config_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "reference/cards/sizing.h"
#include "reference/core/errors.h"

namespace {

using namespace attnlab::cards;
using attnlab::FileError;
using testing::AllOf;
using testing::HasSubstr;

ModelCard parse(const std::string& text) { return parse_config(text, "models/some-model/config.json"); }

std::string refusal(const std::string& text) {
  try {
    parse(text);
  } catch (const FileError& error) {
    EXPECT_THAT(error.what(), HasSubstr("models/some-model/config.json: "));
    return error.what();
  }
  return "accepted";
}

void expect_same(const ModelCard& read, const std::string& name) {
  const ModelCard card = load(name);
  EXPECT_EQ(read.mechanism, card.mechanism) << name;
  EXPECT_EQ(read.layers, card.layers) << name;
  EXPECT_EQ(read.hidden, card.hidden) << name;
  EXPECT_EQ(read.heads, card.heads) << name;
  EXPECT_EQ(read.kv_heads, card.kv_heads) << name;
  EXPECT_EQ(read.head_dim, card.head_dim) << name;
  EXPECT_EQ(read.kv_lora_rank, card.kv_lora_rank) << name;
  EXPECT_EQ(read.qk_rope_head_dim, card.qk_rope_head_dim) << name;
  EXPECT_EQ(read.window, card.window) << name;
  EXPECT_EQ(read.sliding_layers, card.sliding_layers) << name;
  EXPECT_EQ(read.parameters, std::nullopt);
}

TEST(Config, OfEachFamily) {
  expect_same(parse(R"({"model_type": "llama", "hidden_size": 8192, "num_hidden_layers": 80,
                        "num_attention_heads": 64, "num_key_value_heads": 8, "vocab_size": 128256})"),
              "llama3-70b");
  expect_same(parse(R"({"model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32,
                        "num_attention_heads": 32})"),
              "llama2-7b");
  expect_same(parse(R"({"model_type": "mistral", "hidden_size": 4096, "num_hidden_layers": 32,
                        "num_attention_heads": 32, "num_key_value_heads": 8, "sliding_window": 4096})"),
              "mistral-7b");
  expect_same(parse(R"({"model_type": "mixtral", "hidden_size": 4096, "num_hidden_layers": 32,
                        "num_attention_heads": 32, "num_key_value_heads": 8, "sliding_window": null})"),
              "mixtral-8x7b");
  expect_same(
      parse(
          R"({"model_type": "qwen2", "hidden_size": 3584, "num_hidden_layers": 28, "num_attention_heads": 28,
                        "num_key_value_heads": 4, "use_sliding_window": false, "sliding_window": 131072,
                        "max_window_layers": 28})"),
      "qwen2-7b");
  expect_same(
      parse(
          R"({"model_type": "qwen3", "hidden_size": 1024, "num_hidden_layers": 28, "num_attention_heads": 16,
                        "num_key_value_heads": 8, "head_dim": 128})"),
      "qwen3-0.6b");
  expect_same(parse(R"({"model_type": "gemma2", "hidden_size": 4608, "num_hidden_layers": 46,
                        "num_attention_heads": 32, "num_key_value_heads": 16, "head_dim": 128,
                        "sliding_window": 4096})"),
              "gemma2-27b");
  expect_same(parse(R"({"model_type": "gpt2", "n_embd": 1024, "n_layer": 24, "n_head": 16})"), "gpt2-medium");
  expect_same(parse(R"({"model_type": "opt", "hidden_size": 5120, "num_hidden_layers": 40,
                        "num_attention_heads": 40, "ffn_dim": 20480})"),
              "opt-13b");
  expect_same(parse(R"({"model_type": "deepseek_v3", "hidden_size": 7168, "num_hidden_layers": 61,
                        "num_attention_heads": 128, "num_key_value_heads": 128, "kv_lora_rank": 512,
                        "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128})"),
              "deepseek-v3");
  expect_same(parse(R"({"model_type": "deepseek_v2", "hidden_size": 2048, "num_hidden_layers": 27,
                        "num_attention_heads": 16, "kv_lora_rank": 512, "q_lora_rank": null,
                        "qk_nope_head_dim": 128, "qk_rope_head_dim": 64})"),
              "deepseek-v2-lite");
}

TEST(Config, OfFalconOldAndNew) {
  expect_same(parse(R"({"model_type": "falcon", "hidden_size": 14848, "num_hidden_layers": 80,
                        "num_attention_heads": 232, "num_kv_heads": 8, "new_decoder_architecture": true,
                        "multi_query": true})"),
              "falcon-180b");
  // Falcon-7B: one KV head, whatever num_kv_heads says. Falcon-40B before it was renamed: n_head_kv.
  const ModelCard small = parse(R"({"model_type": "falcon", "hidden_size": 4544, "num_hidden_layers": 32,
                                    "num_attention_heads": 71, "num_kv_heads": 71, "multi_query": true,
                                    "new_decoder_architecture": false})");
  EXPECT_EQ(small.mechanism, Mechanism::mqa);
  EXPECT_EQ(elements_per_token_per_layer(small), 128u);
  const ModelCard old =
      parse(R"({"model_type": "RefinedWeb", "hidden_size": 8192, "n_layer": 60, "n_head": 128,
                                  "n_head_kv": 8})");
  EXPECT_EQ(old.kv_heads, 8u);
  EXPECT_EQ(old.head_dim, 64u);
  const ModelCard plain = parse(R"({"model_type": "falcon", "hidden_size": 2048, "num_hidden_layers": 24,
                                    "num_attention_heads": 32, "multi_query": false})");
  EXPECT_EQ(plain.mechanism, Mechanism::mha);
}

TEST(Config, SlidingLayersByTheFamiliesRules) {
  const std::string qwen = R"({"model_type": "qwen2", "hidden_size": 3584, "num_hidden_layers": 28,
                               "num_attention_heads": 28, "num_key_value_heads": 4, "use_sliding_window": true,
                               "sliding_window": 4096, "max_window_layers": )";
  EXPECT_EQ(parse(qwen + "21}").sliding_layers, 7u);
  EXPECT_EQ(parse(qwen + "0}").sliding_layers, 28u);
  EXPECT_EQ(parse(qwen + "28}").sliding_layers, 0u);
  EXPECT_EQ(parse(qwen + "28}").window, 0u);
  EXPECT_THAT(refusal(qwen + "null}"), HasSubstr("max_window_layers: missing"));
  const std::string gemma = R"({"model_type": "gemma3_text", "hidden_size": 5376, "num_hidden_layers": 62,
                                "num_attention_heads": 32, "num_key_value_heads": 16, "head_dim": 128,
                                "sliding_window": 1024)";
  EXPECT_EQ(parse(gemma + "}").sliding_layers, 52u);  // every sixth layer attends to everything
  EXPECT_EQ(parse(gemma + ", \"sliding_window_pattern\": 2}").sliding_layers, 31u);
  const std::string three = R"({"model_type": "gemma2", "hidden_size": 64, "num_hidden_layers": 3,
                                "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 32,
                                "sliding_window": 16)";
  EXPECT_EQ(parse(three + "}").sliding_layers, 2u);  // the first and every other one
  const std::string types = three + ", \"layer_types\": ";
  EXPECT_EQ(parse(types + R"(["full_attention", "full_attention", "sliding_attention"]})").sliding_layers,
            1u);
  EXPECT_THAT(refusal(types + R"(["full_attention"]})"), HasSubstr("layer_types: got 1 entries"));
  EXPECT_THAT(refusal(types + R"(["full_attention", "linear_attention", "full_attention"]})"),
              HasSubstr("layer_types: got 'linear_attention'"));
}

TEST(Config, TheTextModelOfAMultimodalOne) {
  const ModelCard card = parse(R"({"model_type": "mistral3", "vision_config": {"hidden_size": 1024},
                                   "text_config": {"model_type": "mistral", "hidden_size": 5120,
                                     "num_hidden_layers": 40, "num_attention_heads": 32, "num_key_value_heads": 8,
                                     "head_dim": 128, "sliding_window": null}})");
  EXPECT_EQ(card.head_dim, 128u);  // explicit, not 5120 / 32
  EXPECT_EQ(elements_per_token(card), 2u * 8 * 128 * 40);
  EXPECT_THAT(refusal(R"({"model_type": "llava", "text_config": {"model_type": "llama"}})"),
              HasSubstr("text_config.hidden_size: missing"));
}

TEST(Config, WhatIsMissingOrWrongIsNamed) {
  EXPECT_THAT(refusal("{}"), HasSubstr("model_type: missing"));
  EXPECT_THAT(refusal(R"({"model_type": "mamba"})"),
              AllOf(HasSubstr("model_type: got 'mamba'"), HasSubstr("llama")));
  EXPECT_THAT(refusal(R"({"model_type": "llama"})"), HasSubstr("hidden_size: missing"));
  EXPECT_THAT(refusal(R"({"model_type": "gpt2", "n_embd": 768, "n_head": 12})"),
              HasSubstr("n_layer: missing"));
  EXPECT_THAT(refusal(R"({"model_type": "mistral", "hidden_size": 4096, "num_hidden_layers": 32,
                          "num_attention_heads": 32, "sliding_window": null})"),
              HasSubstr("num_key_value_heads: missing"));
  EXPECT_THAT(refusal(R"({"model_type": "mistral", "hidden_size": 4096, "num_hidden_layers": 32,
                          "num_attention_heads": 32, "num_key_value_heads": 8})"),
              HasSubstr("sliding_window: missing"));
  EXPECT_THAT(refusal(R"({"model_type": "qwen3", "hidden_size": 4096, "num_hidden_layers": 32,
                          "num_attention_heads": 32, "num_key_value_heads": 8})"),
              HasSubstr("head_dim: missing"));
  EXPECT_THAT(refusal(R"({"model_type": "llama", "hidden_size": 4097, "num_hidden_layers": 32,
                          "num_attention_heads": 32})"),
              HasSubstr("hidden_size: got 4097, expected a multiple of the 32 heads"));
  EXPECT_THAT(refusal(R"({"model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32,
                          "num_attention_heads": 32, "num_key_value_heads": 5})"),
              HasSubstr("kv_heads: got 5"));
  EXPECT_THAT(refusal(R"({"model_type": "llama", "hidden_size": 4096, "num_hidden_layers": -1})"),
              HasSubstr("num_hidden_layers: got -1"));
  EXPECT_THAT(refusal(R"({"model_type": "deepseek_v3", "hidden_size": 7168, "num_hidden_layers": 61,
                          "num_attention_heads": 128, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64})"),
              HasSubstr("kv_lora_rank: missing"));
}

TEST(Config, IsReadFromAFileAndNamedAfterItsFolder) {
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "Some-Model-7B";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "config.json")
      << R"({"model_type": "gpt2", "n_embd": 64, "n_layer": 2, "n_head": 4})";
  const ModelCard card = read_config(folder / "config.json");
  EXPECT_EQ(card.name, "Some-Model-7B");
  EXPECT_EQ(card.source, (folder / "config.json").string());
  EXPECT_EQ(card.head_dim, 16u);
  std::filesystem::remove_all(folder);
  EXPECT_THROW(read_config(folder / "config.json"), FileError);
}

}  // namespace
