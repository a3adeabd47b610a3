// An MHA checkpoint's K and V projections pooled to fewer heads: the files, and what changed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "answers/gqa_checkpoint.h"
#include "answers/json.h"

namespace attnlab::answers {

struct ConvertGqaQuestion {
  std::filesystem::path in, out;  // .safetensors
  Index groups = 0;               // heads of K and V afterwards; 1: multi-query
  // The model's query heads, or its config.json, which is written with the new count beside `out` too.
  std::optional<Index> heads;
  std::filesystem::path config;
  heads::Pooling pooling = heads::Pooling::mean;
  std::optional<std::uint64_t> seed;  // of random pooling
};

struct ConvertGqaAnswer {
  struct Changed {
    std::string name;
    DType dtype;
    std::vector<Index> before, after;
  };
  std::vector<Changed> changed;
  std::size_t tensors = 0;  // of the checkpoint
  std::uintmax_t bytes_before = 0, bytes_after = 0;
  std::filesystem::path config;  // the one written, if any
};

// Writes whole files or none. Throws InvalidArgument naming the field or the tensor, and FileError.
ConvertGqaAnswer answer(const ConvertGqaQuestion& question);
Json to_json(const ConvertGqaQuestion& question, const ConvertGqaAnswer& answer);

}  // namespace attnlab::answers
