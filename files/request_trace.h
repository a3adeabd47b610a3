// Traces of requests to language models, as published:
//   Mooncake   a JSON object a line: timestamp (ms), input_length, output_length, hash_ids (names of blocks of 512
//              tokens, a name standing for a block and all before it). github.com/kvcache-ai/Mooncake, Apache-2.0
//   Azure      CSV with the header TIMESTAMP,ContextTokens,GeneratedTokens, the time being a date and a time of
//              day. github.com/Azure/AzurePublicDataset, CC-BY-4.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "reference/core/view.h"

namespace attnlab::files {

struct TracedRequest {
  double arrival = 0;                // seconds since the first request of the trace
  Index prompt = 0, output = 0;      // tokens
  std::vector<std::int64_t> blocks;  // of the prompt; empty where the trace has none
};

// Of either kind, told by its first character. Throws FileError naming the line.
std::vector<TracedRequest> read_request_trace(const std::filesystem::path& path);

}  // namespace attnlab::files
