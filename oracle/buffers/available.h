// How much memory there is to take, before anything is taken.
#pragma once

#include <stdexcept>
#include <string>

namespace attnlab::oracle {

// A case needs more memory than there is: it is left out.
struct NotEnoughMemory : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Throws NotEnoughMemory, with both figures, unless the system has so much, and a tenth more, to give without
// swapping, and this process' group may have it. Does nothing where nobody says how much that is.
void require_memory(double bytes);

}  // namespace attnlab::oracle
