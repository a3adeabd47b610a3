// The emulator's predictions of an H200's counters as a table on disk, and beside the counters as a page:
// docs/results/counters.md.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/quantity.h"
#include "cli/witness.h"

namespace attnlab::cli {
namespace {

using emulator::Metric;

constexpr const char* kHead = R"(<!-- Made by `attnlab witness --measured --markdown`; do not edit. -->
# Four witnesses: what a kernel moves

Closed form, metered reference, emulator, and an H200's own counters (Nsight Compute {} on one {}, {}, driver {}, CUDA {};
`cuda/counters/measure.sh` measures, `cuda/counters/h200.csv` holds every counter). A run is two heads of one sequence unless its
line says otherwise; counters are sums over the CUDA kernels that a rung launches.

The emulator is told two things that only a GPU's compiler knows: how many registers a thread takes, which limits the blocks that
share an SM's L1, and how many bytes of machine code a kernel has, which DRAM reads. Everything else follows from the source. Its
predictions, {} of the {} measured runs, are committed as `cuda/counters/emulated.csv`, which `attnlab witness --measured --csv`
makes anew. Tests demand that the emulator still gives these numbers, that they meet the bounds below, and that the runs which
do not are exactly those of `cuda/counters/exceptions.csv`, each as far off as it says.

## Summary

Bounds: requests and sectors equal; sectors between L2 and SMs within 3 %; DRAM reads within 5 % or 64 KB; DRAM writes at most 5 %
above what the model writes and leaves dirty in the L2; wavefronts within 5 %.

<!-- summary -->
| counter | runs | equal | in bounds | largest deviation |
|---|---|---|---|---|
)";

constexpr const char* kCauses = R"(
## Where the differences come from

**Machine code** is read from DRAM once a launch, all of it: the smallest deviations of DRAM reads are those of the constants that
come with a launch, 2,304 bytes in the median. An H200 reads besides whatever runs: a kernel that asks for nothing reads 3 to 5 KB in 0.1 ms,
5 to 211 KB in 8 ms and 250 to 520 KB in 64 ms (`cuda/probes/probe.cu`). So each run was launched three times, and the least reads
count. Writes are of one launch.

**Which SM gets a block.** An idle H200 deals blocks in rounds, group of SMs after group (GPCs), and a grid's last, partial round evenly
over its groups, in a group a block to each pair of SMs before the second: so `%smid` of all blocks says (`cuda/probes/probe.cu`), and so
does the model. Rung 01's P V shows it: blocks of even and of odd index read different halves of V, and an SM that gets both fetches
both. Pairs of an SM and a half: 284 at N 512, 280 at N 1024 and 294 at N 1003; in the model 286, 280 and 294. Chips differ in which SMs are
off. Where a grid is more than fills the GPU at once, the rest goes to whoever is free first, and that depends on time.

**Loads and stores in one place.** `naive_softmax_kernel` replaces S by P, a thread a row, number by number. nvcc would unroll that loop by
four, four `LDG.E` and then four `STG.E` to the same places, so that a sector meets four stores in a row. `probe.cu` shows what an H200's
L1 makes of that: with one load and one store at a time a row costs 4 sectors a line, each once; with two of each 16, with four 8, with
eight 4, and where the line had been in L1 before, 15, 7 and 3 more are fetched again. Stores that follow one another into lines with a store
still under way drop these lines, which the model does not do. The rung says `#pragma unroll 1`, and is 6 % faster for it in the median.

**Past the L1.** Tiles are loaded past the L1 (`__ldcg`), as FlashAttention-2 copies them (`cp.async.cg`): a block asks for each byte of a tile
once. What resident blocks would find of one another's tiles there is chance, up to 17 % from launch to launch ([traffic.md](traffic.md)). So
sectors between L2 and SMs are the tiles' own, and equal. Against loads through the L1 these rungs are 0 to 5 % slower in the median.

**The L1's replacement.** An H200 with 224 KB of L1 (1,792 lines) that loads 1,792 to 7,168 lines at random hits like a cache of some 1,730; so
does the model. Where blocks load their rows two or three times and go (`probe.cu`, passes), 4 KB a row and eight rows an SM, 1 % of the later loads
miss, with 8 KB 7 to 13, with 16 KB 22 to 45, with 24 KB 57 to 70: the rows of blocks that have gone are in the way. The model lets lines leave
that were not used again since they came, of eight random ones the oldest, before such that were (`simulator/memory/replacement.h`): it is
within 7 % of these sums in the mean, where a cache that keeps what was used last would miss next to nothing up to 16 KB. Loading a little more
than the L1 over and over is what it does worst: of the later loads of 1,792 lines an H200 misses 22 %, of 2,048 lines 74 and of 2,304 all, the
model 13, 57 and 80.

