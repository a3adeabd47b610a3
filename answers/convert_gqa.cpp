#include "answers/convert_gqa.h"

#include <array>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "files/safetensors.h"
#include "files/tensor_file.h"
#include "os/output_file.h"
#include "reference/attention/problem.h"
#include "reference/core/errors.h"
#include "reference/core/json_object.h"

namespace attnlab::answers {
namespace {

namespace fs = std::filesystem;

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

GqaRequest request_of(const ConvertGqaQuestion& question) {
  if (question.heads.has_value() != question.config.empty()) {
    throw InvalidArgument("heads, config", question.heads ? "both" : "neither", "one of them");
  }
  GqaRequest request;
  request.groups = question.groups;
  request.pooling = question.pooling;
  request.seed = question.seed.value_or(0);
  if (question.seed && request.pooling != heads::Pooling::random) {
    throw InvalidArgument("seed", std::to_string(*question.seed), "`method` random beside it");
  }
  if (question.heads) {
    request.heads = *question.heads;
    return request;
  }
  const JsonObject config = model_config(question.config);
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
void check_output(const ConvertGqaQuestion& question, const fs::path& config_out) {
  if (files::format_of(question.out) != files::Format::safetensors) {
    throw InvalidArgument("out", question.out, "a .safetensors file");
  }
  os::check_outputs(std::array{os::NamedFile{"out", question.out}, os::NamedFile{"out", config_out}},
                    std::array{os::NamedFile{"in", question.in}, os::NamedFile{"`config`", question.config}});
}

// The config as it was, order kept, with the new number of K and V heads.
void write_config(const ConvertGqaQuestion& question, const fs::path& config_out) {
  std::stringstream text;
  text << std::ifstream(question.config, std::ios::binary).rdbuf();
  auto config = Json::parse(text.str());
  auto& model =
      config.contains("text_config") && config["text_config"].is_object() ? config["text_config"] : config;
  model["num_key_value_heads"] = question.groups;
  os::write_file(config_out, config.dump(2) + "\n");
}

}  // namespace

ConvertGqaAnswer answer(const ConvertGqaQuestion& question) {
  const GqaRequest request = request_of(question);
  const auto checkpoint = files::open_safetensors(question.in);
  const GqaPlan plan(*checkpoint, request);
  ConvertGqaAnswer result;
  if (!question.config.empty()) result.config = fs::path(question.out).replace_filename("config.json");
  check_output(question, result.config);

  files::write_safetensors(
      question.out, plan.tensors(), [&](std::size_t i) { return plan.load(i); }, checkpoint->metadata());
  result.tensors = plan.tensors().size();
  for (std::size_t i = 0; i < plan.tensors().size(); ++i) {
    if (!plan.changes(i)) continue;
    const files::TensorInfo &before = checkpoint->tensors()[i], &after = plan.tensors()[i];
    result.changed.push_back({after.name, after.dtype, before.shape, after.shape});
  }
  result.bytes_before = fs::file_size(question.in);
  result.bytes_after = fs::file_size(question.out);
  if (!result.config.empty()) write_config(question, result.config);
  return result;
}

Json to_json(const ConvertGqaQuestion& question, const ConvertGqaAnswer& a) {
  Json json{{"in", question.in.string()},   {"out", question.out.string()},
            {"groups", question.groups},    {"method", heads::name(question.pooling)},
            {"tensors", a.tensors},         {"bytes_before", a.bytes_before},
            {"bytes_after", a.bytes_after}, {"config", a.config.empty() ? Json() : Json(a.config.string())},
            {"changed", Json::array()}};
  for (const ConvertGqaAnswer::Changed& tensor : a.changed) {
    json["changed"].push_back({{"name", tensor.name},
                               {"dtype", name(tensor.dtype)},
                               {"before", tensor.before},
                               {"after", tensor.after}});
  }
  return json;
}

}  // namespace attnlab::answers
