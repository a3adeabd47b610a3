// Runs an algorithm on whole tensors, on any Memory: heads over threads, padding filled, heads of a GQA group
// one after the other.
#pragma once

#include <memory>
#include <vector>

#include "reference/attention/attention.h"
#include "reference/attention/run_head.h"
#include "reference/core/threads.h"

namespace attnlab::attention {

// Checks every tensor against the problem and settles the tile sizes. Throws InvalidArgument.
template <class T>
HeadPlan plan_forward(Algorithm algorithm, const Problem& problem, const ForwardTensors<T>& tensors,
                      const Options& options);
template <class T>
HeadPlan plan_backward(Algorithm algorithm, const Problem& problem, const BackwardTensors<T>& tensors,
                       const Options& options);

// A memory and workspaces for each thread that works on `pieces` independent pieces.
template <class Memory, class T>
class Workers {
 public:
  struct Worker {
    template <class... Args>
    explicit Worker(const Args&... args) : memory(args...) {}
    Memory memory;
    Workspace<T> workspace;
    std::vector<T> lse;  // when the caller wants none
  };

  template <class... MemoryArgs>
  Workers(Index pieces, int threads, const MemoryArgs&... args) : pieces_(pieces), threads_(threads) {
    for (int w = 0; w < worker_count(pieces, threads); ++w)
      workers_.push_back(std::make_unique<Worker>(args...));
  }
  // body(worker, index) for each piece.
  template <class Body>
  void run(Body body) {
    parallel_for_workers(pieces_, threads_,
                         [&](int w, Index index) { body(*workers_[static_cast<std::size_t>(w)], index); });
  }
  const std::vector<std::unique_ptr<Worker>>& all() const { return workers_; }

 private:
  Index pieces_;
  int threads_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

// The rows of one KV head of sequence b, in pages.
template <class T>
PagedMatrix<const T> paged_rows(const Problem& p, const TensorView<const T>& pool, const Pages& pages,
                                Index b, Index kv_head) {
  PagedMatrix<const T> rows(pool.head(0, kv_head, {0, p.kv_rows(b).size}));
  rows.table = pages.block_table + b * pages.stride;
  rows.page_size = p.page_size;
  rows.page_stride = pool.batch_stride;
  return rows;
}

template <class T>
Inputs<T> inputs_of(const Problem& p, const TensorView<const T>& q, const TensorView<const T>& k,
                    const TensorView<const T>& v, Index b, Index h, const Pages& pages = {}) {
  const Index tb = p.tensor_batch(b), kv_head = h / p.group_size();
  if (p.page_size > 0) {
    return {q.head(tb, h, p.q_rows(b)), paged_rows(p, k, pages, b, kv_head),
            paged_rows(p, v, pages, b, kv_head)};
  }
  return {q.head(tb, h, p.q_rows(b)), k.head(tb, kv_head, p.kv_rows(b)), v.head(tb, kv_head, p.kv_rows(b))};
}

// Sets the padding rows [used, seqlen) of one head to `value`.
template <class T>
void fill_padding(const Problem& p, const TensorView<T>& t, Index b, Index h, Index used, T value) {
  if (p.packed() || used == t.seqlen) return;
  as_eigen(t.head(b, h, {used, t.seqlen - used})).setConstant(value);
}

// A piece is a query head.
template <class Memory, class T>
void forward_on(Workers<Memory, T>& workers, const HeadPlan& plan, const Problem& p,
                const ForwardTensors<T>& t) {
  workers.run([&](auto& worker, Index index) {
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
    forward_head(worker.memory, plan, head_of(p, b, h), inputs_of<T>(p, t.q, t.k, t.v, b, h, t.pages),
                 t.o.head(tb, h, rows), lse, worker.workspace);
  });
}

// A piece is a KV head: the query heads of its group add to one dK and dV.
template <class Memory, class T>
void backward_on(Workers<Memory, T>& workers, const HeadPlan& plan, const Problem& p,
                 const BackwardTensors<T>& t) {
  workers.run([&](auto& worker, Index index) {
    const Index b = index / p.num_kv_heads, kv_head = index % p.num_kv_heads, tb = p.tensor_batch(b);
    const Rows rows = p.q_rows(b), kv_rows = p.kv_rows(b);
    fill_padding(p, t.dk, b, kv_head, kv_rows.size, T(0));
    fill_padding(p, t.dv, b, kv_head, kv_rows.size, T(0));
    for (Index h = kv_head * p.group_size(); h < (kv_head + 1) * p.group_size(); ++h) {
      fill_padding(p, t.dq, b, h, rows.size, T(0));
      const Gradients<T> grad{t.dq.head(tb, h, rows), t.dk.head(tb, kv_head, kv_rows),
                              t.dv.head(tb, kv_head, kv_rows)};
      backward_head<Memory, T>(worker.memory, plan, head_of(p, b, h), inputs_of<T>(p, t.q, t.k, t.v, b, h),
                               t.o.head(tb, h, rows), t.lse.head(tb, h, rows), t.dout.head(tb, h, rows), grad,
                               worker.workspace);
    }
  });
}

}  // namespace attnlab::attention
