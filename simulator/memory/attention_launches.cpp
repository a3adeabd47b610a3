#include "simulator/memory/attention_launches.h"

#include "reference/core/errors.h"
#include "simulator/memory/attention_flash.h"
#include "simulator/memory/attention_standard.h"

namespace attnlab::memory {

using attention::Algorithm;
using attention::Initialise;
using io::Pass;

namespace {

std::vector<std::uint32_t> tensors_of(Algorithm algorithm, Pass pass, const attention::Problem& p,
                                      bool fp32) {
  const bool forward = pass == Pass::forward;
  std::vector<std::uint32_t> all;
  const auto add = [&](auto... names) { (all.push_back(static_cast<std::uint32_t>(names)), ...); };
  add(Hbm::Q, Hbm::K, Hbm::V);
  if (!forward) add(Hbm::dO, Hbm::dQ, Hbm::dK, Hbm::dV);
  switch (algorithm) {
    case Algorithm::flash2:
      add(Hbm::O, Hbm::lse);
      if (!forward) add(Hbm::delta);
      if (!forward && !fp32) add(kDqSum);
      break;
    case Algorithm::flash1:
    case Algorithm::flash1_literal:
      add(Hbm::O, Hbm::m, Hbm::l);
      if (!forward) add(Hbm::delta);
      break;
    case Algorithm::standard:
      add(Hbm::S, Hbm::P);
      if (p.dropout.p != 0) add(Hbm::P_dropped, Hbm::dropout_mask);
      if (forward) {
        add(Hbm::O, Hbm::lse);
      } else {
        add(Hbm::dP, Hbm::dS);
      }
      break;
    case Algorithm::blocksparse:
      throw InvalidArgument("algorithm", info(algorithm).name,
                            "one whose tiles follow from the problem alone");
  }
  return all;
}

}  // namespace

AttentionLayout layout_of(Algorithm algorithm, Pass pass, const attention::Problem& problem,
                          const io::ElementSizes& sizes) {
  if (problem.mask || problem.bias) {
    throw InvalidArgument(problem.mask ? "mask" : "bias", "one in memory",
                          "none: its loads are not replayed");
  }
  return AttentionLayout(problem, sizes, tensors_of(algorithm, pass, problem, sizes(Hbm::dQ) == 4));
}

std::vector<Launch> launches_of(Algorithm algorithm, Pass pass, const AttentionLayout& layout,
                                attention::Tiles tiles) {
  switch (algorithm) {
    case Algorithm::flash2:
      return flash2_launches(pass, layout, tiles, layout.element_bytes(tensor(Hbm::dQ)) == 4);
    case Algorithm::flash1:
      return flash1_launches(pass, layout, tiles, Initialise::in_sram);
    case Algorithm::flash1_literal:
      return flash1_launches(pass, layout, tiles, Initialise::in_hbm);
    case Algorithm::standard:
      return standard_launches(pass, layout, tiles);
    case Algorithm::blocksparse:
      break;
  }
  return {};
}

}  // namespace attnlab::memory
