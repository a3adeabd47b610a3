#include "cli/real_model.h"

#include <fmt/format.h>

#include <algorithm>

#include "answers/random_tensors.h"
#include "cli/table.h"
#include "files/tensor_file.h"
#include "reference/core/errors.h"

namespace attnlab::cli {

using answers::dump;
using answers::Json;
using answers::OwnedTensor;
using answers::read_json;
using answers::worst_difference;

namespace {

using attention::Algorithm;

OwnedTensor<float> tensor_of(const files::Archive& archive, const std::string& name) {
  const files::Tensor tensor = archive.load(name);
  if (tensor.shape.size() != 4)
    throw InvalidArgument(name, files::shape_text(tensor.shape), "[batch, heads, seqlen, dim]");
  OwnedTensor<float> result(tensor.shape[0], tensor.shape[1], tensor.shape[2], tensor.shape[3]);
  result.values = tensor.to_float();
  return result;
}

}  // namespace

RealModel run_real_model(const std::filesystem::path& experiment) {
  RealModel result;
  result.config = read_json(experiment / "config.json");
  const auto archive = files::open(experiment / result.config.at("tensors").get<std::string>());
  const auto q = tensor_of(*archive, "q"), k = tensor_of(*archive, "k"), v = tensor_of(*archive, "v");
  const auto model_o = tensor_of(*archive, "o");

  attention::Problem& p = result.problem;
  p.batch = q.batch;
  p.num_heads = q.heads;
  p.num_kv_heads = k.heads;
  p.seqlen_q = q.seqlen;
  p.seqlen_kv = k.seqlen;
  p.head_dim = q.dim;
  p.head_dim_v = v.dim;
  for (const double length : archive->load("seqlen").to_double())
    p.kv_lens.push_back(static_cast<Index>(length));

  const auto q64 = q.as<double>(), k64 = k.as<double>(), v64 = v.as<double>();
  OwnedTensor<double> truth(p.batch, p.num_heads, p.seqlen_q, p.head_dim_v);
  attention::forward<double>(Algorithm::standard, p, {q64.view(), k64.view(), v64.view(), truth.view(), {}});
  result.model_error = worst_difference(model_o.values, truth.values);
  for (const auto& info : attention::algorithms()) {
    OwnedTensor<float> o(p.batch, p.num_heads, p.seqlen_q, p.head_dim_v);
    attention::Options options;
    options.tiles = {64, 64};  // several ragged tiles each way
    attention::forward<float>(info.id, p, {q.view(), k.view(), v.view(), o.view(), {}}, options);
    const std::vector<double> its(model_o.values.begin(), model_o.values.end());
    result.rows.push_back(
        {info.name, worst_difference(o.values, truth.values), worst_difference(o.values, its)});
  }
  return result;
}

namespace {

Table table_of(const RealModel& result) {
  Table table{{"", "from float64", "from the model's output"}, {}};
  for (const RealModelRow& row : result.rows) {
    table.rows.push_back(
        {row.algorithm, fmt::format("{:.2e}", row.error), fmt::format("{:.2e}", row.from_model)});
  }
  table.rows.push_back({"the model itself", fmt::format("{:.2e}", result.model_error), ""});
  return table;
}

}  // namespace

std::string to_text(const RealModel& result) {
  const attention::Problem& p = result.problem;
  return fmt::format(
             "A real model's attention: {}\n{} sequences of {} and {} tokens, padded to {}; {} heads, d {}; "
             "float32, tiles "
             "of 64 x 64\n\nworst difference\n",
             result.config.at("title").get<std::string>(), p.batch, p.kv_lens.at(0), p.kv_lens.at(1),
             p.seqlen_kv, p.num_heads, p.head_dim) +
         table_of(result).text();
}

void write(const RealModel& result, const std::filesystem::path& folder) {
  write_file(folder / "real_attention.csv", table_of(result).csv());
  Json json;
  json["config"] = result.config;
  json["model_error"] = result.model_error;
  for (const RealModelRow& row : result.rows) {
    json["rows"].push_back({{"algorithm", row.algorithm},
                            {"error_from_float64", row.error},
                            {"difference_from_model", row.from_model}});
  }
  write_file(folder / "real_attention.json", dump(json));
}

}  // namespace attnlab::cli
