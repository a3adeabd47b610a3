// How long the emulator takes for launches of rungs, about.
#pragma once

#include <span>

#include "cuda/counters/launch_once.h"

namespace attnlab::answers {

struct Launch {
  const cuda::Kernel* kernel;
  cuda::Shape shape;
};

// What of a launch grows with its sizes: products of a query's and a key's elements; of softmax ten per number.
double products(const Launch& launch);

// Seconds for all of them. Rungs differ by a factor of 15 in what a product costs them. Where the slowest one's cost
// would be short, that is the estimate; else a small launch of each rung is timed.
double emulated_seconds(std::span<const Launch> launches);

}  // namespace attnlab::answers
