// The arguments of a Python call as the oracle's question: the problem, its tensors, and what keeps them
// alive. The package's Python half has brought them into the form below; _core.pyi names the keys.
#pragma once

#include <string>
#include <vector>

#include "oracle/golden.h"
#include "python/src/arrays.h"

namespace attnlab::python {

struct Question {
  attention::Problem problem;  // validated; sizes are those of q, k and v
  oracle::Inputs inputs;
  oracle::Outputs outputs;
  Layout layout = Layout::bhsd;
  std::size_t dimensions = 4;  // of q
  int threads = 0;
  oracle::GoldenSource golden;
  std::vector<Array> kept;
  std::vector<std::int32_t> block_table;
};
// Throws InvalidArgument naming the argument. The result must not be copied or moved: it is pointed into.
void read_question(const nb::dict& arguments, Question& question);

// The options of a problem under the names of attnlab.attention's arguments; those that do nothing are None.
nb::dict options_of(const attention::Problem& problem);

}  // namespace attnlab::python
