#include "simulator/memory/attention_launches.h"

#include "reference/core/enumerators.h"
#include "reference/core/errors.h"
#include "simulator/memory/attention_flash.h"
#include "simulator/memory/attention_standard.h"

namespace attnlab::memory {

using attention::Algorithm;
using io::Pass;

namespace {

template <Algorithm kAlgorithm>
concept HasLaunches = requires {
  &LaunchStream<kAlgorithm>::launches;
};

// Calls body with the algorithm's launch stream.
template <class Body>
auto with_launches(Algorithm algorithm, Body body) {
  return with_enumerator(
      algorithm,
      [&]<Algorithm kAlgorithm>() -> decltype(body.template operator()<LaunchStream<Algorithm::flash2>>()) {
        if constexpr (HasLaunches<kAlgorithm>) {
          return body.template operator()<LaunchStream<kAlgorithm>>();
        } else {
          std::string names;
          for (const auto& a : attention::algorithms()) {
            if (has_launches(a.id)) names += (names.empty() ? "" : ", ") + std::string(a.name);
          }
          throw InvalidArgument("algorithm", info(algorithm).name,
                                "one whose kernels are modelled: " + names);
        }
      });
}

}  // namespace

bool has_launches(Algorithm algorithm) {
  return with_enumerator(algorithm, []<Algorithm kAlgorithm>() { return HasLaunches<kAlgorithm>; });
}

AttentionLayout layout_of(Algorithm algorithm, Pass pass, const attention::Problem& problem,
                          const io::ElementSizes& sizes) {
  if (problem.mask || problem.bias) {
    throw InvalidArgument(problem.mask ? "mask" : "bias", "one in memory",
                          "none: its loads are not replayed");
  }
  std::vector<std::uint32_t> all;
  for (const Hbm name : {Hbm::Q, Hbm::K, Hbm::V}) all.push_back(tensor(name));
  if (pass == Pass::backward) {
    for (const Hbm name : {Hbm::dO, Hbm::dQ, Hbm::dK, Hbm::dV}) all.push_back(tensor(name));
  }
  const auto own = with_launches(
      algorithm, [&]<class Stream>() { return Stream::tensors(pass, problem, sizes(Hbm::dQ) == 4); });
  all.insert(all.end(), own.begin(), own.end());
  return AttentionLayout(problem, sizes, all);
}

std::vector<Launch> launches_of(Algorithm algorithm, Pass pass, const AttentionLayout& layout,
                                attention::Tiles tiles) {
  return with_launches(algorithm, [&]<class Stream>() { return Stream::launches(pass, layout, tiles); });
}

}  // namespace attnlab::memory
