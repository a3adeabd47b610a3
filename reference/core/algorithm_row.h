// What an algorithm says of itself that is not one of a list (reference/attention/algorithm.h): decoding, the
// forms of MLA.
#pragma once

namespace attnlab {

struct AlgorithmRow {
  const char* name;  // as the command line spells it
  const char* title;
  const char* paper;
};

}  // namespace attnlab
