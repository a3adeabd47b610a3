// Memory that a kernel must not read, must not write, or must not remember. Every call of every case looks at
// guard bands and inputs; these checks go where it is most likely to show.
#include <fmt/format.h>

#include "oracle/exact/exact_check.h"

namespace attnlab::oracle {
namespace {

// A call in some layout, when the problem can lie so.
void run_in(Trial& trial, const Data& data, Layout layout, Poison poison) {
  const attention::Problem& p = trial.problem();
  if (!possible(layout, p)) return;
  MemoryOptions options = trial.memory_options(p, poison);
  options.layout = layout;
  CallMemory memory(p, trial.the_case().dtype, options);
  memory.write(data);
  try {
    memory.run(trial.kernel());
  } catch (const Unsupported&) {
    if (layout == trial.the_case().layout) throw;  // else: a layout that it does not take
  }
}

Data complete(Trial& trial) {
  Data data = trial.drawn();
  if (trial.the_case().backward) trial.add_saved(trial.problem(), data);
  return data;
}

}  // namespace

// Outputs, padding and guard bands hold one poison, then another: equal bits.
Finding find_poison(Trial& trial) {
  const Data data = complete(trial);
  trial.find_unsteady(data);
  const Results nan = trial.run(data, Poison::nan), large = trial.run(data, Poison::large);
  return trial.difference(nan, large,
                          "depends on what memory held before: it is not written, or padding or memory "
                          "behind a tensor is read");
}

Finding find_changed_inputs(Trial& trial) {
  const Data data = complete(trial);
  for (const Layout layout : {trial.the_case().layout, Layout::bshd})
    run_in(trial, data, layout, Poison::nan);
  return {};
}

// Equal calls give equal bits: again, elsewhere in memory, and after a call with other numbers.
Finding find_determinism(Trial& trial) {
  const Data data = complete(trial);
  trial.find_unsteady(data);
  const Results first = trial.run(data);
  for (int again = 0; again < 3; ++again) {
    trial.run(trial.problem(), trial.bounded(trial.problem(), 7));
    if (Finding found = trial.difference(first, trial.run(data), "differs between two equal calls"))
      return found;
  }
  return {};
}

Finding find_guard_bands(Trial& trial) {
  const Data data = complete(trial);
  for (const Poison poison : {Poison::nan, Poison::large}) {
    for (const Layout layout : {trial.the_case().layout, Layout::padded_rows})
      run_in(trial, data, layout, poison);
  }
  return {};
}

}  // namespace attnlab::oracle
