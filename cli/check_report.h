// What `attnlab check` says: the answer as text and a page.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "answers/check.h"
#include "cli/screen.h"
#include "oracle/verdict.h"

namespace attnlab::cli {

// The verdict in words, a histogram, pictures of the damage, and what other projects' rules say.
std::string to_text(const answers::CheckAnswer& answer, const Screen& screen);

// One file that needs no other. The title is what was compared.
std::string to_html(const answers::CheckAnswer& answer, const std::string& title);

// Remarks on what was read: inputs that are not finite, tensors that play no part, and where the verdict is
// wrong, dimensions that look exchanged.
std::vector<std::string> remarks(const answers::CheckInputs& inputs, const oracle::Verdict& verdict);

// A ratio as people read it: 0.461, 23.8, 6,497.
std::string ratio(double value);

// The histogram as it is shown: bins from 1 to kLowBin are one.
inline constexpr int kLowBin = 6;
inline constexpr int kFirstWrongBin = 13;
// From the first to the last that any tensor fills.
std::vector<int> shown_bins(const oracle::Verdict& verdict);
std::uint64_t count_of(const oracle::TensorVerdict& tensor, int bin);
std::string bin_label(int bin);  // "1/4 .. 1/2": error / budget

}  // namespace attnlab::cli
