// The parts of the catalogue of mistakes; mistakes() joins them.
#pragma once

#include "oracle/mistakes.h"
#include "oracle/mistakes/wrong.h"

namespace attnlab::oracle {

std::span<const Mistake> mistakes_of_masks();     // scale, causal mask, window, scores, dropout
std::span<const Mistake> mistakes_of_tiles();     // tiles, softmax, lse
std::span<const Mistake> mistakes_of_memory();    // addresses, sequences, arithmetic, caches
std::span<const Mistake> mistakes_of_backward();  // gradients

}  // namespace attnlab::oracle
