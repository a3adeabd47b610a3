// A field that takes one value after the other: seqlen=1k..64k.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace attnlab::answers {

struct Sweep {
  std::string field;
  std::vector<std::uint64_t> values;  // ascending, at least one
};

// FIELD=FIRST..LAST doubles from FIRST while the value is at most LAST; FIELD=FIRST..LAST..+STEP adds STEP. Numbers are
// counts as in quantity.h, from 1 on, at most 1000 of them. Throws InvalidArgument("sweep", ...).
Sweep parse_sweep(const std::string& text);

}  // namespace attnlab::answers
