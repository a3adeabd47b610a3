#include "reference/cards/config_json.h"

#include <algorithm>
#include <map>
#include <utility>

#include "reference/core/errors.h"
#include "reference/core/json_object.h"

namespace attnlab::cards {
namespace {

// How a family of configs names its fields and what it leaves out.
enum class Dialect { llama, falcon, gpt2, opt, deepseek };

struct ModelType {
  Dialect dialect;
  bool kv_heads_default_to_heads = false;     // else num_key_value_heads must be there
  bool head_dim_defaults_to_quotient = true;  // hidden_size / num_attention_heads, else it must be there
};

const std::map<std::string, ModelType>& model_types() {
  static const std::map<std::string, ModelType> types{
      {"llama", {Dialect::llama, true, true}},
      {"mistral", {Dialect::llama}},
      {"mixtral", {Dialect::llama}},
      {"qwen2", {Dialect::llama}},
      {"qwen2_moe", {Dialect::llama}},
      {"qwen3", {Dialect::llama, false, false}},
      {"qwen3_moe", {Dialect::llama, false, false}},
      {"gemma2", {Dialect::llama, false, false}},
      {"gemma3_text", {Dialect::llama, false, false}},
      {"falcon", {Dialect::falcon}},
      {"RefinedWeb", {Dialect::falcon}},
      {"RefinedWebModel", {Dialect::falcon}},
      {"gpt2", {Dialect::gpt2}},
      {"opt", {Dialect::opt}},
      {"deepseek_v2", {Dialect::deepseek}},
      {"deepseek_v3", {Dialect::deepseek}},
  };
  return types;
}

// The first of two names for one field that is there; the first name when neither is, for the refusal.
std::string either(const JsonObject& config, const std::string& first, const std::string& second) {
  return config.has(first) || !config.has(second) ? first : second;
}

std::uint64_t quotient_head_dim(const JsonObject& config, const ModelCard& card,
                                const std::string& hidden_key) {
  if (card.hidden % card.heads != 0) {
    config.refuse(hidden_key, "got " + std::to_string(card.hidden) + ", expected a multiple of the " +
                                  std::to_string(card.heads) + " heads, since there is no head_dim");
  }
  return card.hidden / card.heads;
}

// Layers with a sliding window, by the rules of Transformers' configuration classes.
std::uint64_t sliding_layers(const JsonObject& config, const std::string& type, std::uint64_t layers) {
  if (config.has("layer_types")) {
    const std::vector<std::string> types = config.texts("layer_types");
    for (const std::string& layer : types) {
      if (layer != "sliding_attention" && layer != "full_attention") {
        config.refuse("layer_types", "got '" + layer + "', expected sliding_attention or full_attention");
      }
    }
    if (types.size() != layers) {
      config.refuse("layer_types", "got " + std::to_string(types.size()) +
                                       " entries, expected one for each of the " + std::to_string(layers) +
                                       " layers");
    }
    return static_cast<std::uint64_t>(std::count(types.begin(), types.end(), "sliding_attention"));
  }
  if (type == "mistral" || type == "mixtral") return layers;
  if (type == "gemma2") return (layers + 1) / 2;  // every other layer, the first one sliding
  if (type == "gemma3_text")
    return layers - layers / config.maybe_count("sliding_window_pattern").value_or(6);
  return layers - std::min(layers, config.count("max_window_layers", 0));  // Qwen: from that layer on
}

void read_window(const JsonObject& config, const std::string& type, ModelCard& card) {
  const bool windowed =
      type == "mistral" || type == "mixtral" || type.starts_with("gemma") ||
      (type.starts_with("qwen") && config.maybe_boolean("use_sliding_window").value_or(false));
  if (!windowed || config.is_null("sliding_window")) return;
  if (type == "mixtral" && !config.has("sliding_window")) return;  // the others' defaults are windows
  const std::uint64_t window = config.count("sliding_window");
  card.sliding_layers = sliding_layers(config, type, card.layers);
  card.window = card.sliding_layers > 0 ? window : 0;
}

void read_llama(const JsonObject& config, const std::string& type, const ModelType& rules, ModelCard& card) {
  card.hidden = config.count("hidden_size");
  card.layers = config.count("num_hidden_layers");
  card.heads = config.count("num_attention_heads");
  const bool defaulted = rules.kv_heads_default_to_heads && !config.has("num_key_value_heads");
  card.kv_heads = defaulted ? card.heads : config.count("num_key_value_heads");
  const bool quotient = rules.head_dim_defaults_to_quotient && !config.has("head_dim");
  card.head_dim = quotient ? quotient_head_dim(config, card, "hidden_size") : config.count("head_dim");
  read_window(config, type, card);
}

// Before it was part of Transformers, Falcon was configured with other names for the same fields.
void read_falcon(const JsonObject& config, ModelCard& card) {
  card.hidden = config.count("hidden_size");
  card.layers = config.count(either(config, "num_hidden_layers", "n_layer"));
  card.heads = config.count(either(config, "num_attention_heads", "n_head"));
  card.head_dim = quotient_head_dim(config, card, "hidden_size");
  const std::string kv_heads = either(config, "num_kv_heads", "n_head_kv");
  const bool grouped = config.maybe_boolean("new_decoder_architecture").value_or(config.has("n_head_kv"));
  if (grouped) {
    card.kv_heads = config.maybe_count(kv_heads).value_or(card.heads);
  } else {
    card.kv_heads = config.maybe_boolean("multi_query").value_or(true) ? 1 : card.heads;
  }
}

void read_gpt2(const JsonObject& config, ModelCard& card) {
  card.hidden = config.count("n_embd");
  card.layers = config.count("n_layer");
  card.heads = config.count("n_head");
  card.kv_heads = card.heads;
  card.head_dim = quotient_head_dim(config, card, "n_embd");
}

void read_opt(const JsonObject& config, ModelCard& card) {
  card.hidden = config.count("hidden_size");
  card.layers = config.count("num_hidden_layers");
  card.heads = config.count("num_attention_heads");
  card.kv_heads = card.heads;
  card.head_dim = quotient_head_dim(config, card, "hidden_size");
}

void read_deepseek(const JsonObject& config, ModelCard& card) {
  card.hidden = config.count("hidden_size");
  card.layers = config.count("num_hidden_layers");
  card.heads = config.count("num_attention_heads");
  card.kv_heads = card.heads;
  card.head_dim = config.count("qk_nope_head_dim");
  card.kv_lora_rank = config.count("kv_lora_rank");
  card.qk_rope_head_dim = config.count("qk_rope_head_dim");
}

Mechanism mechanism_of(const ModelCard& card) {
  if (card.kv_lora_rank > 0) return Mechanism::mla;
  if (card.kv_heads == card.heads) return Mechanism::mha;
  return card.kv_heads == 1 ? Mechanism::mqa : Mechanism::gqa;
}

ModelCard read(const JsonObject& whole) {
  const JsonObject config = whole.is_object("text_config") ? whole.object("text_config") : whole;
  const std::string type = config.text("model_type");
  const auto rules = model_types().find(type);
  if (rules == model_types().end()) {
    std::string known;
    for (const auto& [name, unused] : model_types()) known += (known.empty() ? "" : ", ") + name;
    config.refuse("model_type", "got '" + type + "', expected one of " + known);
  }
  ModelCard card;
  card.title = type;
  card.source = whole.file();
  switch (rules->second.dialect) {
    case Dialect::llama:
      read_llama(config, type, rules->second, card);
      break;
    case Dialect::falcon:
      read_falcon(config, card);
      break;
    case Dialect::gpt2:
      read_gpt2(config, card);
      break;
    case Dialect::opt:
      read_opt(config, card);
      break;
    case Dialect::deepseek:
      read_deepseek(config, card);
      break;
  }
  card.mechanism = mechanism_of(card);
  try {
    validate(card);
  } catch (const InvalidArgument& error) {
    throw FileError(whole.file(), error.what());
  }
  return card;
}

ModelCard named(ModelCard card, const std::filesystem::path& file) {
  const std::filesystem::path folder = std::filesystem::absolute(file).parent_path().filename();
  card.name = folder.empty() ? card.title : folder.string();
  return card;
}

}  // namespace

ModelCard read_config(const std::filesystem::path& file) { return named(read(JsonObject::read(file)), file); }

ModelCard parse_config(std::string_view text, const std::string& origin) {
  return named(read(JsonObject::parse(text, origin)), origin);
}

}  // namespace attnlab::cards
