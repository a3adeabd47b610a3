// What `attnlab check` says: its question and answer as text, JSON and a page.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/check_tensors.h"
#include "cli/json_output.h"
#include "cli/screen.h"
#include "oracle/verdict.h"

namespace attnlab::cli {

struct CheckAnswer {
  oracle::Verdict verdict;
  double seconds = 0;
  bool diagnosed = true;  // a mistake was looked for, where the output is wrong
};

// The verdict in words, a histogram, pictures of the damage, and what other projects' rules say.
std::string to_text(const CheckInputs& inputs, const CheckAnswer& answer, const Screen& screen);

// The verdict's own members (oracle/verdict.h), then the problem.
Json to_json(const CheckInputs& inputs, const CheckAnswer& answer);

// One file that needs no other. The title is what was compared.
std::string to_html(const CheckInputs& inputs, const CheckAnswer& answer, const std::string& title);

// Remarks on what was read: inputs that are not finite, tensors that play no part, and where the verdict is
// wrong, dimensions that look exchanged.
std::vector<std::string> remarks(const CheckInputs& inputs, const oracle::Verdict& verdict);

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
