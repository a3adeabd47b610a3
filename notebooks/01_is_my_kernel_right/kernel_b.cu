// FlashAttention's forward pass: a block a tile of 32 queries, a thread a query. Keys and values come through
// shared memory in tiles of 32, and softmax is computed on the way (online).
#include "harness.cuh"

__global__ void attention(Problem p) {
  __shared__ float k_tile[kTile][kDim], v_tile[kTile][kDim];
  const int row = blockIdx.x * kTile + threadIdx.x, head = blockIdx.y;
  const float* q = p.q + (head * p.nq + row) * kDim;
  float o[kDim] = {}, m = -INFINITY, l = 0;  // the output so far, the largest score so far, the sum so far

  for (int begin = 0; begin < p.nkv; begin += kTile) {
    load(k_tile, p.k, head, begin, p.nkv);
    load(v_tile, p.v, head, begin, p.nkv);
    __syncthreads();
    if (row < p.nq) {
      float s[kTile], m_new = m;
      for (int j = 0; j < kTile; ++j) {
        s[j] = p.scale * dot(q, k_tile[j]);
        if (begin + j >= p.nkv) s[j] = -INFINITY;
        if (p.causal && begin + j > row + p.nkv - p.nq) s[j] = -INFINITY;
        m_new = fmaxf(m_new, s[j]);
      }
      const float rescale = m == m_new ? 1 : expf(m - m_new);
      l *= rescale;
      for (int j = 0; j < kTile; ++j) {
        const float weight = s[j] == -INFINITY ? 0 : expf(s[j] - m_new);
        l += weight;
        for (int c = 0; c < kDim; ++c) o[c] += weight * v_tile[j][c];
      }
      m = m_new;
    }
    __syncthreads();
  }
  if (row < p.nq) store(p, head, row, o, m, l);
}
