// The largest size that fits, by bisection.
#pragma once

#include "reference/core/view.h"

namespace attnlab::io {

// The largest size in [1, limit] that fits(size) accepts, or 0. Whatever fits, fits smaller too.
template <class Fits>
Index largest(Index limit, Fits fits) {
  Index low = 0, high = limit;
  while (low < high) {
    const Index middle = low + (high - low + 1) / 2;
    if (fits(middle)) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

}  // namespace attnlab::io
