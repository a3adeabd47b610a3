// Softmax of rows, by the algorithms of Milakov & Gimelshein.
#include <algorithm>

#include "reference/core/errors.h"
#include "reference/softmax/algorithms.h"
#include "simulator/io/closed_softmax.h"
#include "simulator/io/largest.h"
#include "simulator/io/metered.h"
#include "simulator/io/registry_entries.h"

namespace attnlab::io {
namespace {

using softmax::Algorithm;

Count rows_of(const Question& q) {
  return static_cast<Count>(q.problem.batch) * static_cast<Count>(q.problem.num_heads) *
         static_cast<Count>(q.problem.seqlen_q);
}

void check(const Entry& entry, const Question& q) {
  refuse_mask_options(entry, q);
  if (q.problem.causal) throw InvalidArgument("causal", "true", "false with " + entry.name);
}

template <Algorithm kAlgorithm>
attention::Tiles tiles(const Entry& entry, const Question& q) {
  const auto fits = [&](Index bc) {
    return softmax_traffic(kAlgorithm, q.problem.seqlen_kv, bc).sram_peak <=
           static_cast<Count>(q.sram_elements);
  };
  const Index bc = q.tiles.bc != 0 ? q.tiles.bc : largest(std::max<Index>(1, q.problem.seqlen_kv), fits);
  if (bc == 0) {
    throw SramOverflow("sram", std::to_string(q.sram_elements) + " elements",
                       "room for one element with " + entry.name);
  }
  return {1, bc};
}

template <Algorithm kAlgorithm>
Traffic closed(const Entry&, const Question& q) {
  return softmax_traffic(kAlgorithm, q.problem.seqlen_kv, q.tiles.bc).times(rows_of(q));
}

// One row: all are alike.
template <Algorithm kAlgorithm>
std::optional<MeteredSample> metered(const Entry&, const Question& q) {
  const Index v = q.problem.seqlen_kv;
  if (static_cast<double>(v) > kMostElements || rows_of(q) == 0) return std::nullopt;
  const auto x = random_values(v, 1);
  std::vector<float> y(x.size());
  const MatrixView<const float> from{x.data(), 1, v, v};
  const MatrixView<float> to{y.data(), 1, v, v};
  Metered memory(q.sram_elements);
  memory.undefined(Hbm::y, to);
  softmax::Text<kAlgorithm>::forward(memory, from, to, q.tiles.bc);
  return MeteredSample{memory.traffic().times(rows_of(q)), 1, q.problem.batch * q.problem.num_heads};
}

template <Algorithm kAlgorithm>
Entry entry() {
  using Text = softmax::Text<kAlgorithm>;
  return {.name = std::string("softmax-") + Text::row.name,
          .title = Text::row.title,
          .paper = Text::row.paper,
          .check = check,
          .tiles = tiles<kAlgorithm>,
          .closed = closed<kAlgorithm>,
          .metered = metered<kAlgorithm>};
}

}  // namespace

std::vector<Entry> softmax_entries() {
  const auto entries =
      for_every_enumerator<Algorithm>([]<Algorithm kAlgorithm>() { return entry<kAlgorithm>(); });
  return {entries.begin(), entries.end()};
}

}  // namespace attnlab::io
