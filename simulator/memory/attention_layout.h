// Where the tensors of an attention problem lie in global memory.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "reference/attention/head.h"
#include "reference/core/two_level_memory.h"
#include "simulator/io/traffic.h"
#include "simulator/memory/tile_stream.h"

namespace attnlab::memory {

// The tensors of TileAccess: those of Hbm, and one that kernels add. dQ_sum: dQ in fp32, to which blocks add
// by reductions.
inline constexpr std::uint32_t kDqSum = kHbmCount, kTensorCount = kHbmCount + 1;
constexpr std::uint32_t tensor(Hbm name) { return static_cast<std::uint32_t>(name); }
const char* tensor_name(std::uint32_t tensor);

// Contiguous tensors one after the other, each on a multiple of 512 bytes:
//   Q, O, dO, dQ                    [batch, num_heads, seqlen_q, dim] and so on, packed ones with batch 1
//   lse, m, l, delta                [batch, num_heads, seqlen_q]
//   S, P, ... (standard attention)  [batch, num_heads, seqlen_q, seqlen_kv], by the longest sequence
class AttentionLayout {
 public:
  // Of the tensors that are used. P takes the place of S, which must come before it, unless the backward pass
  // of a softcap reads S once more. The problem must outlive the layout. Throws InvalidArgument when the
  // tensors need 512 GiB together, the reach of 32-bit line numbers.
  AttentionLayout(const attention::Problem& problem, const io::ElementSizes& sizes,
                  std::span<const std::uint32_t> used);

  const attention::Problem& problem() const { return problem_; }
  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t element_bytes(std::uint32_t tensor) const { return places_[tensor].element; }

  // A tile of the matrix of query head h of sequence b (of K and V, that of its group); rows and columns
  // count from the sequence's first. Without cols: whole rows.
  TileAccess tile(RequestKind kind, std::uint32_t tensor, Index b, Index h, Rows rows) const;
  TileAccess tile(RequestKind kind, std::uint32_t tensor, Index b, Index h, Rows rows, Rows cols) const;

 private:
  enum class Side { queries, keys, scores };
  struct Place {
    Side side = Side::queries;
    std::uint64_t begin = 0, element = 0, cols = 0;
  };
  static Side side_of(std::uint32_t tensor);

  const attention::Problem& problem_;
  std::array<Place, kTensorCount> places_{};
  std::uint64_t bytes_ = 0;
};

}  // namespace attnlab::memory
