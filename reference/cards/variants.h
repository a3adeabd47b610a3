// The same model under another attention mechanism, or cut over several GPUs. The cards that come out are for
// sizing: their mechanism names the design even where it leaves GQA with a single KV head.
#pragma once

#include <cstdint>

#include "reference/cards/model_card.h"

namespace attnlab::cards {

// The card with its cache of another kind, all other dimensions (and the parameter count, which the change
// would alter by a few percent) kept. A model that has the mechanism already stays as it is. Otherwise GQA
// gets `groups` KV heads (8 in the paper's recommended GQA-8, arXiv 2305.13245), or the largest divisor of
// the heads below; MLA gets DeepSeek-V2's proportions, d_c = 4 d_h and d_h^R = d_h / 2 (arXiv 2405.04434,
// Table 1).
ModelCard with_mechanism(const ModelCard& card, Mechanism mechanism, std::uint64_t groups = 8);

// What each of `gpus` GPUs caches under tensor parallelism: the heads are cut into equal parts. A KV head
// cannot be cut, so more GPUs than KV heads keep copies, and MLA's latent, which all heads read, is whole on
// every GPU. Throws InvalidArgument("gpus", ...) unless gpus divides the heads.
ModelCard tensor_parallel(const ModelCard& card, std::uint64_t gpus);

}  // namespace attnlab::cards
