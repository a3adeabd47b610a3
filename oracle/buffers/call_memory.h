// The memory of a call: inputs, outputs and guard bands in one arena; what a kernel did to it.
//
//   CallMemory memory(problem, DType::f16, {.layout = Layout::bshd, .poison = Poison::large});
//   memory.write(data);
//   const Results results = memory.run(kernel);
#pragma once

#include <array>
#include <stdexcept>
#include <string>
#include <vector>

#include "oracle/buffers/arena.h"
#include "oracle/buffers/data.h"
#include "oracle/buffers/layout.h"
#include "oracle/kernel.h"

namespace attnlab::oracle {

// What a kernel must never do, seen in its memory: "guard-bands" or "inputs-unchanged".
struct Violation : std::runtime_error {
  Violation(std::string check, const std::string& what) : std::runtime_error(what), check(std::move(check)) {}
  std::string check;
};

struct MemoryOptions {
  Layout layout = Layout::bhsd;
  Poison poison = Poison::nan;
  bool lse = true;
  bool backward = false;
  // K and V are a paged cache with pages of so many rows (forward only); 0: they are not.
  Index page_size = 0;
  std::uint64_t seed = 0;  // of the pages' order
};

class CallMemory {
 public:
  // The problem must outlive this object. Throws InvalidArgument where the layout does not suit it.
  CallMemory(const attention::Problem& problem, DType dtype, const MemoryOptions& options);

  // Puts the inputs where the kernel will find them: at the same addresses every time. Rows in padding become
  // poison, whatever their numbers. Numbers of fewer rows than their tensor are repeated.
  void write(const Data& data);

  // Poisons the outputs, calls, and looks at everything that the kernel must leave alone. Throws Violation,
  // and whatever the kernel throws.
  Results run(const Kernel& kernel);
  // The same for results too large to be copied, and without a look between the rows: outputs() are they.
  void call(const Kernel& kernel);

  // Views of the inputs as they lie there, padding poisoned, and of the outputs.
  Inputs inputs() const { return {tensor(q), tensor(k), tensor(v), tensor(dout)}; }
  Outputs outputs() const { return {tensor(o), tensor(lse), tensor(dq), tensor(dk), tensor(dv)}; }

 private:
  // The order in memory: an overrun of one input by one tile lands in a band, not in the next input.
  enum Name { q, k, v, dout, saved_o, saved_lse, o, lse, dq, dk, dv, kNames };
  struct Slot {
    DType dtype = DType::f32;
    Index batch = 0, heads = 0, rows = 0, dim = 0;
    Index batch_stride = 0, head_stride = 0, row_stride = 0;
    std::size_t region = 0;
    Index first = 0;  // element of the region that is element (0, 0, 0, 0)
    bool present = false, queries = false;
    std::byte* data = nullptr;
  };

  void place();
  void add(Name name, DType dtype, bool queries, Index heads, Index dim);
  void lay_out(Slot& slot, Layout layout);
  void lay_out_qkv(Name first);
  void add_pages();
  std::size_t region_of(Index elements, DType dtype, std::size_t slabs = 1, Index slab_stride = 0);

  void write(Name name, const Numbers& numbers);
  void write_pages(Name name, const Numbers& numbers);
  bool in_padding(const Slot& slot, Index b, Index row) const;
  Tensor tensor(Name name) const;
  OutputTensor output(Name name) const;
  Result take(Name name);
  void require_untouched_bands() const;
  void require_unchanged_inputs(const std::vector<std::size_t>& hashes) const;
  void require_untouched_gaps();
  std::string names_in(std::size_t region) const;
  bool is_input(std::size_t region) const;

  const attention::Problem& problem_;
  DType dtype_;
  MemoryOptions options_;
  std::array<Slot, kNames> slots_;
  std::vector<Arena::Region> regions_;
  std::array<std::size_t, 3> scale_region_{};  // of q, k and v; FP8 only
  std::array<bool, 3> scaled_{};
  // Of a paged cache: [batch, pages_a_sequence_], and where it lies. What no sequence needs is the last page.
  std::vector<std::int32_t> page_table_;
  Index pages_a_sequence_ = 0, num_pages_ = 0;
  std::size_t page_table_region_ = 0;
  std::optional<Arena> arena_;
};

}  // namespace attnlab::oracle
