// A thread owns one row of Q, a block 32 rows; K and V come through shared memory, 16 keys at a time.
#include <cuda_runtime.h>

#include <cmath>
#include <stdexcept>
#include <string>

#include "tests/oracle/zoo/mutants.h"

namespace attnlab::oracle::zoo::ATTNLAB_CUDA_BACKEND {
namespace {

enum Bug {
  kRight,
  kScaleMissing,
  kScaleTwice,
  kCausalOneTooMany,
  kCausalTopLeft,
  kCausalIgnored,
  kLastTileDropped,
  kRaggedTileDropped,
  kFirstTileSkipped,
  kTailNotMasked,
  kTailRowsUnwritten,
  kStaleTile,
  kVTransposed,
  kONotRescaled,
  kLNotRescaled,
  kLOfLastTile,
  kONotNormalised,
  kLseBase2,
  kLseUnscaled,
  kLseWithoutM,
  kKvHeadModulo,
  kKvHeadZero,
};

template <Bug bug>
__global__ void forward(MutantProblem p) {
  __shared__ float k_tile[kBlockKeys][kHeadDim], v_tile[kBlockKeys][kHeadDim];
  const int head = static_cast<int>(blockIdx.y), group = p.heads / p.heads_kv;
  const int kv_head = bug == kKvHeadModulo ? head % p.heads_kv : bug == kKvHeadZero ? 0 : head / group;
  const int block_row = static_cast<int>(blockIdx.x) * kBlockRows;
  const int row = block_row + static_cast<int>(threadIdx.x);
  const bool exists = row < p.seqlen_q;
  const int offset = bug == kCausalTopLeft ? 0 : p.seqlen_kv - p.seqlen_q;
  const float scale = bug == kScaleMissing ? 1.0f : bug == kScaleTwice ? p.scale * p.scale : p.scale;
  const bool causal = p.causal && bug != kCausalIgnored;

  float q[kHeadDim], o[kHeadDim];
  for (int c = 0; c < kHeadDim; ++c) {
    q[c] = exists ? p.q[(head * p.seqlen_q + row) * kHeadDim + c] : 0.0f;
    o[c] = 0.0f;
  }
  float m = -INFINITY, l = 0.0f;

  // One past the last key that a row of this block sees, in whole tiles.
  const int extra = bug == kCausalOneTooMany ? 1 : 0;
  int end = p.seqlen_kv;
  if (causal) end = min(end, min(block_row + kBlockRows, p.seqlen_q) + offset + extra);
  int tiles = end <= 0 ? 0 : (end + kBlockKeys - 1) / kBlockKeys;
  if (bug == kLastTileDropped) --tiles;
  if (bug == kRaggedTileDropped) tiles = min(tiles, p.seqlen_kv / kBlockKeys);
  for (int tile = bug == kFirstTileSkipped ? 1 : 0; tile < tiles; ++tile) {
    const int first = tile * kBlockKeys;
    __syncthreads();
    for (int e = static_cast<int>(threadIdx.x); e < kBlockKeys * kHeadDim; e += kBlockRows) {
      const int r = e / kHeadDim, c = e % kHeadDim, key = first + r;
      const int late = bug == kStaleTile && tile > 0 ? key - kBlockKeys : key;
      const int at = (kv_head * p.seqlen_kv + key) * kHeadDim + c;
      const int v_at = (kv_head * p.seqlen_kv + late) * kHeadDim + c;
      k_tile[r][c] = key < p.seqlen_kv ? p.k[at] : 0.0f;
      v_tile[r][c] = key < p.seqlen_kv ? p.v[v_at] : 0.0f;
    }
    __syncthreads();

    float s[kBlockKeys], m_new = m, sum = 0.0f;
    for (int r = 0; r < kBlockKeys; ++r) {
      float dot = 0.0f;
      for (int c = 0; c < kHeadDim; ++c) dot += q[c] * k_tile[r][c];
      const int key = first + r;
      const bool there = key < p.seqlen_kv || (bug == kTailNotMasked && !causal);
      const bool seen = there && (!causal || key <= row + offset + extra);
      s[r] = seen ? scale * dot : -INFINITY;
      m_new = fmaxf(m_new, s[r]);
    }
    const float base = m_new == -INFINITY ? 0.0f : m_new;
    const float rescale = expf(m - base);
    for (int r = 0; r < kBlockKeys; ++r) sum += s[r] = expf(s[r] - base);
    l = bug == kLOfLastTile ? sum : (bug == kLNotRescaled ? l : l * rescale) + sum;
    m = m_new;
    for (int c = 0; c < kHeadDim; ++c) {
      if (bug != kONotRescaled) o[c] *= rescale;
      for (int r = 0; r < kBlockKeys; ++r) {
        const int flat = c * kBlockKeys + r;  // of the tile as it lies in memory
        o[c] += s[r] * (bug == kVTransposed ? v_tile[flat / kHeadDim][flat % kHeadDim] : v_tile[r][c]);
      }
    }
  }
  if (!exists || (bug == kTailRowsUnwritten && block_row + kBlockRows > p.seqlen_q)) return;
  const float norm = l == 0.0f || bug == kONotNormalised ? 1.0f : 1.0f / l;
  for (int c = 0; c < kHeadDim; ++c) p.o[(head * p.seqlen_q + row) * kHeadDim + c] = o[c] * norm;
  float lse = l == 0.0f ? -INFINITY : m + logf(l);
  if (l != 0.0f && bug == kLseBase2) lse *= 1.44269504f;
  if (l != 0.0f && bug == kLseUnscaled) lse = m / p.scale + logf(l);
  if (l != 0.0f && bug == kLseWithoutM) lse = logf(l);
  p.lse[head * p.seqlen_q + row] = lse;
}

void require(cudaError_t error) {
  if (error != cudaSuccess) throw std::runtime_error(std::string("CUDA: ") + cudaGetErrorString(error));
}

// Device memory with a copy of the host's, or of nothing: NaN.
class OnDevice {
 public:
  OnDevice(const float* host, int count) : bytes_(static_cast<std::size_t>(count) * sizeof(float)) {
    require(cudaMalloc(&data_, bytes_));
    require(host == nullptr ? cudaMemset(data_, 0xff, bytes_)
                            : cudaMemcpy(data_, host, bytes_, cudaMemcpyHostToDevice));
  }
  ~OnDevice() { static_cast<void>(cudaFree(data_)); }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;
  void copy_out(float* host) const { require(cudaMemcpy(host, data_, bytes_, cudaMemcpyDeviceToHost)); }
  float* get() const { return static_cast<float*>(data_); }

