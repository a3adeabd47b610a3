// A radix tree as text and as a picture.
#pragma once

#include <functional>
#include <string>

#include "reference/kv/radix_cache.h"

namespace attnlab::kv {

// What a run of tokens is called.
using TokenText = std::function<std::string(std::span<const Token>)>;

//   root
//   |- "You are helpful." 3 blocks
//   |  |- "User: Hello!" 2 blocks, held
//
// A line per node: its tokens, its blocks, and whether a sequence holds them. pool: the cache's.
std::string to_text(const RadixCache& cache, const BlockPool& pool, const TokenText& text);

// The same as an SVG: an edge's tokens in a box below its parent's; blue: held.
std::string to_svg(const RadixCache& cache, const BlockPool& pool, const TokenText& text,
                   const std::string& title);

}  // namespace attnlab::kv
