// Are sizes exact for every number type, scale and window, are the limits of a memory the largest that fit,
// and is overflow refused?
#include "reference/cards/sizing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>

#include "reference/cards/variants.h"
#include "reference/core/errors.h"

namespace {

using namespace attnlab::cards;
using attnlab::DType;
using attnlab::InvalidArgument;
using testing::HasSubstr;

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

ModelCard gqa(std::uint64_t layers, std::uint64_t heads, std::uint64_t kv_heads, std::uint64_t head_dim) {
  ModelCard card;
  card.layers = layers;
  card.heads = heads;
  card.kv_heads = kv_heads;
  card.head_dim = head_dim;
  card.mechanism = kv_heads == heads ? Mechanism::mha : kv_heads == 1 ? Mechanism::mqa : Mechanism::gqa;
  return card;
}

TEST(Bytes, OfEveryType) {
  const ModelCard llama = load("llama3-70b");
  EXPECT_EQ(elements_per_token(llama), 163840u);
  EXPECT_EQ(bytes_per_token(llama, {DType::f32}), 4 * 163840u);
  EXPECT_EQ(bytes_per_token(llama, {DType::f16}), 320u * 1024);
  EXPECT_EQ(bytes_per_token(llama, {DType::bf16}), 320u * 1024);
  EXPECT_EQ(bytes_per_token(llama, {DType::e4m3}), 163840u);
  EXPECT_EQ(bytes_per_token(llama, {DType::i8}), 163840u);
  EXPECT_EQ(bytes_per_token(llama, {DType::int4}), 81920u);
  EXPECT_EQ(bytes_per_token_per_layer(llama, {DType::bf16}), 4096u);
  EXPECT_EQ(cache_bytes(llama, {DType::bf16}, 131072, 8), 320ull * 1024 * 131072 * 8);
}

// int4, head_dim 128, a scale of 2 bytes each 32 numbers: 64 + 4 * 2 bytes a vector.
TEST(Bytes, ScalesAreCounted) {
  const Format int4{DType::int4, 32, DType::f16};
  EXPECT_EQ(bytes_per_token_per_layer(gqa(1, 8, 8, 128), int4), 2u * 8 * (64 + 8));
  EXPECT_EQ(bytes_per_token_per_layer(gqa(1, 8, 8, 128), {DType::e4m3, 128, DType::f32}), 2u * 8 * (128 + 4));
  EXPECT_EQ(bytes_per_token_per_layer(gqa(1, 8, 8, 128), {DType::e4m3, 1024, DType::f32}),
            2u * 8 * (128 + 4));
  // A last, shorter group has a scale too; a vector of 5 numbers in int4 ends within a byte.
  EXPECT_EQ(bytes_per_token_per_layer(gqa(1, 8, 2, 5), {DType::int4, 2, DType::e4m3}), 2u * 2 * (3 + 3));
  // MLA's latent and rotary key are vectors of their own: 512 / 128 and 64 / 128 groups.
  EXPECT_EQ(bytes_per_token_per_layer(load("deepseek-v3"), {DType::e4m3, 128, DType::f32}),
            512u + 4 * 4 + 64 + 4);
}

TEST(Bytes, OfWeights) {
  EXPECT_EQ(weights_bytes(8030261248, {DType::bf16}), 16060522496u);
  EXPECT_EQ(weights_bytes(7, {DType::int4}), 4u);
  EXPECT_EQ(weights_bytes(0, {DType::bf16}), 0u);
  EXPECT_EQ(weights_bytes(1000, {DType::int4, 128, DType::f16}), 500u + 8 * 2);
}

TEST(Window, LayersKeepAtMostTheWindow) {
  const ModelCard gemma = load("gemma2-27b");  // 23 of 46 layers slide over 4096 tokens
  EXPECT_EQ(cached_layer_tokens(gemma, 1), 46u);
  EXPECT_EQ(cached_layer_tokens(gemma, 4096), 46u * 4096);
  EXPECT_EQ(cached_layer_tokens(gemma, 4097), 46u * 4096 + 23);
  EXPECT_EQ(cached_layer_tokens(gemma, 8192), 23u * 4096 + 23u * 8192);
  EXPECT_EQ(cached_layer_tokens(load("mistral-7b"), 1u << 30), 32u * 4096);
}

TEST(Limits, AModelWhoseLayersAllSlideHasNoLongestContext) {
  const ModelCard mistral = load("mistral-7b");
  const std::uint64_t full_window = sequence_bytes(mistral, {DType::bf16}, 4096);
  EXPECT_EQ(max_context(mistral, {DType::bf16}, 1, full_window), std::nullopt);
  EXPECT_EQ(max_context(mistral, {DType::bf16}, 1, full_window - 1), 4095u);
  EXPECT_EQ(max_context(mistral, {DType::bf16}, 2, full_window), 2048u);
}

// On random models, types and memories: what the limits say fits, and one more does not.
TEST(Limits, AreTheLargestThatFit) {
  std::mt19937_64 random(7);
  const auto between = [&](std::uint64_t low, std::uint64_t high) {
    return std::uniform_int_distribution<std::uint64_t>(low, high)(random);
  };
  int windowed_limits = 0;
  for (int trial = 0; trial < 2000; ++trial) {
    const std::uint64_t kv_heads = between(1, 8);
    ModelCard card = gqa(between(1, 40), kv_heads * between(1, 4), kv_heads, between(1, 128));
    if (between(0, 3) == 0) card = with_mechanism(card, Mechanism::mla);
    if (between(0, 1) == 0) {
      card.sliding_layers = between(1, card.layers);
      card.window = between(1, 500);
    }
    validate(card);
    const DType types[] = {DType::f32, DType::bf16, DType::e4m3, DType::int4};
    const Format format{types[between(0, 3)], between(0, 2) * 32, DType::f16};
    const std::uint64_t batch = between(1, 9);
    const std::uint64_t available = between(0, 1000) * bytes_per_token(card, format) + between(0, 5000);

    const std::optional<std::uint64_t> context = max_context(card, format, batch, available);
    if (context) {
      EXPECT_TRUE(*context == 0 || cache_bytes(card, format, *context, batch) <= available);
      EXPECT_GT(cache_bytes(card, format, *context + 1, batch), available);
      windowed_limits += card.window > 0 && *context > card.window;
    } else {
      EXPECT_EQ(card.sliding_layers, card.layers);
      EXPECT_LE(cache_bytes(card, format, kMax / card.layers, batch), available);
    }
    const std::uint64_t length = between(1, 1000);
    const std::uint64_t sequences = max_batch(card, format, length, available);
    EXPECT_TRUE(sequences == 0 || cache_bytes(card, format, length, sequences) <= available);
    EXPECT_GT(cache_bytes(card, format, length, sequences + 1), available);
  }
  EXPECT_GT(windowed_limits, 50);
}

template <class F>
std::string refusal(F compute) {
  try {
    compute();
  } catch (const InvalidArgument& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Refusals, OverflowAndNothing) {
  const ModelCard llama = load("llama3-70b");
  EXPECT_THAT(refusal([&] { sequence_bytes(llama, {}, kMax); }), HasSubstr("context: got"));
  EXPECT_THAT(refusal([&] { cache_bytes(llama, {}, 1u << 30, 1u << 30); }),
              HasSubstr("expected a size below 2^64"));
  EXPECT_THAT(refusal([&] { weights_bytes(kMax / 8, {DType::f32}); }), HasSubstr("parameters: got"));
  EXPECT_THAT(refusal([&] { sequence_bytes(llama, {}, 0); }), HasSubstr("context: got 0"));
  EXPECT_THAT(refusal([&] { cache_bytes(llama, {}, 1, 0); }), HasSubstr("batch: got 0"));
  EXPECT_THAT(refusal([&] { max_context(llama, {}, 0, 1); }), HasSubstr("batch: got 0"));
  EXPECT_THAT(refusal([&] { max_batch(llama, {}, 0, 1); }), HasSubstr("context: got 0"));
  ModelCard huge = gqa(1u << 30, 1u << 20, 1u << 20, 1u << 20);
  EXPECT_THAT(refusal([&] { elements_per_token(huge); }), HasSubstr("2^64"));
  EXPECT_EQ(sequence_bytes(llama, {}, 1u << 30),
            320ull << 40);  // 2^30 tokens: 320 TiB, counted, not allocated
}

TEST(TensorParallel, CutsHeadsAndCopiesWhatCannotBeCut) {
  const ModelCard llama = load("llama3-70b");  // 64 heads, 8 KV heads
  EXPECT_EQ(elements_per_token(tensor_parallel(llama, 4)), elements_per_token(llama) / 4);
  EXPECT_EQ(elements_per_token(tensor_parallel(llama, 8)), elements_per_token(llama) / 8);
  EXPECT_EQ(elements_per_token(tensor_parallel(llama, 16)), elements_per_token(llama) / 8);
  const ModelCard mla = load("deepseek-v3");
  EXPECT_EQ(elements_per_token(tensor_parallel(mla, 8)), elements_per_token(mla));
  EXPECT_THAT(refusal([&] { tensor_parallel(llama, 3); }),
              HasSubstr("gpus: got 3, expected a divisor of the 64 heads"));
  EXPECT_THROW(tensor_parallel(llama, 0), InvalidArgument);
}

TEST(WithMechanism, KeepsTheModelAndChangesItsCache) {
  const ModelCard llama = load("llama3-8b");  // 32 heads, 8 KV heads of 128
  EXPECT_EQ(elements_per_token_per_layer(with_mechanism(llama, Mechanism::mha)), 2u * 32 * 128);
  EXPECT_EQ(elements_per_token_per_layer(with_mechanism(llama, Mechanism::gqa, 4)), 2u * 8 * 128);  // its own
  EXPECT_EQ(elements_per_token_per_layer(with_mechanism(llama, Mechanism::mqa)), 2u * 128);
  EXPECT_EQ(elements_per_token_per_layer(with_mechanism(llama, Mechanism::mla)), 512u + 64);
  EXPECT_EQ(with_mechanism(load("gpt2-small"), Mechanism::gqa).kv_heads, 6u);  // 8 does not divide 12
  EXPECT_THROW(with_mechanism(load("gpt2-small"), Mechanism::gqa, 0), InvalidArgument);
  const ModelCard deepseek = load("deepseek-v2");
  EXPECT_EQ(elements_per_token_per_layer(with_mechanism(deepseek, Mechanism::mha)), 2u * 128 * 128);
  EXPECT_EQ(elements_per_token_per_layer(with_mechanism(deepseek, Mechanism::mla)), 576u);
}

}  // namespace
