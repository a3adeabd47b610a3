// attnlab convert-gqa: an MHA checkpoint's K and V projections to fewer heads.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

#include "answers/gqa_checkpoint.h"
#include "cli/command.h"
#include "cli/quantity_options.h"
#include "files/output_file.h"
#include "files/safetensors.h"
#include "files/tensor_file.h"
#include "reference/attention/problem.h"
#include "reference/core/errors.h"
#include "reference/core/json_object.h"

namespace attnlab::cli {

using answers::format_bytes;
using answers::GqaPlan;
using answers::GqaRequest;

namespace {

namespace fs = std::filesystem;

struct Options {
  std::string in, out, config, method = "mean";
  std::uint64_t groups = 0, heads = 0, seed = 0;
  bool has_seed = false;
};

Index checked_heads(const std::string& argument, std::uint64_t count) {
  if (count < 1 || count > static_cast<std::uint64_t>(attention::kMaxExtent)) {
    throw InvalidArgument(argument, std::to_string(count), "1 to 2^30");
  }
  return static_cast<Index>(count);
}

// Of a multimodal model, the language model's part.
JsonObject model_config(const fs::path& file) {
  const JsonObject config = JsonObject::read(file);
  return config.is_object("text_config") ? config.object("text_config") : config;
}

GqaRequest request_of(const Options& options) {
  if ((options.heads == 0) == options.config.empty()) {
    throw InvalidArgument("--heads", options.heads == 0 ? "nothing" : "--config too",
                          "either --heads N, the model's query heads, or --config FILE");
  }
  GqaRequest request;
  request.groups = checked_heads("--groups", options.groups);
  request.pooling = heads::parse_pooling(options.method);
  request.seed = options.seed;
  if (options.has_seed && request.pooling != heads::Pooling::random) {
    throw InvalidArgument("--seed", std::to_string(options.seed), "--method random beside it");
  }
  if (options.config.empty()) {
    request.heads = checked_heads("--heads", options.heads);
    return request;
  }
  const JsonObject config = model_config(options.config);
  const auto heads_of = [&](const char* key) -> std::optional<Index> {
    const auto count = config.maybe_count(key);
    return count ? std::optional(checked_heads(key, *count)) : std::nullopt;
  };
  const char* heads_key =
      config.has("num_attention_heads") || !config.has("n_head") ? "num_attention_heads" : "n_head";
  request.heads = checked_heads(heads_key, config.count(heads_key));
  request.kv_heads = heads_of("num_key_value_heads");
  request.head_dim = heads_of("head_dim");
  return request;
}

// Refuses what would replace an input.
void check_output(const Options& options, const fs::path& config_out) {
  if (files::format_of(options.out) != files::Format::safetensors) {
    throw InvalidArgument("out", options.out, "a .safetensors file");
  }
  const auto is_input = [](const fs::path& out, const fs::path& in) {
    return fs::exists(out) && fs::exists(in) && fs::equivalent(out, in);
  };
  if (is_input(options.out, options.in))
    throw InvalidArgument("out", options.out, "another file than the input");
  files::check_writable(options.out);
  if (config_out.empty()) return;
  if (is_input(config_out, options.config)) {
    throw InvalidArgument("out", options.out,
                          "another folder than that of --config, whose heads would change");
  }
  files::check_writable(config_out);
}

// The config as it was, order kept, with the new number of K and V heads.
void write_config(const Options& options, const fs::path& config_out) {
  std::stringstream text;
  text << std::ifstream(options.config, std::ios::binary).rdbuf();
  auto config = nlohmann::ordered_json::parse(text.str());
  auto& model =
      config.contains("text_config") && config["text_config"].is_object() ? config["text_config"] : config;
  model["num_key_value_heads"] = options.groups;
  files::OutputFile file(config_out);
  file.write(config.dump(2) + "\n");
  file.commit();
}

void run(const Options& options) {
  const GqaRequest request = request_of(options);
  const auto checkpoint = files::open_safetensors(options.in);
  const GqaPlan plan(*checkpoint, request);
  const fs::path config_out =
      options.config.empty() ? fs::path() : fs::path(options.out).replace_filename("config.json");
  check_output(options, config_out);

  files::write_safetensors(
      options.out, plan.tensors(), [&](std::size_t i) { return plan.load(i); }, checkpoint->metadata());
  std::size_t changed = 0;
  for (std::size_t i = 0; i < plan.tensors().size(); ++i) {
    if (!plan.changes(i)) continue;
    ++changed;
    const files::TensorInfo &before = checkpoint->tensors()[i], &after = plan.tensors()[i];
    fmt::print("{}  {} {} -> {}\n", after.name, name(after.dtype), files::shape_text(before.shape),
               files::shape_text(after.shape));
  }
  fmt::print("{}: {} of {} tensors changed, to {} heads of K and V ({}); {} -> {}\n", options.out, changed,
             plan.tensors().size(), request.groups, name(request.pooling),
             format_bytes(fs::file_size(options.in)), format_bytes(fs::file_size(options.out)));
  if (!config_out.empty()) {
    write_config(options, config_out);
    fmt::print("{}: num_key_value_heads {}\n", config_out.string(), request.groups);
  }
}

}  // namespace

void add_convert_gqa(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "convert-gqa",
      "Pools the K and V heads of a checkpoint: multi-head to grouped- or multi-query attention");
  const auto options = std::make_shared<Options>();
  command->add_option("in", options->in, "Checkpoint, .safetensors")->type_name("FILE")->required();
  command->add_option("out", options->out, "Converted checkpoint, .safetensors")
      ->type_name("FILE")
      ->required();
  add_count(*command, "--groups", options->groups, "Heads of K and V afterwards; 1: multi-query")->required();
  add_count(*command, "--heads", options->heads, "Query heads of the model");
  command
      ->add_option("--config", options->config,
                   "Or its config.json, written with the new count beside OUT too")
      ->type_name("FILE");
  command->add_option("--method", options->method, "mean, first or random")->capture_default_str();
  command->add_option("--seed", options->seed, "Of --method random [0]")->each([options](const std::string&) {
    options->has_seed = true;
  });
  command->footer(
      "The converted model needs further training (Ainslie et al. 2023: 5 % of the original steps). "
      "Transformers "
      "loads it where the model type knows num_key_value_heads, as llama, mistral and qwen2 do.");
  command->callback([options] { run(*options); });
}

}  // namespace attnlab::cli
