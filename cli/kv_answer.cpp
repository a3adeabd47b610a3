#include "cli/kv_answer.h"

#include <fmt/format.h>

#include "cli/quantity.h"
#include "reference/cards/variants.h"
#include "reference/core/checked.h"
#include "reference/core/errors.h"

namespace attnlab::cli {
namespace {

using nlohmann::ordered_json;

template <class T>
ordered_json or_null(const std::optional<T>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

ordered_json or_null_if_zero(std::uint64_t value) {
  return value > 0 ? ordered_json(value) : ordered_json(nullptr);
}

void answer_limits(const KvQuestion& question, KvAnswer& result) {
  if (!result.weights_bytes) {
    throw InvalidArgument(
        "--parameters", "nothing",
        "the parameter count of " + question.card.name + ", since weights share the memory (0: cache only)");
  }
  const cards::ModelCard part = cards::tensor_parallel(question.card, question.gpus);
  result.total_bytes_per_gpu = cards::cache_bytes(part, question.cache, question.context, question.batch);
  result.weights_bytes_per_gpu = divide_up(*result.weights_bytes, question.gpus);
  const std::uint64_t taken =
      checked_add(result.weights_bytes_per_gpu, question.reserve, "weights and reserve");
  result.weights_fit = taken <= *question.memory;
  result.available_bytes_per_gpu = result.weights_fit ? *question.memory - taken : 0;
  result.max_batch = cards::max_batch(part, question.cache, question.context, result.available_bytes_per_gpu);
  result.max_context =
      cards::max_context(part, question.cache, question.batch, result.available_bytes_per_gpu);
}

std::string line(std::string_view label, std::string_view value, std::string_view note = "") {
  return fmt::format("  {:<26} {}", label,
                     note.empty() ? std::string(value) : fmt::format("{:<28} {}", value, note)) +
         "\n";
}

std::string sequences(std::uint64_t count) {
  return format_count(count) + (count == 1 ? " sequence" : " sequences");
}

// Says how many GPUs they would need, if cutting the heads over more can help.
std::string weights_do_not_fit(const KvQuestion& question, const KvAnswer& result) {
  const std::string what = question.reserve > 0 ? "The weights and the reserve" : "The weights";
  for (std::uint64_t gpus = question.gpus; gpus <= question.card.heads; ++gpus) {
    if (question.card.heads % gpus == 0 && question.reserve <= *question.memory &&
        divide_up(*result.weights_bytes, gpus) <= *question.memory - question.reserve) {
      return fmt::format("  {} do not fit: it takes --gpus {}, or a smaller --weights-dtype.\n", what, gpus);
    }
  }
  return fmt::format("  {} do not fit on any number of GPUs with this memory.\n", what);
}

std::string memory_text(const KvQuestion& question, const KvAnswer& result) {
  std::string text =
      question.gpus == 1
          ? "\nIn the memory of one GPU\n"
          : fmt::format("\nIn the memory of each of {} GPUs, heads and weights cut over them\n",
                        question.gpus);
  text += line("memory", format_bytes(*question.memory));
  text += line("weights", format_bytes(result.weights_bytes_per_gpu));
  if (question.reserve > 0) text += line("reserve", format_bytes(question.reserve));
  if (!result.weights_fit) return text + weights_do_not_fit(question, result);
  text += line("left for the cache", format_bytes(result.available_bytes_per_gpu));
  text += line("this cache needs", format_bytes(result.total_bytes_per_gpu),
               result.total_bytes_per_gpu <= result.available_bytes_per_gpu ? "it fits" : "it does not fit");
  text += line("largest batch", sequences(*result.max_batch),
               fmt::format("of {} tokens", format_count(question.context)));
  text +=
      line("longest context",
           result.max_context ? format_count(*result.max_context) + " tokens" : "no limit (sliding window)",
           fmt::format("for {}", sequences(question.batch)));
  return text;
}

}  // namespace

KvAnswer answer(const KvQuestion& question) {
  KvAnswer result;
  const cards::ModelCard& card = question.card;
  result.elements_per_token_per_layer = cards::elements_per_token_per_layer(card);
  result.elements_per_token = cards::elements_per_token(card);
  result.bytes_per_token_per_layer = cards::bytes_per_token_per_layer(card, question.cache);
  result.bytes_per_token = cards::bytes_per_token(card, question.cache);
  result.sequence_bytes = cards::sequence_bytes(card, question.cache, question.context);
  result.total_bytes = cards::cache_bytes(card, question.cache, question.context, question.batch);
  if (card.parameters) result.weights_bytes = cards::weights_bytes(*card.parameters, question.weights);
  if (question.memory) answer_limits(question, result);
  return result;
}

ordered_json to_json(const KvQuestion& question, const KvAnswer& result) {
  const cards::ModelCard& card = question.card;
  const auto scale = [](const cards::Format& format) {
    return format.group_size > 0 ? ordered_json(name(format.scale_dtype)) : ordered_json(nullptr);
  };
  const auto with_memory = [&](std::uint64_t value) {
    return question.memory ? ordered_json(value) : ordered_json(nullptr);
  };
  return {
      {"model", card.name},
      {"title", card.title},
      {"source", card.source},
      {"mechanism", cards::name(card.mechanism)},
      {"layers", card.layers},
      {"heads", card.heads},
      {"kv_heads",
       card.mechanism == cards::Mechanism::mla ? ordered_json(nullptr) : ordered_json(card.kv_heads)},
      {"head_dim", card.head_dim},
      {"kv_lora_rank", or_null_if_zero(card.kv_lora_rank)},
      {"qk_rope_head_dim", or_null_if_zero(card.qk_rope_head_dim)},
      {"window", or_null_if_zero(card.window)},
      {"sliding_layers", card.sliding_layers},
      {"parameters", or_null(card.parameters)},
      {"dtype", name(question.cache.dtype)},
      {"group_size", or_null_if_zero(question.cache.group_size)},
      {"scale_dtype", scale(question.cache)},
      {"weights_dtype", name(question.weights.dtype)},
      {"weights_group_size", or_null_if_zero(question.weights.group_size)},
      {"context", question.context},
      {"batch", question.batch},
      {"gpus", question.gpus},
      {"elements_per_token_per_layer", result.elements_per_token_per_layer},
      {"elements_per_token", result.elements_per_token},
      {"bytes_per_token_per_layer", result.bytes_per_token_per_layer},
      {"bytes_per_token", result.bytes_per_token},
      {"sequence_bytes", result.sequence_bytes},
      {"total_bytes", result.total_bytes},
      {"weights_bytes", or_null(result.weights_bytes)},
      {"memory_bytes", or_null(question.memory)},
      {"reserve_bytes", with_memory(question.reserve)},
      {"total_bytes_per_gpu", with_memory(result.total_bytes_per_gpu)},
      {"weights_bytes_per_gpu", with_memory(result.weights_bytes_per_gpu)},
      {"available_bytes_per_gpu", with_memory(result.available_bytes_per_gpu)},
      {"weights_fit", question.memory ? ordered_json(result.weights_fit) : ordered_json(nullptr)},
      {"max_batch", or_null(result.max_batch)},
      {"max_context", or_null(result.max_context)},
  };
}

std::string to_text(const KvQuestion& question, const KvAnswer& result) {
  const cards::ModelCard& card = question.card;
  std::string text =
      fmt::format("{}, {} layers\n{}\nSource: {}\n", card.title, card.layers, describe(card), card.source);
  if (card.window > 0) {
    text += fmt::format("{} of the layers keep only the last {} tokens\n", card.sliding_layers,
                        format_count(card.window));
  }
  text += fmt::format("\nKV cache in {}: what every new token reads again instead of computing it again\n",
                      describe(question.cache));
  text += line("a token, one layer", format_bytes(result.bytes_per_token_per_layer),
               card.mechanism == cards::Mechanism::mla
                   ? fmt::format("{} + {} numbers", card.kv_lora_rank, card.qk_rope_head_dim)
                   : fmt::format("K and V: 2 x {} heads x {} numbers", card.kv_heads, card.head_dim));
  text += line("a token, all layers", format_bytes(result.bytes_per_token),
               fmt::format("{} numbers", format_count(result.elements_per_token)));
  text += line("a sequence", format_bytes(result.sequence_bytes),
               fmt::format("{} tokens", format_count(question.context)));
  text += line("the batch", format_bytes(result.total_bytes), sequences(question.batch));
  if (result.weights_bytes) {
    text += fmt::format("\nWeights in {}\n", describe(question.weights));
    text += line("all of them", format_bytes(*result.weights_bytes),
                 fmt::format("{} parameters", format_count(*card.parameters)));
  }
  if (question.memory) text += memory_text(question, result);
  return text + "\nKiB, MiB, GiB are powers of 1024, kB, MB, GB of 1000.\n";
}

std::string describe(const cards::ModelCard& card) {
  const std::string heads = fmt::format("{}: ", cards::name(card.mechanism));
  switch (card.mechanism) {
    case cards::Mechanism::mha:
      return heads + fmt::format("each of {} heads has its own K and V of {}", card.heads, card.head_dim);
    case cards::Mechanism::mla:
      return heads + fmt::format("{} heads read one latent of {} and one rotary key of {}", card.heads,
                                 card.kv_lora_rank, card.qk_rope_head_dim);
    default:
      return heads + fmt::format("{} query heads share {} KV {} of {}", card.heads, card.kv_heads,
                                 card.kv_heads == 1 ? "head" : "heads", card.head_dim);
  }
}

std::string describe(const cards::Format& format) {
  const std::string type(name(format.dtype));
  if (format.group_size == 0) return type;
  return fmt::format("{} with a {} scale each {} numbers", type, name(format.scale_dtype), format.group_size);
}

}  // namespace attnlab::cli
