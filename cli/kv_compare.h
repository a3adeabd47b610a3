// `attnlab kv --compare`: one model's cache under MHA, GQA, MQA and MLA, as a table, a chart and files.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/kv_answer.h"

namespace attnlab::cli {

// The question asked of each mechanism, and bytes of the batch against the context, 2^10 to 2^20 tokens.
struct KvComparison {
  KvQuestion question;            // as asked
  std::vector<KvQuestion> asked;  // the same of each variant, in the order MHA, GQA, MQA, MLA
  std::vector<KvAnswer> answers;  // of each
  std::vector<std::uint64_t> contexts;
  std::vector<std::vector<std::uint64_t>> bytes;  // [mechanism][context]
};

KvComparison compare(const KvQuestion& question, std::uint64_t groups);

nlohmann::ordered_json to_json(const KvComparison& comparison);

// The table, then a chart of bytes against context on logarithmic axes, in plain characters.
std::string to_text(const KvComparison& comparison);

// Writes kv_cache.csv and kv_cache.json into a folder, made if need be.
void write(const KvComparison& comparison, const std::filesystem::path& folder);

}  // namespace attnlab::cli
