// Attention proper: one entry per algorithm of the reference.
#include <string>

#include "reference/core/errors.h"
#include "simulator/io/registry_entries.h"

namespace attnlab::io {
namespace {

using attention::Tiles;

void check(const Entry&, const Question& q) {
  if (q.pass == Pass::backward && q.problem.page_size != 0) {
    throw InvalidArgument("page_size", std::to_string(q.problem.page_size), "0 with a backward pass");
  }
}

Tiles tiles(const Entry& entry, const Question& q) {
  if (q.tiles.br != 0 && q.tiles.bc != 0) return q.tiles;
  const Tiles rule = paper_tiles(*entry.attention, q.pass, head_of(q.problem, 0, 0), q.sram_elements);
  return {q.tiles.br != 0 ? q.tiles.br : rule.br, q.tiles.bc != 0 ? q.tiles.bc : rule.bc};
}

Traffic closed(const Entry& entry, const Question& q) {
  return problem_traffic(*entry.attention, q.pass, q.problem, q.tiles, q.block_mask);
}

std::optional<MeteredSample> metered(const Entry& entry, const Question& q) {
  return sample_traffic(*entry.attention, q.pass, q.problem, q.tiles, q.block_mask, q.sram_elements);
}

}  // namespace

std::vector<Entry> attention_entries() {
  std::vector<Entry> entries;
  for (const auto& a : attention::algorithms()) {
    entries.push_back({.name = a.name,
                       .title = a.title,
                       .paper = a.paper,
                       .backward = a.backward,
                       .block_mask = a.block_mask,
                       .attention = a.id,
                       .check = check,
                       .tiles = tiles,
                       .closed = closed,
                       .metered = metered});
  }
  return entries;
}

}  // namespace attnlab::io
