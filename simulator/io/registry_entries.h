// The entries of registry.cpp, one file per family.
#pragma once

#include <vector>

#include "simulator/io/registry.h"

namespace attnlab::io {

std::vector<Entry> attention_entries();
std::vector<Entry> decode_entries();
std::vector<Entry> mla_entries();
std::vector<Entry> softmax_entries();

// Throws InvalidArgument when the question asks for one of the options that only attention proper has.
void refuse_mask_options(const Entry& entry, const Question& question);

// Sizes beyond which the metered machine is not run: about a second of work, and two gigabytes.
inline constexpr double kMostFlops = 4e10, kMostElements = 5e8;

}  // namespace attnlab::io
