#include "cli/field_options.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "answers/error.h"

namespace attnlab::cli {
namespace {

// Fields whose option has another name. Of several rows for a field, the first whose option the command has.
struct Renamed {
  std::string_view field, option;
};
constexpr Renamed kRenamed[] = {
    {"num_heads", "--heads"},
    {"num_kv_heads", "--kv-heads"},
    {"head_dim", "--dim"},
    {"head_dim_v", "--dim-v"},
    {"dim", "--head-dim"},
    {"softmax_scale", "--scale"},
    {"alibi_slopes", "--alibi"},
    {"window.left", "--window"},
    {"window.right", "--window"},
    {"dropout.p", "--dropout"},
    {"sizes", "--seqlen"},
    {"sizes", "--max-seqlen"},
    {"tiles", "--br"},
    {"block_mask", "--density"},
    {"sram_bytes", "--sram"},
    {"L1 cache", "--l1"},
    {"L2 cache", "--l2"},
    {"memory_bytes", "--memory"},
    {"reserve_bytes", "--reserve"},
    {"device", "--gpu"},
    {"l1_bytes", "--l1"},
    {"l2_bytes", "--l2"},
    {"o", "--out"},
    {"dtypes", "--dtype"},
    {"head_dims", "--head-dim"},
    {"page_sizes", "--page-size"},
    {"time_limit_s", "--time"},
    {"first_case", "--resume"},
};

std::optional<std::string> option_of(const Command& command, const std::string& field) {
  if (const std::string own = option_like(field); command.has(own)) return own;
  for (const Renamed& row : kRenamed)
    if (row.field == field && command.has(std::string(row.option))) return std::string(row.option);
  return std::nullopt;
}

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; }

// Words that are fields. In a sentence only those with an underscore: "batch" is a word, too. In brackets they are a
// shape's.
std::string words_as_options(const Command& command, const std::string& text, bool sentence) {
  std::string result;
  bool in_shape = false;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    while (end < text.size() && is_word(text[end])) ++end;
    const std::string word = text.substr(at, end - at);
    const bool alone = at == 0 || std::string_view(" (").find(text[at - 1]) != std::string_view::npos;
    const bool field =
        alone && !in_shape && !word.empty() && (!sentence || word.find('_') != std::string::npos);
    const auto option = field ? option_of(command, word) : std::nullopt;
    result += option.value_or(word);
    if (end < text.size()) {
      in_shape = text[end] == '[' || (in_shape && text[end] != ']');
      result += text[end++];
    }
    at = end;
  }
  return result;
}

// "kv_lens[1]": the field, and where in it. "batch * num_heads": each of them.
std::string one_as_option(const Command& command, const std::string& argument) {
  if (const auto whole = option_of(command, argument)) return *whole;
  for (const char* sign : {" + ", " * "})
    if (argument.find(sign) != std::string::npos) return words_as_options(command, argument, false);
  const std::size_t end = std::min(argument.find('['), argument.size());
  const auto option = option_of(command, argument.substr(0, end));
  return option && (end == argument.size() || argument.back() == ']') ? *option + argument.substr(end)
                                                                      : argument;
}

}  // namespace

std::string option_like(std::string field) {
  std::ranges::replace(field, '_', '-');
  return "--" + field;
}

std::string argument_as_option(const Command& command, const std::string& argument) {
  constexpr std::string_view kComma = ", ";
  std::string result;
  std::size_t from = 0;
  for (std::size_t comma; (comma = argument.find(kComma, from)) != std::string::npos;
       from = comma + kComma.size()) {
    if (argument.find('[') < comma) break;  // the comma of an index
    result += one_as_option(command, argument.substr(from, comma - from)).append(kComma);
  }
  return result + one_as_option(command, argument.substr(from));
}

std::string fields_as_options(const Command& command, const std::string& text) {
  const auto spelled = answers::spelled(
      text, [&](const std::string& field) { return option_of(command, field).value_or(field); });
  return words_as_options(command, spelled, true);
}

}  // namespace attnlab::cli
