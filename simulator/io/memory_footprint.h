// GPU memory that one attention layer's forward and backward pass take together, as the FlashAttention paper
// measured it (appendix E, Table 21: batch 16, 8 heads, d 64, fp16).
//
// The paper prints whole MiB and no formula. These terms were found from the printed numbers, and give every
// one of them; the fields say what each holds as far as that can be known.
#pragma once

#include "reference/core/view.h"
#include "simulator/io/traffic.h"

namespace attnlab::io {

enum class Implementation { pytorch, flash_attention, block_sparse_flash_attention };

// Bytes.
struct Footprint {
  // N x N matrices in fp16, one per head. PyTorch: 4 at the peak, among S, P, P after dropout, their
  // gradients and dropout masks; which of them live at once, the table does not tell.
  Count matrices = 0;
  // N x d matrices in fp16. Q, K, V, O and their gradients are 8. PyTorch has 2 more and FlashAttention 3,
  // whose owners the table does not tell (copies into another layout are likely).
  Count rows = 0;
  // dQ summed in fp32, N x d, by FlashAttention once K spans more than one block: 256 keys, or 128 where
  // d > 64, in its first release (fmha_api.cpp, blocksize_c).
  Count accumulator = 0;
  // Two numbers per row in fp32, lse and rowsum(dO o O). Below 512 keys they vanish in the rounding to MiB.
  Count statistics = 0;
  // Block-sparse: two int32 masks of blocks of 16 x 256, one for all heads. That they are two is the table's.
  Count block_masks = 0;

  Count total() const { return matrices + rows + accumulator + statistics + block_masks; }
};

// batch, num_heads, seqlen and head_dim from 1 to 2^30. Throws InvalidArgument otherwise.
Footprint memory_footprint(Implementation implementation, Index batch, Index num_heads, Index seqlen,
                           Index head_dim);

}  // namespace attnlab::io
