// 05, FlashAttention-2 with register tiles: 16 threads share 4 rows, and every number that comes from shared
// memory is used for several products.
//
// Paper:    Dao, "FlashAttention-2" (2023), Algorithm 1, the loops of rung 04. The work within a warp is
//           split by rows as in section 3.3: a row's maximum and sum are found by shuffles.
// Idea:     a thread computes a 4 x 4 piece of S: 8 float4 from shared memory feed 64 multiply-adds, where
//           rung 04 needed 17. The 16 threads of a row group hand P to each other through shared memory; K
//           and V take turns in one tile, which leaves room for larger tiles.
// Traffic:  that of rung 04 at the same tiles: Q and O once, K and V N / Br times.
// Limits:   the multiply-adds are still scalar fp32: a tensor core does a tile in a hundredth of the
//           instructions. Loads wait in registers on their way to shared memory, and nothing computes
//           meanwhile.
#include "cuda/device/launch.cuh"
#include "cuda/device/philox.cuh"
#include "cuda/device/register_tile.cuh"
#include "cuda/device/score.cuh"
#include "cuda/device/tile.cuh"
#include "cuda/device/warp.cuh"
#include "cuda/forward/05_flash2_registers.h"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

inline constexpr int kRows = 4;          // rows that kLanes threads share
inline constexpr float kHidden = -1.0f;  // stands for a hidden weight: real ones are 0 or more, or NaN

// o[a] += sum over j of P[a][j] v_j for this thread's columns of V: pieces of Width, one every 16 Width.
// Where the mask cuts through the tile (Partial), hidden keys are left out: they may hold NaN.
template <bool Partial, int Bc, int Stride, int Width, int Pieces>
__device__ __forceinline__ void accumulate(const float* p_rows, const float* v_tile, int lane,
                                           float (&o)[kRows][Pieces * Width]) {
#pragma unroll 1
  for (int j = 0; j < Bc; j += 4) {
    float4 w[kRows];
#pragma unroll
    for (int a = 0; a < kRows; ++a)
      w[a] = *reinterpret_cast<const float4*>(p_rows + a * (Bc + kRowPadding) + j);
#pragma unroll
    for (int n = 0; n < 4; ++n) {
#pragma unroll
      for (int piece = 0; piece < Pieces; ++piece) {
        float v[Width];
        load_vector(v, v_tile + (j + n) * Stride + (piece * kLanes + lane) * Width);
#pragma unroll
        for (int a = 0; a < kRows; ++a) {
          const float weight_of_j = n == 0 ? w[a].x : n == 1 ? w[a].y : n == 2 ? w[a].z : w[a].w;
          if (Partial && weight_of_j == kHidden) continue;
#pragma unroll
          for (int x = 0; x < Width; ++x)
            o[a][piece * Width + x] = fmaf(weight_of_j, v[x], o[a][piece * Width + x]);
        }
      }
    }
  }
}

