#include "reference/attention/attention.h"

#include <cmath>
#include <limits>
#include <sstream>
#include <string>

#include "reference/attention/run_tensors.h"
#include "reference/core/errors.h"
#include "reference/core/shape.h"

namespace attnlab::attention {
namespace {

constexpr auto kAlgorithms = for_every_enumerator<Algorithm>([]<Algorithm kAlgorithm>() {
  AlgorithmInfo row = Text<kAlgorithm>::row;
  row.id = kAlgorithm;
  row.backward = HasBackward<kAlgorithm>;
  return row;
});

// The names of the algorithms that satisfy a condition, as "standard, flash2".
template <class Condition>
std::string names_of(Condition condition) {
  std::string names;
  for (const AlgorithmInfo& a : kAlgorithms) {
    if (condition(a)) names += (names.empty() ? "" : ", ") + std::string(a.name);
  }
  return names;
}

// The problem's numbers are computed with as T: refuses those that T does not hold.
template <class T>
void require_range(const char* argument, double value, double least = 0) {
  constexpr double kMax = std::numeric_limits<T>::max();
  if (std::abs(value) >= least && std::abs(value) <= kMax) return;
  std::ostringstream got, expected;
  got << value;
  expected << "a size from " << least << " to " << kMax << ", of the type that it is computed in";
  throw InvalidArgument(argument, got.str(), expected.str());
}

template <class T>
void require_numbers(const Problem& p) {
  require_range<T>("softmax_scale", p.scale());
  if (p.softcap != 0) require_range<T>("softcap", p.softcap, std::numeric_limits<T>::min());
  for (const double slope : p.alibi_slopes) require_range<T>("alibi_slopes", slope);
  for (const double sink : p.sinks) require_range<T>("sinks", sink);
}

// Every entry that a sequence needs names a page.
void require_pages(const Problem& p, const Pages& pages) {
  for (Index b = 0; b < p.batch; ++b) {
    const Index needed = ceil_div(p.kv_rows(b).size, p.page_size);
    if (needed > 0 && (pages.block_table == nullptr || pages.stride < needed)) {
      throw InvalidArgument("block_table",
                            pages.block_table == nullptr
                                ? std::string("nothing")
                                : std::to_string(pages.stride) + " entries a sequence",
                            std::to_string(needed) + " for sequence " + std::to_string(b));
    }
    for (Index n = 0; n < needed; ++n) {
      const std::int32_t page = pages.block_table[b * pages.stride + n];
      if (page < 0 || page >= pages.num_pages) {
        throw InvalidArgument("block_table", std::to_string(page),
                              "0 to " + std::to_string(pages.num_pages - 1) + " for page " +
                                  std::to_string(n) + " of sequence " + std::to_string(b));
      }
    }
  }
}

template <class T>
void require_inputs(const Problem& p, const TensorView<T>& q, const TensorView<T>& k, const TensorView<T>& v,
                    const Pages& pages = {}) {
  validate(p);
  require_numbers<std::remove_const_t<T>>(p);
  require_shape("q", q, {p.tensor_batches(), p.num_heads, p.tensor_rows_q(), p.head_dim});
  if (p.page_size > 0) {
    const char* meaning = "[num_pages, num_kv_heads, page_size, dim]";
    require_shape("k", k, {pages.num_pages, p.num_kv_heads, p.page_size, p.head_dim}, meaning);
    require_shape("v", v, {pages.num_pages, p.num_kv_heads, p.page_size, p.head_dim_v}, meaning);
    return require_pages(p, pages);
  }
  require_shape("k", k, {p.tensor_batches(), p.num_kv_heads, p.tensor_rows_kv(), p.head_dim});
  require_shape("v", v, {p.tensor_batches(), p.num_kv_heads, p.tensor_rows_kv(), p.head_dim_v});
}

HeadPlan make_plan(Algorithm algorithm, const Problem& p, const Options& options) {
  Tiles tiles = options.tiles;
  if (tiles.br < 0 || tiles.bc < 0) {
    throw InvalidArgument("tiles", std::to_string(tiles.br) + " x " + std::to_string(tiles.bc),
                          "positive sizes");
  }
  const AlgorithmInfo& row = info(algorithm);
  if (tiles.br == 0) tiles.br = row.cpu_tiles.br;
  if (tiles.bc == 0) tiles.bc = row.cpu_tiles.bc != 0 ? row.cpu_tiles.bc : std::max<Index>(p.seqlen_kv, 1);
  if (row.block_mask) {
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
    throw InvalidArgument("block_mask", "a mask", std::string("none with ") + row.name);
  }
  return {algorithm, tiles, options.block_mask};
}

}  // namespace

std::span<const AlgorithmInfo> algorithms() { return kAlgorithms; }

const AlgorithmInfo& info(Algorithm id) { return kAlgorithms.at(static_cast<std::size_t>(id)); }

const AlgorithmInfo& find_algorithm(std::string_view name) {
  for (const AlgorithmInfo& a : kAlgorithms) {
    if (a.name == name) return a;
  }
  throw InvalidArgument("algorithm", std::string(name),
                        "one of " + names_of([](const AlgorithmInfo&) { return true; }));
}

template <class T>
HeadPlan plan_forward(Algorithm algorithm, const Problem& p, const ForwardTensors<T>& t,
                      const Options& options) {
  require_inputs<const T>(p, t.q, t.k, t.v, t.pages);
  require_shape("o", t.o, {p.tensor_batches(), p.num_heads, p.tensor_rows_q(), p.head_dim_v});
  if (t.lse.data != nullptr)
    require_shape("lse", t.lse, {p.tensor_batches(), p.num_heads, p.tensor_rows_q(), 1});
  return make_plan(algorithm, p, options);
}

template <class T>
HeadPlan plan_backward(Algorithm algorithm, const Problem& p, const BackwardTensors<T>& t,
                       const Options& options) {
  if (!info(algorithm).backward) {
    throw InvalidArgument(
        "algorithm", info(algorithm).name,
        "one with a backward pass: " + names_of([](const AlgorithmInfo& a) { return a.backward; }));
  }
  if (p.page_size != 0) {
    throw InvalidArgument("page_size", std::to_string(p.page_size), "0 with a backward pass");
  }
  require_inputs<const T>(p, t.q, t.k, t.v);
  const auto require_like_o = [&](const char* name, const TensorView<const T>& tensor, Index dim) {
    require_shape(name, tensor, {p.tensor_batches(), p.num_heads, p.tensor_rows_q(), dim});
  };
  require_like_o("o", t.o, p.head_dim_v);
  require_like_o("lse", t.lse, 1);
  require_like_o("dout", t.dout, p.head_dim_v);
  require_shape("dq", t.dq, extents_of(t.q));
  require_shape("dk", t.dk, extents_of(t.k));
  require_shape("dv", t.dv, extents_of(t.v));
  return make_plan(algorithm, p, options);
}

template <class T>
void forward(Algorithm algorithm, const Problem& problem, const ForwardTensors<T>& tensors,
             const Options& options) {
  Workers<Direct, T> workers(problem.batch * problem.num_heads, options.threads);
  forward_on(workers, plan_forward(algorithm, problem, tensors, options), problem, tensors);
}

template <class T>
void backward(Algorithm algorithm, const Problem& problem, const BackwardTensors<T>& tensors,
              const Options& options) {
  Workers<Direct, T> workers(problem.batch * problem.num_kv_heads, options.threads);
  backward_on(workers, plan_backward(algorithm, problem, tensors, options), problem, tensors);
}

#define ATTNLAB_INSTANTIATE(T)                                                                           \
  template HeadPlan plan_forward(Algorithm, const Problem&, const ForwardTensors<T>&, const Options&);   \
  template HeadPlan plan_backward(Algorithm, const Problem&, const BackwardTensors<T>&, const Options&); \
  template void forward(Algorithm, const Problem&, const ForwardTensors<T>&, const Options&);            \
  template void backward(Algorithm, const Problem&, const BackwardTensors<T>&, const Options&);
ATTNLAB_INSTANTIATE(float)
ATTNLAB_INSTANTIATE(double)
#undef ATTNLAB_INSTANTIATE

}  // namespace attnlab::attention
