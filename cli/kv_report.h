// What `attnlab kv` prints.
#pragma once

#include <string>

#include "answers/kv_compare.h"

namespace attnlab::cli {

// For a reader who meets KV caches for the first time; ends with a newline.
std::string to_text(const answers::KvQuestion& question, const answers::KvAnswer& answer);

// "GQA: 64 query heads share 8 KV heads of 128".
std::string describe(const cards::ModelCard& card);

// "bf16", or "int4 with a fp16 scale each 32 numbers".
std::string describe(const cards::Format& format);

// The table, then a chart of bytes against context on logarithmic axes, in plain characters.
std::string to_text(const answers::KvComparison& comparison);

}  // namespace attnlab::cli
