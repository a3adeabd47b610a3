// Indices beyond 32 bits: Q and O of more than 2^31 elements, against few keys. Rows of Q repeat, so that O
// must repeat them, to the bit; no reference is needed.
#include <fmt/format.h>

#include <algorithm>

#include "reference/oracle/exact/exact_check.h"

namespace attnlab::oracle {

Finding find_huge(Trial& trial) {
  constexpr Index kPeriod = 4099;  // of rows; prime, so that an index gone wrong meets another row
  attention::Problem p = trial.problem();
  p.batch = 1;
  const Data few = [&] {
    attention::Problem first = p;
    first.seqlen_q = kPeriod;
    return trial.bounded(first, 1);
  }();
  p.seqlen_q = (Index{1} << 31) / (p.num_heads * p.head_dim) + 2 * kPeriod;
  MemoryOptions options = trial.memory_options(p, Poison::nan);
  options.layout = Layout::bshd;  // every head has rows beyond 2^31
  CallMemory memory(p, trial.the_case().dtype, options);
  memory.write(few);
  const Results results = memory.run(trial.kernel());
  const std::size_t row_bytes = results.o.bytes.size() / static_cast<std::size_t>(p.num_heads * p.seqlen_q);
  for (Index h = 0; h < p.num_heads; ++h) {
    const std::byte* head = results.o.bytes.data() + static_cast<std::size_t>(h * p.seqlen_q) * row_bytes;
    for (Index i = kPeriod; i < p.seqlen_q; ++i) {
      const std::byte *row = head + static_cast<std::size_t>(i) * row_bytes,
                      *same = head + static_cast<std::size_t>(i % kPeriod) * row_bytes;
      if (!std::equal(row, row + row_bytes, same)) {
        return fmt::format("{} differs from {}, whose row of Q is the same", place("o", 0, h, i),
                           place("o", 0, h, i % kPeriod));
      }
    }
  }
  return {};
}

}  // namespace attnlab::oracle
