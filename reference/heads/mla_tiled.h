// The attention core of multi-head latent attention (mla.h) on a two-level memory: one sequence, from queries
// and latents to head outputs, in the two forms whose HBM traffic the DeepSeek-V2 paper's choice is about.
//
// With H heads, N cached tokens, n queries, d = head_dim, d_R = rope_dim, d_c = kv_lora_rank, no causality:
//   naive     writes and re-reads K and V of every head: at least H N (2 d_c + 2 d_R + 2 d + 2 d_v) elements
//   absorbed  reads the latents once per row block: N (d_c + d_R) elements, but computes with vectors of d_c
//             instead of d elements, and moves queries and outputs of that length: 4 n H d_c
// Decoding (n = 1) wants the second, prefill (n = N) the first.
#pragma once

#include <cmath>
#include <vector>

#include "reference/attention/flash2.h"
#include "reference/core/algorithm_row.h"

namespace attnlab::heads {

struct MlaShape {
  Index num_heads = 0;
  Index head_dim = 0, rope_dim = 0, head_dim_v = 0, kv_lora_rank = 0;
  Index seqlen_q = 0, seqlen_kv = 0;
  bool causal = true;  // bottom-right, as everywhere

  // What all heads share: lengths, scale, causality.
  attention::Head head() const {
    attention::Head head;
    head.seqlen_q = seqlen_q;
    head.seqlen_kv = seqlen_kv;
    head.head_dim = head_dim + rope_dim;
    head.head_dim_v = head_dim_v;
    head.scale = 1 / std::sqrt(static_cast<double>(head_dim + rope_dim));
    if (causal) head.right = 0;
    return head;
  }
  Rows k_rows(Index h) const { return {h * head_dim, head_dim}; }      // of W_UK
  Rows v_rows(Index h) const { return {h * head_dim_v, head_dim_v}; }  // of W_UV
};

inline constexpr AlgorithmRow kMlaNaiveRow{.name = "mla-naive",
                                           .title = "MLA, K and V of every head expanded",
                                           .paper = "DeepSeek-V2 2024, section 2.1 and appendix C"};
inline constexpr AlgorithmRow kMlaAbsorbedRow{
    .name = "mla-absorbed",
    .title = "MLA, W_UK and W_UV absorbed: attention over the latents",
    .paper = "DeepSeek-V2 2024, section 2.1 and appendix C"};

// Batch extents are 1. W_UK and W_UV lie as in MlaWeights.
template <class T>
struct MlaInputs {
  TensorView<const T> q;           // [1, num_heads, seqlen_q, head_dim + rope_dim]
  MatrixView<const T> c_kv;        // [seqlen_kv, kv_lora_rank]
  MatrixView<const T> k_rope;      // [seqlen_kv, rope_dim]
  MatrixView<const T> w_uk, w_uv;  // [num_heads * head_dim (head_dim_v), kv_lora_rank]
};

template <class T>
struct MlaOutputs {
  TensorView<T> o;    // [1, num_heads, seqlen_q, head_dim_v]
  TensorView<T> lse;  // [1, num_heads, seqlen_q, 1]
};

// K and V of every head in HBM: [1, num_heads, seqlen_kv, head_dim + rope_dim] and [..., head_dim_v].
template <class T>
struct MlaExpanded {
  TensorView<T> k, v;
};

// [1, num_heads, seqlen_q, kv_lora_rank]
template <class T>
struct MlaLatents {
  TensorView<T> q, o;
};

// Sizes of blocks: queries, cached tokens, and in the absorbed form the heads that share a block of latents.
struct MlaTiles {
  Index br = 0, bc = 0, heads = 0;
};

template <class Memory, class T>
void undefined_heads(Memory& memory, Hbm tensor, const TensorView<T>& view) {
  for (Index h = 0; h < view.heads; ++h) memory.undefined(tensor, view.head(0, h));
}

// A head at a time: expands K while W_UK of the head stays in SRAM, then V while W_UV does (the two together
// would not fit beside each other: DeepSeek-V2's have 65,536 elements each), then FlashAttention-2.
template <class Memory, class T>
void mla_naive(Memory& memory, const MlaShape& shape, const MlaInputs<T>& in, const MlaExpanded<T>& work,
               const MlaOutputs<T>& out, MlaTiles tiles) {
  undefined_heads(memory, Hbm::K, work.k);
  undefined_heads(memory, Hbm::V, work.v);
  for (Index h = 0; h < shape.num_heads; ++h) {
    {
      const auto w_uk = memory.load(Hbm::W_UK, in.w_uk.middle(shape.k_rows(h)));
      for (const Rows j : blocks(shape.seqlen_kv, tiles.bc)) {
        auto k = memory.tile_for("K", work.k.head(0, h, j));
        const auto c = memory.load(Hbm::c_kv, in.c_kv.middle(j));
        const auto rope = memory.load(Hbm::k_rope, in.k_rope.middle(j));
        k.mat().leftCols(shape.head_dim).noalias() = c.mat() * w_uk.mat().transpose();
        k.mat().rightCols(shape.rope_dim) = rope.mat();
        memory.count(Flop::matmul, 2 * j.size * shape.kv_lora_rank * shape.head_dim);
        memory.store(Hbm::K, work.k.head(0, h, j), k);
      }
    }
    {
      const auto w_uv = memory.load(Hbm::W_UV, in.w_uv.middle(shape.v_rows(h)));
      for (const Rows j : blocks(shape.seqlen_kv, tiles.bc)) {
        auto v = memory.tile_for("V", work.v.head(0, h, j));
        const auto c = memory.load(Hbm::c_kv, in.c_kv.middle(j));
        v.mat().noalias() = c.mat() * w_uv.mat().transpose();
        memory.count(Flop::matmul, 2 * j.size * shape.kv_lora_rank * shape.head_dim_v);
        memory.store(Hbm::V, work.v.head(0, h, j), v);
      }
    }
    const attention::Inputs<T> expanded{in.q.head(0, h), work.k.head(0, h), work.v.head(0, h)};
    attention::flash2_forward(memory, shape.head(), expanded, {out.o.head(0, h), {}, {}, out.lse.head(0, h)},
                              {tiles.br, tiles.bc});
  }
}

// One head's rows of a query block in SRAM, with their running softmax.
template <class T>
struct MlaRows {
  Tile<const T> q_latent, q_rope;
  Tile<T> m, l, o;
};

// FlashAttention-2 over the latents: the heads of a group share every block of c_kv, which is key and value.
template <class Memory, class T>
void mla_latent_attention(Memory& memory, const MlaShape& shape, const MlaInputs<T>& in,
                          const MlaLatents<T>& work, const MlaOutputs<T>& out, MlaTiles tiles) {
  const attention::Head head = shape.head();
  const T scale = static_cast<T>(head.scale);
  for (const Rows i : blocks(shape.seqlen_q, tiles.br)) {
    for (const Rows group : blocks(shape.num_heads, tiles.heads)) {
      std::vector<MlaRows<T>> rows;
      rows.reserve(static_cast<std::size_t>(group.size));
      for (Index h = group.begin; h < group.end(); ++h) {
        const MatrixView<const T> q = in.q.head(0, h, i), q_latent = work.q.head(0, h, i);
        rows.push_back({memory.load(Hbm::q_latent, q_latent),
                        memory.load(Hbm::Q, q.block({0, i.size}, {shape.head_dim, shape.rope_dim})),
                        memory.template tile<T>("m", i.size, 1), memory.template tile<T>("l", i.size, 1),
                        memory.tile_for("o_latent", work.o.head(0, h, i))});
        attention::begin_softmax(head, rows.back().m, rows.back().l, rows.back().o);
      }
      for (const Rows j : attention::visible_col_blocks(head, i, tiles.bc)) {
        const auto c = memory.load(Hbm::c_kv, in.c_kv.middle(j));
        const auto rope = memory.load(Hbm::k_rope, in.k_rope.middle(j));
        for (MlaRows<T>& r : rows) {
          auto s = memory.template tile<T>("S", i.size, j.size);
          s.mat().noalias() = scale * r.q_latent.mat() * c.mat().transpose();
          s.mat().noalias() += scale * r.q_rope.mat() * rope.mat().transpose();
          memory.count(Flop::matmul, 2 * i.size * j.size * (shape.kv_lora_rank + shape.rope_dim));
          memory.count(Flop::other, i.size * j.size);
          attention::apply_bias_and_mask(memory, head, i, j, s);
          attention::absorb(memory, head, i, j, s, c, r.m, r.l, r.o);
        }
      }
      for (Index h = group.begin; h < group.end(); ++h) {
        MlaRows<T>& r = rows[static_cast<std::size_t>(h - group.begin)];
        attention::finish_softmax(memory, r.m, r.l, r.o);
        memory.store(Hbm::o_latent, work.o.head(0, h, i), r.o);
        memory.store(Hbm::lse, out.lse.head(0, h, i), r.l);
      }
    }
  }
}

// W_UK into the query, attention over the latents, W_UV on the outcome. The first and the last step keep a
// head's weights in SRAM while its rows stream past.
template <class Memory, class T>
void mla_absorbed(Memory& memory, const MlaShape& shape, const MlaInputs<T>& in, const MlaLatents<T>& work,
                  const MlaOutputs<T>& out, MlaTiles tiles) {
  undefined_heads(memory, Hbm::q_latent, work.q);
  undefined_heads(memory, Hbm::o_latent, work.o);
  for (Index h = 0; h < shape.num_heads; ++h) {
    const auto w_uk = memory.load(Hbm::W_UK, in.w_uk.middle(shape.k_rows(h)));
    for (const Rows i : blocks(shape.seqlen_q, tiles.br)) {
      auto q_latent = memory.tile_for("q_latent", work.q.head(0, h, i));
      const auto q = memory.load(Hbm::Q, in.q.head(0, h, i).block({0, i.size}, {0, shape.head_dim}));
      q_latent.mat().noalias() = q.mat() * w_uk.mat();
      memory.count(Flop::matmul, 2 * i.size * shape.head_dim * shape.kv_lora_rank);
      memory.store(Hbm::q_latent, work.q.head(0, h, i), q_latent);
    }
  }
  mla_latent_attention(memory, shape, in, work, out, tiles);
  for (Index h = 0; h < shape.num_heads; ++h) {
    const auto w_uv = memory.load(Hbm::W_UV, in.w_uv.middle(shape.v_rows(h)));
    for (const Rows i : blocks(shape.seqlen_q, tiles.br)) {
      auto o = memory.tile_for("O", out.o.head(0, h, i));
      const MatrixView<const T> from = work.o.head(0, h, i);
      const auto o_latent = memory.load(Hbm::o_latent, from);
      o.mat().noalias() = o_latent.mat() * w_uv.mat().transpose();
      memory.count(Flop::matmul, 2 * i.size * shape.head_dim_v * shape.kv_lora_rank);
      memory.store(Hbm::O, out.o.head(0, h, i), o);
    }
  }
}

}  // namespace attnlab::heads
