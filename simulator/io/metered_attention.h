// Attention on whole tensors on the metered machine: the same results as attention::forward and backward, and
// what they cost.
#pragma once

#include "reference/attention/attention.h"
#include "simulator/io/traffic.h"

namespace attnlab::io {

// As attention::forward, with an SRAM of `sram_elements` for each head. Throws SramOverflow when a tile does
// not fit.
template <class T>
Traffic metered_forward(attention::Algorithm algorithm, const attention::Problem& problem,
                        const attention::ForwardTensors<T>& tensors, const attention::Options& options,
                        std::int64_t sram_elements);

template <class T>
Traffic metered_backward(attention::Algorithm algorithm, const attention::Problem& problem,
                         const attention::BackwardTensors<T>& tensors, const attention::Options& options,
                         std::int64_t sram_elements);

}  // namespace attnlab::io
