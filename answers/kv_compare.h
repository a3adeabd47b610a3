// One model's cache under MHA, GQA, MQA and MLA.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "answers/kv.h"

namespace attnlab::answers {

// Contexts of 2^10 to 2^20 tokens.
inline constexpr int kFirstExponent = 10, kLastExponent = 20;

// The question asked of each mechanism, and bytes of the batch against the context.
struct KvComparison {
  KvQuestion question;            // as asked
  std::vector<KvQuestion> asked;  // the same of each variant, in the order MHA, GQA, MQA, MLA
  std::vector<KvAnswer> answers;  // of each
  std::vector<std::uint64_t> contexts;
  std::vector<std::vector<std::uint64_t>> bytes;  // [mechanism][context]
};

KvComparison compare(const KvQuestion& question, std::uint64_t groups);

nlohmann::ordered_json to_json(const KvComparison& comparison);

// Writes kv_cache.csv and kv_cache.json into a folder, made if need be.
void write(const KvComparison& comparison, const std::filesystem::path& folder);

}  // namespace attnlab::answers
