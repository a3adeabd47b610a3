// attnlab kv: how large a model's KV cache is, and how much of it fits in a memory.
#include "answers/kv.h"

#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "answers/kv_compare.h"
#include "cli/command.h"
#include "cli/kv_report.h"
#include "cli/python.h"
#include "cli/quantity_options.h"
#include "reference/core/errors.h"

namespace attnlab::cli {

using answers::compare;
using answers::KvAnswer;
using answers::KvComparison;
using answers::KvQuestion;
using answers::parse_bytes;
using answers::parse_share;

namespace {

struct Options {
  answers::KvFields fields;
  std::string reserve, out;
  std::optional<std::uint64_t> groups;
  bool compare = false, json = false;
};

// --reserve is a share of the memory, or a size.
KvQuestion question_of(Options& options) {
  if (options.reserve.ends_with('%')) {
    options.fields.reserve_share = parse_share("--reserve", options.reserve);
  } else if (!options.reserve.empty()) {
    options.fields.reserve_bytes = parse_bytes("--reserve", options.reserve);
  }
  return answers::question_of(options.fields);
}

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void run(Options& options) {
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

void add_kv(Command& app) {
  Command kv = app.add_command("kv", "How large a model's KV cache is, and how much of it fits in a memory");
  const auto options = std::make_shared<Options>();
  kv.add_option("--model", options->fields.model,
                "A model by name, such as llama3-70b (attnlab list has all)");
  kv.add_option("--config", options->fields.config, "Or a Hugging Face config.json").type_name("FILE");
  add_count(kv, "--context", options->fields.context, "Tokens in a sequence [4096]");
  add_count(kv, "--batch", options->fields.batch, "Sequences [1]");
  kv.add_option("--dtype", options->fields.dtype, "Of the cache: fp32, fp16, bf16, fp8, int8, int4")
      .show_default();
  add_count(kv, "--group-size", options->fields.group_size,
            "Numbers of a cached vector that share a scale [no scales]");
  kv.add_option("--scale-dtype", options->fields.scale_dtype, "Of the scales").show_default();
  const Option memory =
      add_bytes(kv, "--memory", "Of a GPU, such as 80GB (10^9) or 80GiB (2^30): how much fits?", 0,
                [options](std::uint64_t bytes) { options->fields.memory_bytes = bytes; });
  kv.add_option("--device", options->fields.device,
                "Or the memory of a device, such as h100 (attnlab list has all)")
      .excludes(memory);
  add_count(kv, "--gpus", options->fields.gpus,
            "GPUs, each with that memory, the heads and weights cut over them [1]", 1);
  kv.add_option("--reserve", options->reserve,
                "Kept free of weights and cache: a size or a share such as 10%");
  add_count(kv, "--block-size", options->fields.block_size, "Tokens in a block of a paged cache [16]", 1);
  add_count(kv, "--num-gpu-blocks",
            "Blocks that an engine says it has on a GPU, beside those that the memory would give", 1,
            [options](std::uint64_t blocks) { options->fields.num_gpu_blocks = blocks; });
  kv.add_option("--weights-dtype", options->fields.weights_dtype, "Of the weights [bf16]");
  add_count(kv, "--weights-group-size", options->fields.weights_group_size,
            "Weights that share a scale [no scales]");
  add_count(kv, "--parameters", "The parameter count, which a config.json does not tell", 0,
            [options](std::uint64_t count) { options->fields.parameters = count; });
  Option compare = kv.add_flag("--compare", options->compare, "The same model with MHA, GQA, MQA and MLA");
  add_count(kv, "--groups",
            "KV heads of GQA in --compare, if the model does not have it [8, or the largest divisor below]",
            1, [options](std::uint64_t groups) { options->groups = groups; })
      .needs(compare);
  kv.add_option("--out", options->out, "Writes the comparison as CSV, JSON, SVG and PNG")
      .type_name("DIR")
      .needs(compare);
  kv.add_flag("--json", options->json, "One JSON object, counts as integers, sizes in bytes");
  kv.callback([options] { run(*options); });
}

}  // namespace attnlab::cli
