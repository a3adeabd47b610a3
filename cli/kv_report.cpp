#include "cli/kv_report.h"

#include <fmt/format.h>

#include "answers/quantity.h"
#include "reference/core/checked.h"

namespace attnlab::cli {

using answers::format_bytes;
using answers::format_count;

namespace {

std::string line(std::string_view label, std::string_view value, std::string_view note = "") {
  return fmt::format("  {:<26} {}", label,
                     note.empty() ? std::string(value) : fmt::format("{:<28} {}", value, note)) +
         "\n";
}

std::string sequences(std::uint64_t count) {
  return format_count(count) + (count == 1 ? " sequence" : " sequences");
}

// Says how many GPUs they would need, if cutting the heads over more can help.
std::string weights_do_not_fit(const answers::KvQuestion& question, const answers::KvAnswer& result) {
  const std::string what = question.reserve > 0 ? "The weights and the reserve" : "The weights";
  for (std::uint64_t gpus = question.gpus; gpus <= question.card.heads; ++gpus) {
    if (question.card.heads % gpus == 0 && question.reserve <= *question.memory &&
        divide_up(*result.weights_bytes, gpus) <= *question.memory - question.reserve) {
      return fmt::format("  {} do not fit: it takes --gpus {}, or a smaller --weights-dtype.\n", what, gpus);
    }
  }
  return fmt::format("  {} do not fit on any number of GPUs with this memory.\n", what);
}

std::string memory_text(const answers::KvQuestion& question, const answers::KvAnswer& result) {
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
  text += line("in blocks", format_count(result.blocks_by_memory),
               fmt::format("of {} tokens, {}", format_count(question.block_size),
                           format_bytes(result.block_bytes_per_gpu)));
  if (question.num_gpu_blocks) {
    const std::int64_t unknown = result.unknown_bytes_per_gpu;
    text += line("the engine has", format_count(*question.num_gpu_blocks),
                 unknown >= 0 ? format_bytes(static_cast<std::uint64_t>(unknown)) + " go elsewhere"
                              : format_bytes(static_cast<std::uint64_t>(-unknown)) + " more than is left");
  }
  const std::uint64_t room = question.num_gpu_blocks ? *question.num_gpu_blocks * result.block_bytes_per_gpu
                                                     : result.available_bytes_per_gpu;
  text += line("this cache needs", format_bytes(result.total_bytes_per_gpu),
               result.total_bytes_per_gpu <= room ? "it fits" : "it does not fit");
  text += line("largest batch", sequences(*result.max_batch),
               fmt::format("of {} tokens", format_count(question.context)));
  text +=
      line("longest context",
           result.max_context ? format_count(*result.max_context) + " tokens" : "no limit (sliding window)",
           fmt::format("for {}", sequences(question.batch)));
  return text;
}

}  // namespace

std::string to_text(const answers::KvQuestion& question, const answers::KvAnswer& result) {
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
