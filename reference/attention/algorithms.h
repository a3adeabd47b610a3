// The texts of all attention algorithms.
#pragma once

#include "reference/attention/flash1.h"
#include "reference/attention/flash2.h"
#include "reference/attention/memory_efficient.h"
#include "reference/attention/standard.h"
#include "reference/core/enumerators.h"

namespace attnlab::attention {

template <Algorithm kAlgorithm>
concept HasBackward = requires {
  &Text<kAlgorithm>::template backward<Direct, double>;
};

}  // namespace attnlab::attention
