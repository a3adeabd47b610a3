// Tests that could go on for ever: short in every run, long in `./lab test --all`, which sets ATTNLAB_LONG.
#pragma once

#include <cstdlib>

namespace attnlab {

inline bool long_runs() { return std::getenv("ATTNLAB_LONG") != nullptr; }

inline int rounds(int usual, int in_long_runs) { return long_runs() ? in_long_runs : usual; }

}  // namespace attnlab
