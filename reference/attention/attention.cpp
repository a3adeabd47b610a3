#include "reference/attention/attention.h"

#include <string>
#include <vector>

#include "reference/attention/run_head.h"
#include "reference/core/errors.h"
#include "reference/core/threads.h"

namespace attnlab::attention {
namespace {

constexpr AlgorithmInfo kAlgorithms[] = {
    {Algorithm::standard, "standard", "Standard attention, S and P materialised",
     "Dao et al. 2022, Algorithms 0 and 3", false, false},
    {Algorithm::flash1, "flash1", "FlashAttention",
     "Dao et al. 2022, Algorithms 1, 2 and 4; HBM traffic as in Figure 2", false, false},
    {Algorithm::flash1_literal, "flash1-literal",
     "FlashAttention, to the letter: O, l, m, dQ initialised in HBM",
     "Dao et al. 2022, Algorithms 1, 2 and 4", false, false},
    {Algorithm::flash2, "flash2", "FlashAttention-2", "Dao 2023, Algorithms 1 and 2", true, false},
    {Algorithm::blocksparse, "blocksparse", "Block-sparse FlashAttention", "Dao et al. 2022, Algorithm 5",
     true, true},
};

std::string shape(Index batch, Index heads, Index seqlen, Index dim) {
  return "[" + std::to_string(batch) + ", " + std::to_string(heads) + ", " + std::to_string(seqlen) + ", " +
         std::to_string(dim) + "]";
}

template <class T>
void require_shape(const char* name, const TensorView<T>& t, Index batch, Index heads, Index seqlen,
                   Index dim) {
  if (t.batch != batch || t.heads != heads || t.seqlen != seqlen || t.dim != dim) {
    throw InvalidArgument(name, shape(t.batch, t.heads, t.seqlen, t.dim),
                          "[batch, heads, seqlen, dim] = " + shape(batch, heads, seqlen, dim));
  }
  if (t.data == nullptr && batch * heads * seqlen * dim != 0)
    throw InvalidArgument(name, "no data", "a tensor");
}

template <class T>
void require_inputs(const Problem& p, const TensorView<T>& q, const TensorView<T>& k,
                    const TensorView<T>& v) {
  validate(p);
  require_shape("q", q, p.tensor_batches(), p.num_heads, p.tensor_rows_q(), p.head_dim);
  require_shape("k", k, p.tensor_batches(), p.num_kv_heads, p.tensor_rows_kv(), p.head_dim);
  require_shape("v", v, p.tensor_batches(), p.num_kv_heads, p.tensor_rows_kv(), p.head_dim_v);
}

HeadPlan make_plan(Algorithm algorithm, const Problem& p, const Options& options) {
  Tiles tiles = options.tiles;
  if (tiles.br < 0 || tiles.bc < 0) {
    throw InvalidArgument("tiles", std::to_string(tiles.br) + " x " + std::to_string(tiles.bc),
                          "positive sizes");
  }
  // Measured on AVX-512 and AVX2 machines: tiles of scores that stay in the L2 cache.
  if (tiles.br == 0) tiles.br = algorithm == Algorithm::standard ? 256 : 128;
  if (tiles.bc == 0) tiles.bc = algorithm == Algorithm::standard ? std::max<Index>(p.seqlen_kv, 1) : 512;
  if (info(algorithm).block_mask) {
    const BlockMask& mask = options.block_mask;
    if (options.tiles.br == 0 || options.tiles.bc == 0) {
      throw InvalidArgument("tiles", "none", "the block sizes that the block mask is drawn on");
    }
    if (!mask.dense() && (mask.row_blocks != ceil_div(p.seqlen_q, tiles.br) ||
                          mask.col_blocks != ceil_div(p.seqlen_kv, tiles.bc))) {
      throw InvalidArgument("block_mask",
                            std::to_string(mask.row_blocks) + " x " + std::to_string(mask.col_blocks),
                            std::to_string(ceil_div(p.seqlen_q, tiles.br)) + " x " +
                                std::to_string(ceil_div(p.seqlen_kv, tiles.bc)) + " blocks");
    }
  } else if (!options.block_mask.dense()) {
    throw InvalidArgument("block_mask", "a mask", std::string("none with ") + info(algorithm).name);
  }
  return {algorithm, tiles, options.block_mask};
}

template <class T>
Inputs<T> inputs_of(const Problem& p, const TensorView<const T>& q, const TensorView<const T>& k,
                    const TensorView<const T>& v, Index b, Index h) {
  const Index kv_head = h / p.group_size();
  return {q.head(p.tensor_batch(b), h, p.q_rows(b)), k.head(p.tensor_batch(b), kv_head, p.kv_rows(b)),
          v.head(p.tensor_batch(b), kv_head, p.kv_rows(b))};
}

// Sets the padding rows [used, seqlen) of one head to `value`.
template <class T>
void fill_padding(const Problem& p, const TensorView<T>& t, Index b, Index h, Index used, T value) {
  if (p.packed() || used == t.seqlen) return;
  as_eigen(t.head(b, h, {used, t.seqlen - used})).setConstant(value);
}

}  // namespace

std::span<const AlgorithmInfo> algorithms() { return kAlgorithms; }

const AlgorithmInfo& info(Algorithm id) { return kAlgorithms[static_cast<std::size_t>(id)]; }

const AlgorithmInfo& find_algorithm(std::string_view name) {
  std::string names;
  for (const AlgorithmInfo& a : kAlgorithms) {
    if (a.name == name) return a;
    names += (names.empty() ? "" : ", ") + std::string(a.name);
  }
  throw InvalidArgument("algorithm", std::string(name), "one of " + names);
}

template <class T>
void forward(Algorithm algorithm, const Problem& p, const ForwardTensors<T>& t, const Options& options) {
  require_inputs<const T>(p, t.q, t.k, t.v);
  require_shape("o", t.o, p.tensor_batches(), p.num_heads, p.tensor_rows_q(), p.head_dim_v);
  if (t.lse.data != nullptr)
    require_shape("lse", t.lse, p.tensor_batches(), p.num_heads, p.tensor_rows_q(), 1);
  const HeadPlan plan = make_plan(algorithm, p, options);

  const Index heads = p.batch * p.num_heads;
  struct Worker {
    Direct memory;
    Workspace<T> workspace;
    std::vector<T> lse;
  };
  std::vector<Worker> workers(static_cast<std::size_t>(worker_count(heads, options.threads)));
  parallel_for_workers(heads, options.threads, [&](int w, Index index) {
    Worker& worker = workers[static_cast<std::size_t>(w)];
    const Index b = index / p.num_heads, h = index % p.num_heads, tb = p.tensor_batch(b);
    const Rows rows = p.q_rows(b);
    MatrixView<T> lse;
    if (t.lse.data != nullptr) {
      lse = t.lse.head(tb, h, rows);
      fill_padding(p, t.lse, b, h, rows.size, kNegInf<T>);
    } else {
      worker.lse.resize(static_cast<std::size_t>(rows.size));
      lse = {worker.lse.data(), rows.size, 1, 1};
    }
    fill_padding(p, t.o, b, h, rows.size, T(0));
    forward_head(worker.memory, plan, head_of(p, b, h), inputs_of<T>(p, t.q, t.k, t.v, b, h),
                 t.o.head(tb, h, rows), lse, worker.workspace);
  });
}

template <class T>
void backward(Algorithm algorithm, const Problem& p, const BackwardTensors<T>& t, const Options& options) {
  require_inputs<const T>(p, t.q, t.k, t.v);
  const auto require_like_o = [&](const char* name, const TensorView<const T>& tensor, Index dim) {
    require_shape(name, tensor, p.tensor_batches(), p.num_heads, p.tensor_rows_q(), dim);
  };
  require_like_o("o", t.o, p.head_dim_v);
  require_like_o("lse", t.lse, 1);
  require_like_o("dout", t.dout, p.head_dim_v);
  require_shape("dq", t.dq, t.q.batch, t.q.heads, t.q.seqlen, t.q.dim);
  require_shape("dk", t.dk, t.k.batch, t.k.heads, t.k.seqlen, t.k.dim);
  require_shape("dv", t.dv, t.v.batch, t.v.heads, t.v.seqlen, t.v.dim);
  const HeadPlan plan = make_plan(algorithm, p, options);

  struct Worker {
    Direct memory;
    Workspace<T> workspace;
  };
  const Index groups = p.batch * p.num_kv_heads;
  std::vector<Worker> workers(static_cast<std::size_t>(worker_count(groups, options.threads)));
  // A group's query heads run one after the other: they add to the same dK and dV.
  parallel_for_workers(groups, options.threads, [&](int w, Index index) {
    Worker& worker = workers[static_cast<std::size_t>(w)];
    const Index b = index / p.num_kv_heads, kv_head = index % p.num_kv_heads, tb = p.tensor_batch(b);
    const Rows rows = p.q_rows(b), kv_rows = p.kv_rows(b);
    fill_padding(p, t.dk, b, kv_head, kv_rows.size, T(0));
    fill_padding(p, t.dv, b, kv_head, kv_rows.size, T(0));
    for (Index h = kv_head * p.group_size(); h < (kv_head + 1) * p.group_size(); ++h) {
      fill_padding(p, t.dq, b, h, rows.size, T(0));
      const Gradients<T> grad{t.dq.head(tb, h, rows), t.dk.head(tb, kv_head, kv_rows),
                              t.dv.head(tb, kv_head, kv_rows)};
      backward_head<Direct, T>(worker.memory, plan, head_of(p, b, h), inputs_of<T>(p, t.q, t.k, t.v, b, h),
                               t.o.head(tb, h, rows), t.lse.head(tb, h, rows), t.dout.head(tb, h, rows), grad,
                               worker.workspace);
    }
  });
}

template void forward(Algorithm, const Problem&, const ForwardTensors<float>&, const Options&);
template void forward(Algorithm, const Problem&, const ForwardTensors<double>&, const Options&);
template void backward(Algorithm, const Problem&, const BackwardTensors<float>&, const Options&);
template void backward(Algorithm, const Problem&, const BackwardTensors<double>&, const Options&);

}  // namespace attnlab::attention
