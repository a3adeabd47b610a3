// A real model's attention: every algorithm on Q, K and V of a trained layer, against float64 and against
// what the model itself computed.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "answers/json.h"
#include "reference/attention/attention.h"

namespace attnlab::cli {

struct RealModelRow {
  std::string algorithm;
  double error = 0;       // worst difference of its float32 output from float64
  double from_model = 0;  // worst difference from the model's own output
};

struct RealModel {
  answers::Json config;
  attention::Problem problem;
  double model_error = 0;  // worst difference of the model's own output from float64
  std::vector<RealModelRow> rows;
};

// The folder holds config.json and the tensors q, k, v, o, seqlen that it names.
RealModel run_real_model(const std::filesystem::path& experiment);
std::string to_text(const RealModel& result);
// real_attention.csv and real_attention.json.
void write(const RealModel& result, const std::filesystem::path& folder);

}  // namespace attnlab::cli
