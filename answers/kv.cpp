#include "answers/kv.h"

#include <algorithm>
#include <array>

#include "reference/cards/config_json.h"
#include "reference/cards/variants.h"
#include "reference/core/checked.h"
#include "reference/core/errors.h"
#include "simulator/device/device.h"

namespace attnlab::answers {
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
        "parameters", "nothing",
        "the parameter count of " + question.card.name + ", since weights share the memory (0: cache only)");
  }
  const cards::ModelCard part = cards::tensor_parallel(question.card, question.gpus);
  result.total_bytes_per_gpu = cards::cache_bytes(part, question.cache, question.context, question.batch);
  result.weights_bytes_per_gpu = divide_up(*result.weights_bytes, question.gpus);
  const std::uint64_t taken = checked_add(result.weights_bytes_per_gpu, question.reserve, "reserve_bytes");
  result.weights_fit = taken <= *question.memory;
  result.available_bytes_per_gpu = result.weights_fit ? *question.memory - taken : 0;
  result.block_bytes_per_gpu =
      checked_multiply(cards::bytes_per_token(part, question.cache), question.block_size, "block_size");
  result.blocks_by_memory = result.available_bytes_per_gpu / result.block_bytes_per_gpu;
  if (!question.num_gpu_blocks) {
    result.max_batch =
        cards::max_batch(part, question.cache, question.context, result.available_bytes_per_gpu);
    result.max_context =
        cards::max_context(part, question.cache, question.batch, result.available_bytes_per_gpu);
    return;
  }
  const std::uint64_t blocks = *question.num_gpu_blocks;
  const std::uint64_t bytes = checked_multiply(blocks, result.block_bytes_per_gpu, "num_gpu_blocks");
  if (bytes > *question.memory) {
    throw InvalidArgument("num_gpu_blocks", std::to_string(blocks),
                          "at most " + std::to_string(*question.memory / result.block_bytes_per_gpu) +
                              ", which fill the memory");
  }
  result.unknown_bytes_per_gpu =
      static_cast<std::int64_t>(result.available_bytes_per_gpu) - static_cast<std::int64_t>(bytes);
  result.max_batch = blocks / divide_up(question.context, question.block_size);
  result.max_context = blocks / question.batch * question.block_size;
}

}  // namespace

DType storage_dtype(const std::string& field, const std::string& text) {
  static constexpr std::array kStorage{DType::f32,  DType::f16, DType::bf16, DType::e4m3,
                                       DType::e5m2, DType::i8,  DType::int4};
  try {
    const DType dtype = parse_dtype(text);
    if (std::find(kStorage.begin(), kStorage.end(), dtype) != kStorage.end()) return dtype;
  } catch (const InvalidArgument&) {  // refused below, with the types that make sense here
  }
  throw InvalidArgument(field, "'" + text + "'", "fp32, fp16, bf16, fp8 (fp8_e4m3, fp8_e5m2), int8 or int4");
}

KvQuestion question_of(const KvFields& f) {
  if (f.model.has_value() == f.config.has_value()) {
    throw InvalidArgument("model", f.model ? "both" : "nothing",
                          "either `model`, a name (see attnlab list), or `config`, a file");
  }
  if (f.device && f.memory_bytes) throw InvalidArgument("device", *f.device, "nothing beside `memory_bytes`");
  KvQuestion question;
  question.card = f.model ? cards::load(*f.model) : cards::read_config(*f.config);
  if (f.parameters) question.card.parameters = f.parameters;
  const DType scale = storage_dtype("scale_dtype", f.scale_dtype);
  question.cache = {storage_dtype("dtype", f.dtype), f.group_size, scale};
  question.weights = {storage_dtype("weights_dtype", f.weights_dtype), f.weights_group_size, scale};
  question.context = f.context;
  question.batch = f.batch;
  question.gpus = f.gpus;
  question.memory = f.device ? std::optional(device::load(*f.device).hbm_bytes) : f.memory_bytes;
  if (!question.memory && (f.gpus != 1 || f.reserve_bytes != 0 || f.reserve_share || f.num_gpu_blocks)) {
    throw InvalidArgument("memory_bytes", "nothing",
                          "a size or `device`, which `gpus`, `reserve_bytes` and `num_gpu_blocks` refer to");
  }
  if (f.block_size == 0) throw InvalidArgument("block_size", "0", "1 or more");
  question.block_size = f.block_size;
  question.num_gpu_blocks = f.num_gpu_blocks;
  question.reserve = f.reserve_share ? f.reserve_share->of(*question.memory) : f.reserve_bytes;
  return question;
}

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
      {"block_size", question.block_size},
      {"blocks_by_memory", with_memory(result.blocks_by_memory)},
      {"num_gpu_blocks", or_null(question.num_gpu_blocks)},
      {"unknown_bytes_per_gpu",
       question.num_gpu_blocks ? ordered_json(result.unknown_bytes_per_gpu) : ordered_json(nullptr)},
      {"max_batch", or_null(result.max_batch)},
      {"max_context", or_null(result.max_context)},
  };
}

}  // namespace attnlab::answers
