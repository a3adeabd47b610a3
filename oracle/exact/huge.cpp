// Indices beyond 32 bits: Q and O of more than 2^31 elements, against few keys. Rows of Q repeat, so that O
// must repeat them, to the bit; a sample is compared with golden values. O stays where the kernel wrote it.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "oracle/buffers/available.h"
#include "oracle/check.h"
#include "oracle/exact/exact_check.h"

namespace attnlab::oracle {
namespace {

constexpr Index kPeriod = 4099;  // of rows; prime, so that an index gone wrong meets another row

// Q, O and lse; K and V are small.
double bytes_of(const attention::Problem& p, DType dtype, bool lse) {
  const Index row_bits =
      p.head_dim * bits(dtype) + p.head_dim_v * bits(output_type(dtype)) + (lse ? bits(lse_type(dtype)) : 0);
  return static_cast<double>(p.num_heads) * static_cast<double>(p.seqlen_q) * static_cast<double>(row_bits) /
         8;
}

const std::byte* row_of(const Tensor& t, Index h, Index i) {
  return static_cast<const std::byte*>(t.data) + (h * t.head_stride + i * t.row_stride) * bits(t.dtype) / 8;
}

Finding first_unlike(const Tensor& t, const char* name) {
  const auto row_bytes = static_cast<std::size_t>(t.dim * bits(t.dtype) / 8);
  for (Index h = 0; h < t.heads; ++h) {
    for (Index i = kPeriod; i < t.seqlen; ++i) {
      if (std::memcmp(row_of(t, h, i), row_of(t, h, i - kPeriod), row_bytes) != 0) {
        return fmt::format("{} differs from {}, whose row of Q is the same", place(name, 0, h, i),
                           place(name, 0, h, i - kPeriod));
      }
    }
  }
  return {};
}

}  // namespace

Finding find_beyond(Trial& trial, Index elements) {
  attention::Problem p = trial.problem();
  p.batch = 1;
  p.seqlen_q = elements / (p.num_heads * p.head_dim) + 2 * kPeriod;
  const DType dtype = trial.the_case().dtype;
  require_memory(bytes_of(p, dtype, trial.the_case().lse));
  const Data few = [&] {
    attention::Problem first = p;
    first.seqlen_q = kPeriod;
    return trial.bounded(first, 1);
  }();
  MemoryOptions options = trial.memory_options(p, Poison::nan);
  options.layout = Layout::bshd;  // every head has rows beyond the last
  CallMemory memory(p, dtype, options);
  memory.write(few);
  memory.call(trial.kernel());
  const Outputs out = memory.outputs();
  if (Finding found = first_unlike(out.o, "o")) return found;
  if (out.lse) {
    if (Finding found = first_unlike(out.lse, "lse")) return found;
  }
  CheckOptions sample;
  sample.rows = {64, trial.the_case().seed};
  sample.threads = trial.threads();
  sample.diagnose = false;
  const Verdict verdict = check(p, memory.inputs(), out, trial.kernel_class(), sample);
  if (verdict.right) return {};
  const TensorVerdict& worst = verdict.worst_tensor();
  return fmt::format("{} is {:.6g}, expected {:.6g}",
                     place(worst.name.c_str(), 0, worst.worst.at.head, worst.worst.at.row), worst.worst.got,
                     worst.worst.expected);
}

Finding find_huge(Trial& trial) { return find_beyond(trial, Index{1} << 31); }

}  // namespace attnlab::oracle
