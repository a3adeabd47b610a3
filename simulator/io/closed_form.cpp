#include "simulator/io/closed_form.h"

#include <concepts>

#include "reference/attention/algorithms.h"
#include "reference/core/errors.h"
#include "simulator/io/closed_flash.h"
#include "simulator/io/closed_memory_efficient.h"
#include "simulator/io/closed_standard.h"

namespace attnlab::io {
namespace {

using attention::Algorithm;
using attention::BlockMask;
using attention::HasBackward;
using attention::Head;
using attention::Tiles;

template <Algorithm kAlgorithm>
concept CountsForward = requires(const Head& head, Tiles tiles, const BlockMask& mask) {
  { ClosedForm<kAlgorithm>::forward(head, tiles, mask) } -> std::same_as<Traffic>;
};
template <Algorithm kAlgorithm>
concept CountsBackward = requires(const Head& head, Tiles tiles, const BlockMask& mask) {
  { ClosedForm<kAlgorithm>::backward(head, tiles, mask) } -> std::same_as<Traffic>;
};
template <Algorithm kAlgorithm>
concept RulesTiles = requires(Pass pass) {
  { ClosedForm<kAlgorithm>::tile_rule(pass) } -> std::same_as<TileRule>;
};

// Calls body with the closed form of an algorithm. This is where one that is missing does not compile.
template <class Body>
auto with_form(Algorithm algorithm, Body body) {
  return with_enumerator(algorithm, [&]<Algorithm kAlgorithm>() {
    static_assert(CountsForward<kAlgorithm>,
                  "an algorithm has no closed form: specialise ClosedForm for it and include that file here");
    static_assert(CountsBackward<kAlgorithm> == HasBackward<kAlgorithm>,
                  "an algorithm and its closed form do not have the same passes");
    static_assert(RulesTiles<kAlgorithm>, "an algorithm's closed form does not say its tile rule");
    return body.template operator()<kAlgorithm>();
  });
}

}  // namespace

const char* name(Pass pass) { return pass == Pass::forward ? "forward" : "backward"; }

Traffic head_traffic(Algorithm algorithm, Pass pass, const Head& head, Tiles tiles,
                     const BlockMask& block_mask) {
  return with_form(algorithm, [&]<Algorithm kAlgorithm>() {
    if (pass == Pass::forward) return ClosedForm<kAlgorithm>::forward(head, tiles, block_mask);
    if constexpr (HasBackward<kAlgorithm>) {
      return ClosedForm<kAlgorithm>::backward(head, tiles, block_mask);
    } else {
      throw InvalidArgument("pass", name(pass), std::string("forward with ") + info(algorithm).name);
    }
  });
}

TileRule tile_rule(Algorithm algorithm, Pass pass) {
  return with_form(algorithm,
                   [&]<Algorithm kAlgorithm>() { return ClosedForm<kAlgorithm>::tile_rule(pass); });
}

}  // namespace attnlab::io
