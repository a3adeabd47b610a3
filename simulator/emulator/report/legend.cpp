#include "simulator/emulator/report/legend.h"

#include <fmt/format.h>

namespace attnlab::emulator {

std::span<const Term> terms() {
  static constexpr Term kTerms[] = {
      {"request", "one memory instruction of one warp: up to 32 lanes at once."},
      {"sector",
       "32 bytes, the unit in which global memory moves. A warp that reads 32 neighbouring floats needs 4, "
       "one whose lanes are far apart needs 32."},
      {"of the bytes",
       "a line's share of what went through an SM's L1 and shared memory: where the traffic is, whatever its "
       "kind."},
      {"global bytes",
       "32 bytes for each sector of a line's requests, before any cache. Blue is what the threads asked for, "
       "orange came along unused."},
      {"sectors / request",
       "the bar's full width is 32. Blue is what the asked-for bytes would need if they lay side by side."},
      {"shared wavefronts",
       "passes through the 32 banks of shared memory. Orange are those that only bank conflicts made "
       "necessary."},
      {"as written, issued by nvcc",
       "the source's accesses one by one, and after neighbouring ones are fused into 64 and 128 bits as nvcc "
       "does. The hardware counts the latter."},
      {"divergent",
       "stretches of straight code that part of a warp entered while its other threads were elsewhere."},
      {"products", "fp32 multiplications that no addition follows; a multiply-add is counted as FMA alone."},
      {"at barriers", "warps that came to a __syncthreads(), each time they did."},
      {"basic blocks",
       "stretches of straight code that a warp entered, once for each group of its threads that came "
       "together."},
      {"useful",
       "bytes that threads asked for, each byte of a request once. The rest came along in their sectors."},
      {"still in L2",
       "what the kernel wrote and L2 had not yet passed on to DRAM when it ended; it gets there later."},
      {"caches",
       "a model: an L1 on each SM, one L2, resident blocks interleaved. The tables above it are counts of "
       "what the program did, not a model."},
      {"closed form",
       "what the algorithm moves between HBM and an SM's own memory by its formula, at these tile sizes. L2 "
       "may answer part of it, so DRAM can stay below."},
      {"counter names",
       "Nsight Compute's where it counts the same; attnlab__ where it counts nothing like it, or something "
       "that depends on timing."},
  };
  return kTerms;
}

std::string legend_html(std::span<const Term> terms, const std::string& last) {
  std::string text = "<section class=\"legend\"><h2>What the numbers mean</h2>\n<dl>\n";
  for (const Term& term : terms) text += fmt::format("<dt>{}</dt><dd>{}</dd>\n", term.name, term.meaning);
  return text + "</dl>\n" + (last.empty() ? "" : "<p>" + last + "</p>\n") + "</section>\n";
}

}  // namespace attnlab::emulator
