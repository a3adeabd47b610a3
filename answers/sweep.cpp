#include "answers/sweep.h"

#include "answers/quantity.h"
#include "reference/core/errors.h"

namespace attnlab::answers {

Sweep parse_sweep(const std::string& text) {
  const InvalidArgument malformed("sweep", text,
                                  "FIELD=FIRST..LAST such as seqlen=1k..64k, or FIRST..LAST..+STEP");
  const std::size_t equals = text.find('='), dots = text.find("..");
  if (equals == 0 || equals == std::string::npos || dots == std::string::npos || dots < equals)
    throw malformed;
  const std::size_t step_dots = text.find("..+", dots + 2);
  const std::size_t end = step_dots == std::string::npos ? text.size() : step_dots;
  const std::string first_text = text.substr(equals + 1, dots - equals - 1),
                    last_text = text.substr(dots + 2, end - dots - 2);
  if (first_text.empty() || last_text.empty()) throw malformed;
  const std::uint64_t first = parse_count("sweep", first_text), last = parse_count("sweep", last_text);
  const bool doubling = step_dots == std::string::npos;
  const std::uint64_t step = doubling ? 0 : parse_count("sweep", text.substr(step_dots + 3));
  if (first == 0 || last < first || (!doubling && step == 0)) {
    throw InvalidArgument("sweep", text, "1 <= FIRST <= LAST, and a STEP of 1 or more");
  }
  constexpr std::size_t kMost = 1000;
  Sweep sweep{text.substr(0, equals), {}};
  for (std::uint64_t value = first;;) {
    if (sweep.values.size() == kMost) throw InvalidArgument("sweep", text, "at most 1000 values");
    sweep.values.push_back(value);
    const std::uint64_t increment = doubling ? value : step;
    if (last - value < increment) return sweep;
    value += increment;
  }
}

}  // namespace attnlab::answers
