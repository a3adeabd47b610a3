// One query head of one sequence: what an algorithm's text works on. Lengths are the sequence's own (padding
// and packing already resolved), rows and columns count from its first token.
#pragma once

#include <algorithm>
#include <limits>

#include "reference/attention/problem.h"
#include "reference/core/philox.h"

namespace attnlab::attention {

// How much of a tile of scores the band (causal, window) lets through.
enum class Visibility { none, partial, full };

struct Head {
  Index seqlen_q = 0, seqlen_kv = 0;
  Index head_dim = 0, head_dim_v = 0;
  double scale = 1;
  double softcap = 0;
  double alibi_slope = 0;
  double sink = -std::numeric_limits<double>::infinity();
  // Visible keys of row i before bias and mask: [i + offset() - left, i + offset() + right].
  Index left = kMaxExtent * 2, right = kMaxExtent * 2;
  bool has_mask = false, has_bias = false, mask_pass = false;
  Index page_size = 0;               // of K and V; 0: in one piece
  BroadcastView<std::uint8_t> mask;  // data at this head's (0, 0)
  BroadcastView<float> bias;
  Dropout dropout;
  Index batch_head = 0;        // b * num_heads + h
  bool first_of_group = true;  // the later heads of a GQA group add to dK and dV instead of overwriting

  Index offset() const { return seqlen_kv - seqlen_q; }
  // First and one-past-last key in the band of row i; empty when end <= begin.
  Index band_begin(Index i) const { return std::max<Index>(0, i + offset() - left); }
  Index band_end(Index i) const { return std::min(seqlen_kv, i + offset() + right + 1); }

  bool visible(Index i, Index j) const {
    return j >= band_begin(i) && j < band_end(i) && !(has_mask && mask_at(i, j) == 0) &&
           !(has_bias && bias_at(i, j) == -std::numeric_limits<float>::infinity());
  }
  std::uint8_t mask_at(Index i, Index j) const {
    return mask.data[i * mask.row_stride + j * mask.col_stride];
  }
  float bias_at(Index i, Index j) const { return bias.data[i * bias.row_stride + j * bias.col_stride]; }

  // Visibility of the tile rows x cols by the band alone. Both bounds move right with the row, so the corners
  // decide.
  Visibility band(Rows rows, Rows cols) const {
    const Index last = rows.end() - 1;
    if (rows.size == 0 || cols.size == 0 || cols.begin >= band_end(last) ||
        cols.end() <= band_begin(rows.begin)) {
      return Visibility::none;
    }
    const bool full = cols.begin >= band_begin(last) && cols.end() <= band_end(rows.begin);
    return full ? Visibility::full : Visibility::partial;
  }
  // True when no key of the tile is hidden from any of its rows.
  bool all_visible(Rows rows, Rows cols) const {
    return !has_mask && !has_bias && band(rows, cols) == Visibility::full;
  }

  // The dropout decision for keys 4 * quad .. 4 * quad + 3 of row i: bit b set = kept.
  unsigned kept(Index i, Index quad) const {
    const Philox4x32 words = philox4x32_10({static_cast<std::uint32_t>(quad), static_cast<std::uint32_t>(i),
                                            static_cast<std::uint32_t>(batch_head), dropout.offset},
                                           philox_key(dropout.seed));
    const auto threshold = static_cast<std::uint64_t>((1.0 - dropout.p) * 4294967296.0);
    unsigned bits = 0;
    for (unsigned b = 0; b < 4; ++b) bits |= static_cast<unsigned>(words[b] < threshold) << b;
    return bits;
  }
  double dropout_scale() const { return 1.0 / (1.0 - dropout.p); }
};

// Whether the scores of the whole head need a pass that adds to them or hides some.
inline bool needs_mask_pass(const Head& head) {
  return head.mask_pass || head.alibi_slope != 0 ||
         !head.all_visible({0, head.seqlen_q}, {0, head.seqlen_kv});
}

// Head h of sequence b.
Head head_of(const Problem& problem, Index b, Index h);

}  // namespace attnlab::attention
