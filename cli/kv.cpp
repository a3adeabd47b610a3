// attnlab kv: how large a model's KV cache is, and how much of it fits in a memory.
#include "answers/kv.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>

#include "answers/kv_compare.h"
#include "cli/command.h"
#include "cli/kv_report.h"
#include "cli/python.h"
#include "cli/quantity_options.h"
#include "cli/refusal.h"
#include "reference/cards/config_json.h"
#include "reference/core/errors.h"
#include "simulator/device/device.h"

namespace attnlab::cli {

using answers::compare;
using answers::KvAnswer;
using answers::KvComparison;
using answers::KvQuestion;
using answers::parse_bytes;
using answers::parse_share;
using answers::storage_dtype;

namespace {

struct Options {
  std::string model, config, dtype = "bf16", scale_dtype = "fp16", weights_dtype, device, reserve, out;
  std::uint64_t context = 4096, batch = 1, gpus = 1, groups = 8;
  std::uint64_t group_size = 0, weights_group_size = 0, memory = 0, parameters = 0;
  bool has_memory = false, has_parameters = false, compare = false, json = false;
};

std::optional<std::uint64_t> memory_of(const Options& options) {
  if (options.has_memory) return options.memory;
  if (!options.device.empty()) return device::load(options.device).hbm_bytes;
  return std::nullopt;
}

// A share of the memory, or a size.
std::uint64_t reserve_of(const Options& options, std::uint64_t memory) {
  if (options.reserve.empty()) return 0;
  return options.reserve.ends_with('%') ? parse_share("--reserve", options.reserve).of(memory)
                                        : parse_bytes("--reserve", options.reserve);
}

KvQuestion question_of(const Options& options) {
  if (options.model.empty() == options.config.empty()) {
    throw InvalidArgument("--model", options.model.empty() ? "nothing" : "--config too",
                          "either --model NAME (see attnlab list) or --config FILE");
  }
  KvQuestion question;
  question.card = options.config.empty() ? cards::load(options.model) : cards::read_config(options.config);
  if (options.has_parameters) question.card.parameters = options.parameters;
  const DType scale = storage_dtype("--scale-dtype", options.scale_dtype);
  question.cache = {storage_dtype("--dtype", options.dtype), options.group_size, scale};
  const std::string& weights = options.weights_dtype.empty() ? "bf16" : options.weights_dtype;
  question.weights = {storage_dtype("--weights-dtype", weights), options.weights_group_size, scale};
  question.context = options.context;
  question.batch = options.batch;
  question.gpus = options.gpus;
  question.memory = memory_of(options);
  if (!question.memory && (options.gpus != 1 || !options.reserve.empty())) {
    throw InvalidArgument("--memory", "nothing", "a size or --device, which --gpus and --reserve refer to");
  }
  question.reserve = question.memory ? reserve_of(options, *question.memory) : 0;
  return question;
}

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void run(const Options& options) {
  const KvQuestion question = question_of(options);
  const KvAnswer result = answer(question);
  if (!options.compare) {
    print(options.json ? to_json(question, result).dump(2) + "\n" : to_text(question, result));
    return;
  }
  const KvComparison comparison = compare(question, options.groups);
  if (options.out.empty()) {
    print(options.json ? to_json(comparison).dump(2) + "\n" : to_text(comparison));
    return;
  }
  write(comparison, options.out);
  print(options.json ? to_json(comparison).dump(2) + "\n" : to_text(comparison));
  try {
    run_experiments({"kv_cache", "--draw=" + options.out});
  } catch (const InvalidArgument& error) {
    fmt::print(stderr, "attnlab: no plots: {}; the data is in {}\n", error.what(), options.out);
  }
}

}  // namespace

void add_kv(CLI::App& app) {
  CLI::App* kv =
      app.add_subcommand("kv", "How large a model's KV cache is, and how much of it fits in a memory");
  const auto options = std::make_shared<Options>();
  kv->add_option("--model", options->model, "A model by name, such as llama3-70b (attnlab list has all)");
  kv->add_option("--config", options->config, "Or a Hugging Face config.json")->type_name("FILE");
  add_count(*kv, "--context", options->context, "Tokens in a sequence [4096]");
  add_count(*kv, "--batch", options->batch, "Sequences [1]");
  kv->add_option("--dtype", options->dtype, "Of the cache: fp32, fp16, bf16, fp8, int8, int4")
      ->capture_default_str();
  add_count(*kv, "--group-size", options->group_size,
            "Numbers of a cached vector that share a scale [no scales]");
  kv->add_option("--scale-dtype", options->scale_dtype, "Of the scales")->capture_default_str();
  add_bytes(*kv, "--memory", options->memory, "Of a GPU, such as 80GB (10^9) or 80GiB (2^30): how much fits?")
      ->each([options](const std::string&) { options->has_memory = true; });
  kv->add_option("--device", options->device,
                 "Or the memory of a device, such as h100 (attnlab list has all)")
      ->excludes("--memory");
  add_count(*kv, "--gpus", options->gpus,
            "GPUs, each with that memory, the heads and weights cut over them [1]");
  kv->add_option("--reserve", options->reserve,
                 "Kept free of weights and cache: a size or a share such as 10%");
  kv->add_option("--weights-dtype", options->weights_dtype, "Of the weights [bf16]");
  add_count(*kv, "--weights-group-size", options->weights_group_size,
            "Weights that share a scale [no scales]");
  add_count(*kv, "--parameters", options->parameters,
            "The parameter count, which a config.json does not tell")
      ->each([options](const std::string&) { options->has_parameters = true; });
  CLI::Option* compare =
      kv->add_flag("--compare", options->compare, "The same model with MHA, GQA, MQA and MLA");
  add_count(*kv, "--groups", options->groups,
            "KV heads of GQA in --compare, if the model does not have it [8]")
      ->needs(compare);
  kv->add_option("--out", options->out, "Writes the comparison as CSV, JSON, SVG and PNG")
      ->type_name("DIR")
      ->needs(compare);
  kv->add_flag("--json", options->json, "One JSON object, counts as integers, sizes in bytes");
  spell_fields(*kv, {{"parameters", "--parameters"}});
  kv->callback([options] { run(*options); });
}

}  // namespace attnlab::cli
