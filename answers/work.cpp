#include "answers/work.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "answers/quantity.h"
#include "reference/core/errors.h"

namespace attnlab::answers {
namespace {

double machine_bytes() {
  return static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

// Of all keys, those that a query sees.
double visible_share(const attention::Problem& p) {
  const auto keys = static_cast<double>(std::max<Index>(1, p.seqlen_kv));
  const std::optional<Index> right = p.causal ? 0 : p.window.right;
  const auto side = [&](const std::optional<Index>& bound) {
    return bound ? std::min(static_cast<double>(*bound), keys) : keys / 2;
  };
  return std::min(1.0, (side(p.window.left) + side(right) + 1) / keys);
}

}  // namespace

double score_count(const attention::Problem& p, bool skips_hidden) {
  double pairs = 0;  // of a head
  if (p.packed()) {
    for (Index b = 0; b < p.batch; ++b)
      pairs += static_cast<double>(p.q_rows(b).size) * static_cast<double>(p.kv_rows(b).size);
  } else {
    pairs = static_cast<double>(p.batch) * static_cast<double>(p.seqlen_q) * static_cast<double>(p.seqlen_kv);
  }
  return pairs * static_cast<double>(p.num_heads) * (skips_hidden ? visible_share(p) : 1);
}

void require_memory(double bytes) {
  const double here = machine_bytes();
  if (bytes <= here) return;
  throw InvalidArgument("sizes", fmt::format("{:.3g} GiB to be held at once", std::ldexp(bytes, -30)),
                        "less than this machine's memory, " + format_bytes(static_cast<std::uint64_t>(here)) +
                            " (attnlab io counts without computing)");
}

}  // namespace attnlab::answers