 private:
  void* data_ = nullptr;
  std::size_t bytes_;
};

template <Bug bug>
void run(const MutantProblem& host) {
  const int queries = host.heads * host.seqlen_q, keys = host.heads_kv * host.seqlen_kv;
  const OnDevice q(host.q, queries * kHeadDim), k(host.k, keys * kHeadDim), v(host.v, keys * kHeadDim);
  const OnDevice o(nullptr, queries * kHeadDim), lse(nullptr, queries);
  MutantProblem p = host;
  p.q = q.get(), p.k = k.get(), p.v = v.get(), p.o = o.get(), p.lse = lse.get();
  const dim3 grid(static_cast<unsigned>((p.seqlen_q + kBlockRows - 1) / kBlockRows),
                  static_cast<unsigned>(p.heads));
  forward<bug><<<grid, kBlockRows>>>(p);
  require(cudaGetLastError());
  require(cudaDeviceSynchronize());
  o.copy_out(host.o);
  lse.copy_out(host.lse);
}

constexpr Mutant kMutants[] = {
    {"right", run<kRight>},
    {"scale-missing", run<kScaleMissing>},
    {"scale-twice", run<kScaleTwice>},
    {"causal-one-too-many", run<kCausalOneTooMany>},
    {"causal-top-left", run<kCausalTopLeft>},
    {"causal-ignored", run<kCausalIgnored>},
    {"last-tile-dropped", run<kLastTileDropped>},
    {"ragged-tile-dropped", run<kRaggedTileDropped>},
    {"first-tile-skipped", run<kFirstTileSkipped>},
    {"tail-not-masked", run<kTailNotMasked>},
    {"tail-rows-unwritten", run<kTailRowsUnwritten>},
    {"stale-tile", run<kStaleTile>},
    {"v-transposed", run<kVTransposed>},
    {"o-not-rescaled", run<kONotRescaled>},
    {"l-not-rescaled", run<kLNotRescaled>},
    {"l-of-last-tile", run<kLOfLastTile>},
    {"o-not-normalised", run<kONotNormalised>},
    {"lse-base-2", run<kLseBase2>},
    {"lse-unscaled", run<kLseUnscaled>},
    {"lse-without-m", run<kLseWithoutM>},
    {"kv-head-modulo", run<kKvHeadModulo>},
    {"kv-head-zero", run<kKvHeadZero>},
};

}  // namespace

std::span<const Mutant> mutants() { return kMutants; }

bool present() {
  int count = 0;
  return cudaGetDeviceCount(&count) == cudaSuccess && count > 0;
}

}  // namespace attnlab::oracle::zoo::ATTNLAB_CUDA_BACKEND
