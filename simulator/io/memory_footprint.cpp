#include "simulator/io/memory_footprint.h"

#include <string>

#include "reference/attention/problem.h"
#include "reference/core/blocks.h"
#include "reference/core/errors.h"

namespace attnlab::io {
namespace {

constexpr Count kHalf = 2, kFloat = 4, kInt = 4;

Count extent(const char* argument, Index value) {
  if (value < 1 || value > attention::kMaxExtent) {
    throw InvalidArgument(argument, std::to_string(value), "an integer from 1 to 2^30");
  }
  return static_cast<Count>(value);
}

}  // namespace

Footprint memory_footprint(Implementation implementation, Index batch, Index num_heads, Index seqlen,
                           Index head_dim) {
  const Count heads = extent("batch", batch) * extent("num_heads", num_heads);
  const Count n = extent("seqlen", seqlen), d = extent("head_dim", head_dim);
  Footprint bytes;
  if (implementation == Implementation::pytorch) {
    bytes.matrices = 4 * heads * n * n * kHalf;
    bytes.rows = 10 * heads * n * d * kHalf;
    return bytes;
  }
  bytes.rows = 11 * heads * n * d * kHalf;
  if (seqlen > (head_dim > 64 ? 128 : 256)) bytes.accumulator = heads * n * d * kFloat;
  bytes.statistics = 2 * heads * n * kFloat;
  if (implementation == Implementation::block_sparse_flash_attention) {
    bytes.block_masks =
        2 * static_cast<Count>(ceil_div(seqlen, 16)) * static_cast<Count>(ceil_div(seqlen, 256)) * kInt;
  }
  return bytes;
}

}  // namespace attnlab::io
