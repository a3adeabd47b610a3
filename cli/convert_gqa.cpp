// attnlab convert-gqa: an MHA checkpoint's K and V projections to fewer heads.
#include "answers/convert_gqa.h"

#include <fmt/format.h>

#include <memory>

#include "answers/quantity.h"
#include "cli/command.h"
#include "cli/quantity_options.h"
#include "files/tensor.h"
#include "reference/attention/problem.h"
#include "reference/core/errors.h"
#include "reference/core/shape.h"

namespace attnlab::cli {
namespace {

using answers::ConvertGqaAnswer;
using answers::ConvertGqaQuestion;
using answers::dump;
using answers::format_bytes;

struct Options {
  std::string in, out, config, method = "mean";
  std::uint64_t groups = 0, heads = 0;
  std::optional<std::uint64_t> seed;
  bool json = false;
};

Index checked_heads(const std::string& option, std::uint64_t count) {
  if (count < 1 || count > static_cast<std::uint64_t>(attention::kMaxExtent)) {
    throw InvalidArgument(option, std::to_string(count), "1 to 2^30");
  }
  return static_cast<Index>(count);
}

ConvertGqaQuestion question_of(const Options& options) {
  if ((options.heads == 0) == options.config.empty()) {
    throw InvalidArgument("--heads", options.heads == 0 ? "nothing" : "both",
                          "either --heads N, the model's query heads, or --config FILE");
  }
  ConvertGqaQuestion question;
  question.in = options.in, question.out = options.out;
  question.groups = checked_heads("--groups", options.groups);
  question.pooling = heads::parse_pooling(options.method);
  question.seed = options.seed;
  question.config = options.config;
  if (options.config.empty()) question.heads = checked_heads("--heads", options.heads);
  return question;
}

std::string to_text(const ConvertGqaQuestion& question, const ConvertGqaAnswer& a) {
  std::string text;
  for (const ConvertGqaAnswer::Changed& tensor : a.changed) {
    text += fmt::format("{}  {} {} -> {}\n", tensor.name, name(tensor.dtype), shape_text(tensor.before),
                        shape_text(tensor.after));
  }
  text +=
      fmt::format("{}: {} of {} tensors changed, to {} heads of K and V ({}); {} -> {}\n",
                  question.out.string(), a.changed.size(), a.tensors, question.groups,
                  heads::name(question.pooling), format_bytes(a.bytes_before), format_bytes(a.bytes_after));
  if (!a.config.empty())
    text += fmt::format("{}: num_key_value_heads {}\n", a.config.string(), question.groups);
  return text;
}

void run(const Options& options) {
  const ConvertGqaQuestion question = question_of(options);
  const ConvertGqaAnswer result = answer(question);
  fmt::print("{}", options.json ? dump(to_json(question, result)) : to_text(question, result));
}

}  // namespace

void add_convert_gqa(Command& app) {
  Command command = app.add_command(
      "convert-gqa",
      "Pools the K and V heads of a checkpoint: multi-head to grouped- or multi-query attention");
  const auto options = std::make_shared<Options>();
  command.add_option("in", options->in, "Checkpoint, .safetensors").type_name("FILE").required();
  command.add_option("out", options->out, "Converted checkpoint, .safetensors").type_name("FILE").required();
  add_count(command, "--groups", options->groups, "Heads of K and V afterwards; 1: multi-query").required();
  add_count(command, "--heads", options->heads, "Query heads of the model");
  command
      .add_option("--config", options->config,
                  "Or its config.json, written with the new count beside OUT too")
      .type_name("FILE");
  command.add_option("--method", options->method, "mean, first or random").show_default();
  add_count(command, "--seed", "Of --method random [0]", 0,
            [options](std::uint64_t seed) { options->seed = seed; });
  command.add_flag("--json", options->json, "One JSON object");
  command.footer(
      "The converted model needs further training (Ainslie et al. 2023: 5 % of the original steps). "
      "Transformers "
      "loads it where the model type knows num_key_value_heads, as llama, mistral and qwen2 do.");
  command.callback([options] { run(*options); });
}

}  // namespace attnlab::cli
