#include "simulator/io/registry.h"

#include <vector>

#include "reference/core/errors.h"
#include "simulator/io/registry_entries.h"

namespace attnlab::io {
namespace {

using attention::Tiles;

Tiles attention_tiles(const Entry& entry, const Question& q) {
  if (q.tiles.br != 0 && q.tiles.bc != 0) return q.tiles;
  const Tiles rule = paper_tiles(*entry.attention, q.pass, head_of(q.problem, 0, 0), q.sram_elements);
  return {q.tiles.br != 0 ? q.tiles.br : rule.br, q.tiles.bc != 0 ? q.tiles.bc : rule.bc};
}

Traffic attention_closed(const Entry& entry, const Question& q) {
  return problem_traffic(*entry.attention, q.pass, q.problem, q.tiles, q.block_mask);
}

std::optional<MeteredSample> attention_metered(const Entry& entry, const Question& q) {
  return sample_traffic(*entry.attention, q.pass, q.problem, q.tiles, q.block_mask, q.sram_elements);
}

std::vector<Entry> make_registry() {
  std::vector<Entry> entries;
  for (const auto& a : attention::algorithms()) {
    entries.push_back({a.name, a.title, a.paper, true, a.block_mask, a.id,
                       [](const Entry&, const Question&) {}, attention_tiles, attention_closed,
                       attention_metered});
  }
  entries.push_back(decode_entry());
  for (const Entry& entry : mla_entries()) entries.push_back(entry);
  for (const Entry& entry : softmax_entries()) entries.push_back(entry);
  return entries;
}

}  // namespace

std::span<const Entry> registry() {
  static const std::vector<Entry> entries = make_registry();
  return entries;
}

const Entry& find(std::string_view name) {
  std::string names;
  for (const Entry& entry : registry()) {
    if (entry.name == name) return entry;
    names += (names.empty() ? "" : ", ") + entry.name;
  }
  throw InvalidArgument("algorithm", std::string(name), "one of " + names);
}

void refuse_mask_options(const Entry& entry, const Question& q) {
  const attention::Problem& p = q.problem;
  if (p.window.left || p.window.right || p.softcap != 0 || !p.alibi_slopes.empty() || !p.sinks.empty() ||
      p.bias || p.mask || p.mask_pass || !p.q_lens.empty() || !p.kv_lens.empty() || p.packed() ||
      p.dropout.p != 0) {
    throw InvalidArgument("algorithm", entry.name,
                          "no masks, lengths or dropout with it, apart from causal where it has one");
  }
}

}  // namespace attnlab::io
