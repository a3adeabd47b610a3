// What the kernels' geometries and workspaces are made of.
#pragma once

#include "cuda/host/kernel.h"

namespace attnlab::cuda {

// Rows of Q (and O) in shared memory have 4 floats of padding: lanes that each read a float4 of their own row
// then meet different banks.
inline constexpr int kRowPadding = 4;

// The tiles that this compilation is for: the kernels' own, or those that `attnlab emulate --kernel` asks for.
#ifndef ATTNLAB_CUDA_BR
#define ATTNLAB_CUDA_BR 0
#define ATTNLAB_CUDA_BC 0
#endif
inline constexpr Tiles kAskedTiles{ATTNLAB_CUDA_BR, ATTNLAB_CUDA_BC};
constexpr int asked_or(int asked, int own) { return asked > 0 ? asked : own; }

constexpr std::size_t floats(int count) { return static_cast<std::size_t>(count) * sizeof(float); }

// One number for each row of every query head.
constexpr std::size_t row_bytes(const AttentionParams& p) {
  const int batches = p.cu_seqlens_q != nullptr ? 1 : p.batch;
  return floats(1) * static_cast<std::size_t>(batches) * static_cast<std::size_t>(p.heads_q) *
         static_cast<std::size_t>(p.rows_q);
}

// Scores of all heads, in fp32.
constexpr std::size_t scores_bytes(const AttentionParams& p) {
  return floats(1) * static_cast<std::size_t>(p.batch) * static_cast<std::size_t>(p.heads_q) *
         static_cast<std::size_t>(p.seqlen_q) * static_cast<std::size_t>(p.seqlen_kv);
}

}  // namespace attnlab::cuda
