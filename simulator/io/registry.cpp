#include "simulator/io/registry.h"

#include "reference/core/errors.h"
#include "simulator/io/registry_entries.h"

namespace attnlab::io {
std::span<const Entry> registry() {
  static const std::vector<Entry> entries = [] {
    std::vector<Entry> all;
    for (const auto& family : {attention_entries(), decode_entries(), mla_entries(), softmax_entries()}) {
      all.insert(all.end(), family.begin(), family.end());
    }
    return all;
  }();
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
      p.dropout.p != 0 || p.page_size != 0) {
    throw InvalidArgument("algorithm", entry.name,
                          "no masks, lengths, pages or dropout with it, apart from causal where it has one");
  }
}

}  // namespace attnlab::io
