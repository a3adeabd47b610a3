// One model's cache under MHA, GQA, MQA and MLA.
#pragma once

#include <filesystem>
#include <optional>
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

// groups: KV heads of GQA, if the model is of another kind: a divisor of its heads; nothing: 8, or the largest divisor
// below. Throws InvalidArgument.
KvComparison compare(const KvQuestion& question, std::optional<std::uint64_t> groups);

nlohmann::ordered_json to_json(const KvComparison& comparison);

// Writes kv_cache.csv and kv_cache.json into a folder, made if need be.
void write(const KvComparison& comparison, const std::filesystem::path& folder);

}  // namespace attnlab::answers
