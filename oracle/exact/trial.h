// What an exact check works with: the kernel, the case, and calls in memory of their own.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "oracle/buffers/call_memory.h"
#include "oracle/cases/case.h"
#include "oracle/kernel_class.h"
#include "reference/core/random.h"

namespace attnlab::oracle {

// What is wrong, in one line; nothing where all is right.
using Finding = std::optional<std::string>;

class Trial {
 public:
  Trial(const Kernel& kernel, const Case& c, const KernelClass& kernel_class, int threads)
      : kernel_(kernel), case_(c), class_(kernel_class), threads_(threads) {}

  const Case& the_case() const { return case_; }
  const attention::Problem& problem() const { return case_.problem; }
  const KernelClass& kernel_class() const { return class_; }
  const Kernel& kernel() const { return kernel_; }
  int threads() const { return threads_; }
  Random random(std::uint32_t stream) const { return Random(case_.seed, stream); }

  // Numbers of the case's profile.
  Data drawn() const;
  // Numbers for which every score is within [-1, 1] and every value too.
  Data bounded(const attention::Problem& problem, std::uint32_t stream) const;

  // Calls the kernel in fresh memory. Backward data get the golden o and lse of their forward pass. Throws
  // Violation and what the kernel throws.
  Results run(const attention::Problem& problem, const Data& data, Poison poison = Poison::nan) const;
  Results run(const Data& data, Poison poison = Poison::nan) const { return run(problem(), data, poison); }
  MemoryOptions memory_options(const attention::Problem& problem, Poison poison) const;
  // Fills in o and lse, rounded to their types.
  void add_saved(const attention::Problem& problem, Data& data) const;

  // The first row whose bits differ, of those that `looked_at` names. Tensors of a backward pass that two
  // equal calls already give differently (sums by atomics) are left out, and deterministic becomes false.
  using RowFilter = std::function<bool(const Result Results::*member, Index b, Index h, Index row)>;
  Finding difference(const Results& a, const Results& b, const std::string& between,
                     const RowFilter& looked_at = {});
  // Compares equal backward calls, before difference() is asked. Forward passes must be deterministic.
  void find_unsteady(const Data& data);
  bool deterministic() const { return unsteady_.empty(); }

 private:
  const Kernel& kernel_;
  const Case& case_;
  const KernelClass& class_;
  int threads_;
  std::vector<const Result Results::*> unsteady_;
};

// "o[0, 1, 5]": batch entry, head, row.
std::string place(const char* name, Index b, Index h, Index row);

}  // namespace attnlab::oracle
