// HBM traffic, SRAM peak and FLOPs of a decode step (reference/kv/decode.h) in closed form, O(1) in the
// length of the cache. With g = num_heads / num_kv_heads and C the cached tokens in the blocks of Bc that the
// window reaches (all N without a window), a KV head
//   loads   g d of Q, (C + 1) d of K and (C + 1) d_v of V: the cache once per group, and the new row
//   stores  d of K and d_v of V: the new row into the cache; g d_v of O, g of lse
// so where N is large a step moves N (d + d_v) num_kv_heads elements, whatever num_heads is: Shazeer (2019)
// writes it as n / (d h) memory accesses an operation (section 3.1) against n / d (section 2.4.1).
#pragma once

#include "reference/attention/problem.h"
#include "simulator/io/traffic.h"

namespace attnlab::io {

// One token of every sequence of the problem: seqlen_q is 1, and sequence b has kv_rows(b).size >= 1 tokens,
// the new one among them. bc >= 1. The problem is not validated again; bias and mask are read for their
// extents only.
Traffic decode_traffic(const attention::Problem& problem, Index bc);

}  // namespace attnlab::io