**The L2's partitions.** What all SMs read lies in both halves of the L2: read over and over by all of them, 30 MB miss nothing, 32 MB 56 %, 34
MB 81 and 36 MB 96 % each time; the model says 0, 29, 93 and 100 %. Read by one SM each, 40 MB miss nothing from the third time on, 48 MB little from
the fourth, 56 MB nearly all; the model holds 42 MB. In the table x of 51 MB, read two or three times by softmax, is the only tensor in between.

**Parts of sectors.** In the model a sector that was written in part is in the L1 from then on; in an H200's only once all of it was written
or loaded (`probe.cu`). Stores of parts leave an SM as they are in the model; the H200 merges some of them: SM-to-L2 sectors
are too many by up to 6 % (softmax-03 with 1003 columns).

**Shared memory.** Where wavefronts differ, the instructions are as many as the model says in the forward kernels and in the softmax,
and bank conflicts are as many: the H200 adds a wavefront here and there when a shared access meets data that come back from global
memory. `softmax_block_kernel` reads its partial sums by four `LDS.128` and writes them by two `STS`, right behind the last `LDG.E` of the
other warps: 1.8 % more at 4096 x 128, 1.1 % with 1000 columns, where there is more to do between. `tiled_scores_kernel` and
`tiled_output_kernel` store their tiles by 8 `STS` after 8 `LDG.E`, and read them by 160 `LDS`, all scalar, since a column of the tile is
33 words apart: stores are up to 2.7 % more, loads up to 0.4 %. `flash2_registers_kernel` at d 128 stores by 44 `STS` and 8 `STS.128`: up to
2.3 % more. In the backward kernels nvcc issues 0.5 to 1.4 % more `LDS` than the model fuses (88 `LDS` and 68 `LDS.128` in
`flash1_backward_kernel<float, 64>`), 0.2 to 0.5 % more wavefronts.

**Ragged loops.** A loop whose lanes differ in the last trip is unrolled by nvcc, and its remainder is a loop of its own: 39 `LDG.E` in
`softmax_block_kernel`, 16, 8 and 4 at a time and then one by one, for three `for` loops in the source. The rungs test the lane's index
inside a loop of equal trips instead (`@!P1 LDG.E`, predicated), and their requests are equal, at 1003 columns too.
)";

std::string row(const std::vector<std::string>& cells) {
  std::string text = "|";
  for (const std::string& c : cells) text += " " + c + " |";
  return text + "\n";
}

// A prediction beside the run that it is of.
struct Pair {
  const cuda::Measurement* predicted;
  const cuda::Measurement* measured;
  std::string problem() const { return cuda::problem_text(*predicted->kernel, predicted->shape); }
};

std::string summary(const cuda::Bar& bar, const std::vector<Pair>& pairs) {
  unsigned runs = 0, equal = 0, inside = 0;
  double worst = 0;
  std::string worst_run = "none";
  for (const Pair& pair : pairs) {
    const auto c = cuda::compare(bar, *pair.predicted, *pair.measured);
    if (!c) continue;
    ++runs;
    equal += c->predicted == c->measured;
    inside += cuda::meets(bar, *c);
    const double off = c->measured == 0
                           ? INFINITY
                           : static_cast<double>(c->predicted) / static_cast<double>(c->measured) - 1;
    if (std::abs(off) > std::abs(worst)) {
      worst = off;
      worst_run = fmt::format("{} ({}, {})", c->deviation(), pair.predicted->kernel->name, pair.problem());
    }
  }
  const bool writes = std::string_view(bar.title) == "DRAM bytes written";
  return row({bar.title, std::to_string(runs), std::to_string(equal), std::to_string(inside),
              writes ? "-" : worst_run});
}