template <class T, int D>
__global__ void __launch_bounds__(kRegisterTile<D>.threads, 1)
    flash2_registers_kernel(const AttentionParams p) {
  constexpr int Br = kRegisterTile<D>.br, Bc = kRegisterTile<D>.bc, Threads = kRegisterTile<D>.threads;
  constexpr int Stride = D + kRowPadding, Cols = Bc / kLanes;
  constexpr int Width = D % 64 == 0 ? 4 : D % 32 == 0 ? 2 : 1, Pieces = D / (kLanes * Width);
  static_assert(Br * kLanes == Threads * kRows && Cols <= 4);

  extern __shared__ float4 shared_memory[];
  float* q_tile = reinterpret_cast<float*>(shared_memory);  // [Br][Stride]; at the end O's
  float* kv_tile = q_tile + Br * Stride;                    // [Bc][Stride], K and V in turn
  float* p_tile = kv_tile + Bc * Stride;                    // [Br][Bc + kRowPadding]

  const Head head = head_of(p, static_cast<int>(blockIdx.z), static_cast<int>(blockIdx.y));
  const int row = static_cast<int>(blockIdx.x) * Br;
  if (row >= head.rows_q) return;  // a shorter sequence of the batch
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  const int r = static_cast<int>(threadIdx.x) / kLanes * kRows;  // the first of this thread's rows

  load_tile<Br, D, Stride, Threads>(q_tile, head.queries<const T>(p.q), p.q.row_stride, row, head.band.len_q);
  const T* keys = head.keys<const T>(p.k);
  const T* values = head.keys<const T>(p.v);
  float* q_rows = q_tile + r * Stride;
  float* p_rows = p_tile + r * (Bc + kRowPadding);

  float o[kRows][Pieces * Width], m[kRows], l[kRows];
#pragma unroll
  for (int a = 0; a < kRows; ++a) {
    m[a] = kNegInf;
    l[a] = 0.0f;
#pragma unroll
    for (int t = 0; t < Pieces * Width; ++t) o[a][t] = 0.0f;
  }

  const int past = head.band.past_visible(row, Br);
  for (int col = head.band.first_visible(row) / Bc * Bc; col < past; col += Bc) {
    __syncthreads();  // V is done with
    load_tile<Bc, D, Stride, Threads>(kv_tile, keys, p.k.row_stride, col, head.band.len_kv);
    __syncthreads();

    float s[kRows][Cols];
    tile_dots<D, Stride, 2>(q_rows, kv_tile + lane * Stride, s);

#pragma unroll
    for (int a = 0; a < kRows; ++a) {
      const int i = row + r + a, begin = head.band.begin(i), end = head.band.end(i);
      float m_new = m[a];
#pragma unroll
      for (int b = 0; b < Cols; ++b) {
        const int j = col + lane + kLanes * b;
        s[a][b] = j >= begin && j < end ? logit(p, head, i, j, s[a][b]) : kNegInf;
        m_new = fmaxf(m_new, s[a][b]);
      }
      m_new = warp_max<kLanes>(m_new);
      const float base = exponent_base(m_new), rescale = rescaling(m[a], base);
      m[a] = m_new;
      l[a] *= rescale;  // this thread's part of the row's sum; the parts meet at the end
#pragma unroll
      for (int t = 0; t < Pieces * Width; ++t) o[a][t] *= rescale;

      // Four neighbouring keys share a draw, and lie with four neighbouring threads: each thread of the four
      // draws for one of their columns b.
      unsigned kept = 0;
      if (p.dropout.on) {
        kept = kept_bits(p.dropout, head.batch_head, i, (col + lane) / 4 + 4 * (lane % 4));
      }
#pragma unroll
      for (int b = 0; b < Cols; ++b) {
        const int j = col + lane + kLanes * b;
        float w = weight(s[a][b], base);
        l[a] += w;
        if (p.dropout.on) {
          const unsigned bits = __shfl_sync(kAllLanes, kept, b, 4);
          w *= (bits >> (lane % 4) & 1u) != 0 ? p.dropout.scale : 0.0f;
        }
        p_rows[a * (Bc + kRowPadding) + lane + kLanes * b] = j >= begin && j < end ? w : kHidden;
      }
    }

    __syncthreads();  // K is done with; P is there
    load_tile<Bc, D, Stride, Threads>(kv_tile, values, p.v.row_stride, col, head.band.len_kv);
    __syncthreads();
    if (head.band.all_visible(row, Br, col, Bc)) {
      accumulate<false, Bc, Stride, Width, Pieces>(p_rows, kv_tile, lane, o);
    } else {
      accumulate<true, Bc, Stride, Width, Pieces>(p_rows, kv_tile, lane, o);
    }
  }

  __syncthreads();   // Q is done with, its tile becomes O's
  float lse = 0.0f;  // of row r + lane: a warp's 8 rows are one sector
#pragma unroll
  for (int a = 0; a < kRows; ++a) {
    const float sum = warp_sum<kLanes>(l[a]), norm = reciprocal_or_zero(sum);
#pragma unroll
    for (int t = 0; t < Pieces * Width; ++t) {
      const int column = (t / Width * kLanes + lane) * Width + t % Width;
      q_rows[a * Stride + column] = o[a][t] * norm;
    }
    if (lane == a) lse = log_sum_exp(m[a], sum);
  }
  const int i = row + r + lane;
  if (p.lse.data != nullptr && lane < kRows && i < head.rows_q) {
    head.queries<float>(p.lse)[i * p.lse.row_stride] = lse;
  }
  __syncthreads();
  store_tile<Br, D, Stride, Threads>(head.queries<T>(p.o), p.o.row_stride, row, head.rows_q, q_tile);
}

void flash2_05(const AttentionParams& p, void* on_stream) {
  const auto stream = static_cast<cudaStream_t>(on_stream);
  for_type_and_dim<kScalarAttention>(p.type, p.head_dim, [&]<class T, int D>() {
    constexpr Geometry kGeometry = kRegisterTile<D>;
    ATTNLAB_CUDA_CHECK(cudaFuncSetAttribute(flash2_registers_kernel<T, D>,
                                            cudaFuncAttributeMaxDynamicSharedMemorySize,
                                            static_cast<int>(kGeometry.shared_bytes)));
    const dim3 grid(static_cast<unsigned>((p.seqlen_q + kGeometry.br - 1) / kGeometry.br),
                    static_cast<unsigned>(p.heads_q), static_cast<unsigned>(p.batch));
    flash2_registers_kernel<T, D><<<grid, kGeometry.threads, kGeometry.shared_bytes, stream>>>(p);
    ATTNLAB_CUDA_LAUNCHED("flash2_registers_kernel");
  });
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
