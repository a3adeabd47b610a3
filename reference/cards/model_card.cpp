#include "reference/cards/model_card.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <numeric>
#include <set>
#include <utility>

#include "reference/core/data_dir.h"
#include "reference/core/errors.h"
#include "reference/core/json_object.h"

namespace attnlab::cards {
namespace {

constexpr std::array<std::pair<Mechanism, std::string_view>, 4> kMechanisms{{
    {Mechanism::mha, "MHA"},
    {Mechanism::gqa, "GQA"},
    {Mechanism::mqa, "MQA"},
    {Mechanism::mla, "MLA"},
}};

Mechanism read_mechanism(const JsonObject& object) {
  const std::string text = object.text("mechanism");
  for (const auto& [mechanism, name] : kMechanisms) {
    if (name == text) return mechanism;
  }
  object.refuse("mechanism", "got '" + text + "', expected MHA, GQA, MQA or MLA");
}

ModelCard read_card(const JsonObject& object) {
  object.allow_only({"name", "aliases", "title", "mechanism", "layers", "hidden", "heads", "kv_heads",
                     "head_dim", "kv_lora_rank", "qk_rope_head_dim", "window", "sliding_layers", "parameters",
                     "source", "parameters_source"});
  ModelCard card;
  card.name = object.text("name");
  if (object.has("aliases")) card.aliases = object.texts("aliases");
  card.title = object.text("title");
  card.mechanism = read_mechanism(object);
  card.layers = object.count("layers");
  card.hidden = object.count("hidden");
  card.heads = object.count("heads");
  card.kv_heads = object.count("kv_heads");
  card.head_dim = object.count("head_dim");
  if (card.mechanism == Mechanism::mla) {
    card.kv_lora_rank = object.count("kv_lora_rank");
    card.qk_rope_head_dim = object.count("qk_rope_head_dim");
  }
  card.window = object.maybe_count("window").value_or(0);
  card.sliding_layers = object.maybe_count("sliding_layers").value_or(0);
  card.parameters = object.count("parameters");
  card.source = object.text("source");
  card.parameters_source = object.text("parameters_source");
  try {
    validate(card);
  } catch (const InvalidArgument& error) {
    throw FileError(object.file(), card.name + ": " + error.what());
  }
  return card;
}

// What two spellings of one name have in common.
std::string plain(std::string_view name) {
  std::string result;
  for (const char c : name) {
    if (c != '-' && c != '_' && c != ' ')
      result += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return result;
}

// Levenshtein's distance: single-character insertions, deletions and substitutions.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substituted, row[j] + 1, diagonal + 1});
    }
  }
  return row[b.size()];
}

// The three nearest names; one that only continues or starts the text counts as near.
std::string nearest(const std::vector<ModelCard>& cards, std::string_view text) {
  const std::string wanted = plain(text);
  std::vector<std::pair<std::size_t, std::string>> ranked;
  for (const ModelCard& card : cards) {
    const std::string candidate = plain(card.name);
    const bool related = candidate.find(wanted) == 0 || wanted.find(candidate) == 0;
    ranked.emplace_back(related ? 0 : distance(candidate, wanted), card.name);
  }
  std::sort(ranked.begin(), ranked.end());
  std::string names;
  for (std::size_t i = 0; i < std::min<std::size_t>(3, ranked.size()); ++i) {
    names += (i == 0 ? "" : ", ") + ranked[i].second;
  }
  return names;
}

bool answers_to(const ModelCard& card, const std::string& wanted) {
  const auto matches = [&](const std::string& name) { return plain(name) == wanted; };
  return matches(card.name) || matches(card.title) ||
         std::any_of(card.aliases.begin(), card.aliases.end(), matches);
}

}  // namespace

std::string_view name(Mechanism mechanism) {
  for (const auto& [value, text] : kMechanisms) {
    if (value == mechanism) return text;
  }
  throw InvalidArgument("mechanism", std::to_string(static_cast<int>(mechanism)),
                        "a value of the enumeration");
}

void validate(const ModelCard& card) {
  const auto demand = [](bool holds, const char* field, std::uint64_t value, const std::string& expected) {
    if (!holds) throw InvalidArgument(field, std::to_string(value), expected);
  };
  demand(card.layers > 0, "layers", card.layers, "at least 1");
  constexpr std::uint64_t kMostHeads = std::uint64_t{1}
                                       << 20;  // divisors of the heads are searched one by one
  demand(card.heads > 0 && card.heads <= kMostHeads, "heads", card.heads, "1 to 2^20");
  demand(card.head_dim > 0, "head_dim", card.head_dim, "at least 1");
  demand(card.kv_heads > 0 && card.kv_heads <= card.heads && card.heads % card.kv_heads == 0, "kv_heads",
         card.kv_heads, fmt::format("a divisor of the {} heads", card.heads));
  demand((card.window == 0) == (card.sliding_layers == 0), "sliding_layers", card.sliding_layers,
         fmt::format("0 exactly when the window is (window {})", card.window));
  demand(card.sliding_layers <= card.layers, "sliding_layers", card.sliding_layers,
         fmt::format("at most the {} layers", card.layers));
  const bool mla = card.mechanism == Mechanism::mla;
  demand((card.kv_lora_rank > 0) == mla, "kv_lora_rank", card.kv_lora_rank,
         mla ? "at least 1" : "0 without MLA");
  demand((card.qk_rope_head_dim > 0) == mla, "qk_rope_head_dim", card.qk_rope_head_dim,
         mla ? "at least 1" : "0 without MLA");
  switch (card.mechanism) {
    case Mechanism::mha:
    case Mechanism::mla:
      demand(card.kv_heads == card.heads, "kv_heads", card.kv_heads,
             fmt::format("{}, the heads", card.heads));
      break;
    case Mechanism::mqa:
      demand(card.kv_heads == 1, "kv_heads", card.kv_heads, "1 for MQA");
      break;
    case Mechanism::gqa:
      demand(card.kv_heads > 1 && card.kv_heads < card.heads, "kv_heads", card.kv_heads,
             "more than 1 and fewer than the heads for GQA");
      break;
  }
}

std::vector<ModelCard> list() {
  std::set<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(data_dir("reference/cards/models"))) {
    if (entry.path().extension() == ".json") files.insert(entry.path());
  }
  std::vector<ModelCard> cards;
  for (const std::filesystem::path& path : files) {
    const JsonObject file = JsonObject::read(path);
    file.allow_only({"models"});
    for (const JsonObject& object : file.objects("models")) cards.push_back(read_card(object));
  }
  return cards;
}

ModelCard load(std::string_view name) {
  std::vector<ModelCard> cards = list();
  const std::string wanted = plain(name);
  for (ModelCard& card : cards) {
    if (answers_to(card, wanted)) return std::move(card);
  }
  throw InvalidArgument(
      "model", "'" + std::string(name) + "'",
      fmt::format("one of {} models (attnlab list); the nearest are {}", cards.size(), nearest(cards, name)));
}

}  // namespace attnlab::cards