std::string table_of(const cuda::Bar& bar, const std::vector<Pair>& pairs) {
  const bool writes = std::string_view(bar.title) == "DRAM bytes written";
  std::string text = fmt::format(
      "\n## {}\n\n`{}`\n\n| kernel | problem | emulator |{} H200 | difference | in bounds |\n"
      "|---|---|---|{}---|---|---|\n",
      bar.title, bar.counter, writes ? " left dirty in L2 |" : "", writes ? "---|" : "");
  for (const Pair& pair : pairs) {
    const auto c = cuda::compare(bar, *pair.predicted, *pair.measured);
    if (!c) continue;
    std::vector<std::string> cells{pair.predicted->kernel->name, pair.problem(), format_count(c->predicted)};
    if (writes) cells.push_back(format_count(c->dirty));
    cells.insert(cells.end(), {format_count(c->measured), writes ? "" : c->deviation(),
                               cuda::meets(bar, *c) ? "yes" : "**no**"});
    text += row(cells);
  }
  return text;
}

}  // namespace

std::string to_markdown(const std::vector<cuda::Measurement>& predictions,
                        const cuda::Measurements& measurements,
                        const std::vector<cuda::Exception>& exceptions) {
  std::vector<Pair> pairs;
  for (const cuda::Measurement& prediction : predictions)
    if (const auto* measured = measurements.find(*prediction.kernel, prediction.shape))
      pairs.push_back({&prediction, measured});
  std::string text = fmt::format(fmt::runtime(kHead), measurements.fact("ncu"), measurements.fact("gpu"),
                                 measurements.fact("date"), measurements.fact("driver"),
                                 measurements.fact("nvcc"), pairs.size(), measurements.runs.size());
  for (const cuda::Bar& bar : cuda::bars()) text += summary(bar, pairs);
  text += "<!-- end of summary -->\n";

  text +=
      "\n## Runs out of bounds\n\n| kernel | problem | counter | difference | cause "
      "|\n|---|---|---|---|---|\n";
  for (const cuda::Exception& e : exceptions)
    text += row({e.kernel, e.problem, e.counter, e.deviation, e.cause});
  text += kCauses;

  text += R"(
## HBM bytes

The formula and the metered run use the kernel's own tiles. The emulator's column is what the kernel's requests ask for, each byte of a
request once. Where a tile is fetched once into shared memory the three agree; rungs that ask again for every product rely on
caches. Reductions into dQ are counted by the formula as a load and a store, and are no loads or stores of the kernel; in 16-bit types
rungs 03 and 06 keep O and dQ in fp32 between steps, and rung 03 writes lse, which Algorithm 1 does not.

| kernel | problem | closed form | metered reference | emulator |
|---|---|---|---|---|
)";
  for (const Pair& pair : pairs) {
    const Witness w = witness(*pair.predicted, measurements);
    if (!w.closed) continue;
    const auto bytes = [](const std::optional<io::Count>& n) {
      return n ? format_count(static_cast<std::uint64_t>(*n)) : std::string("-");
    };
    text += row(
        {w.kernel->name, pair.problem(), bytes(w.closed), bytes(w.metered), format_count(w.useful_bytes())});
  }
  for (const cuda::Bar& bar : cuda::bars()) text += table_of(bar, pairs);
  return text;
}

std::string to_csv(const std::vector<cuda::Measurement>& predictions) {
  std::string text =
      "# made by: attnlab witness --measured --csv\n"
      "kernel,step,dtype,batch,heads,kv_heads,seqlen_q,seqlen_kv,head_dim,causal,cuda_kernel";
  // What the page shows.
  std::vector<std::string> columns;
  for (const cuda::Bar& bar : cuda::bars()) columns.emplace_back(bar.counter);
  for (const Metric metric : {Metric::l2_dirty_bytes, Metric::global_load_bytes, Metric::global_store_bytes,
                              Metric::async_copy_bytes})
    columns.emplace_back(emulator::metrics()[static_cast<std::size_t>(metric)].name);
  for (const std::string& column : columns) text += "," + column;
  text += "\n";
  for (const cuda::Measurement& run : predictions) {
    const cuda::Shape& s = run.shape;
    text += fmt::format("{},0,{},{},{},{},{},{},{},{},all", run.kernel->name, cuda::name(s.type), s.batch,
                        s.heads, s.kv_heads, s.seqlen_q, s.seqlen_kv, s.head_dim, s.causal ? 1 : 0);
    for (const std::string& column : columns) text += fmt::format(",{}", run.sum(column).value_or(0));
    text += "\n";
  }
  return text;
}

}  // namespace attnlab::cli
