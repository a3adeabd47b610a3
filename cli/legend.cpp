#include "cli/legend.h"

#include <fmt/format.h>

#include <sstream>

namespace attnlab::cli {

std::string legend_text(std::span<const Term> terms) {
  constexpr std::size_t kColumns = 118, kIndent = 28;
  std::string text = "What the numbers mean:\n";
  for (const Term& term : terms) {
    std::string line = fmt::format("  {:<{}}", term.name, kIndent - 2), word;
    std::istringstream words(term.meaning);
    while (words >> word) {
      if (line.size() + word.size() > kColumns) {
        text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
        line = std::string(kIndent, ' ');
      }
      line += word + " ";
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

std::span<const Term> check_terms() {
  static constexpr Term kTerms[] = {
      {"budget",
       "the most that a number of an honest kernel of this class can be off, derived for each number."},
      {"error / budget", "how far the number is off, over that: up to 1 is right, more is wrong."},
      {"row RMS / limit",
       "a row's root mean square error over that of a modelled honest kernel, of the worst row, and the most "
       "that "
       "is right: it sees rows whose many small errors are each within their budget."},
      {"angle",
       "1 - cosine of the angle between output and golden values, over what an honest kernel may have."},
      {"bias", "the mean of error times sign, over what an honest kernel may have: errors to one side."},
      {"finite on one side only", "NaN or an infinity where a number is expected, or the other way round."},
      {"coverage", "which rows were compared, and what a sample of them can miss."},
  };
  return kTerms;
}

}  // namespace attnlab::cli
