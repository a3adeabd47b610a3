#include "reference/softmax/softmax.h"

#include <algorithm>
#include <string>
#include <vector>

#include "reference/core/errors.h"
#include "reference/core/shape.h"
#include "reference/core/threads.h"
#include "reference/softmax/algorithms.h"
#include "reference/softmax/backward.h"
#include "reference/softmax/log_sum_exp.h"

namespace attnlab::softmax {
namespace {

constexpr auto kAlgorithms = for_every_enumerator<Algorithm>([]<Algorithm kAlgorithm>() {
  AlgorithmInfo row = Text<kAlgorithm>::row;
  row.id = kAlgorithm;
  return row;
});

constexpr const char* kMeaning = "[rows, V]";

// Calls body(memory, row, bc) for every row of a [rows, cols] matrix.
template <class T, class Body>
void for_each_row(const char* name, MatrixView<const T> matrix, const Options& options, Body body) {
  if (matrix.rows < 0 || matrix.cols < 0) {
    throw InvalidArgument(name, shape_text({matrix.rows, matrix.cols}), "extents that are not negative");
  }
  if (matrix.data == nullptr && matrix.rows * matrix.cols != 0) {
    throw InvalidArgument(name, "no data", "a matrix");
  }
  if (options.bc < 0) throw InvalidArgument("bc", std::to_string(options.bc), "a positive size");
  const Index bc = options.bc != 0 ? options.bc : std::max<Index>(matrix.cols, 1);
  std::vector<Direct> memory(static_cast<std::size_t>(worker_count(matrix.rows, options.threads)));
  parallel_for_workers(matrix.rows, options.threads, [&](int worker, Index r) {
    body(memory[static_cast<std::size_t>(worker)], Rows{r, 1}, bc);
  });
}

}  // namespace

std::span<const AlgorithmInfo> algorithms() { return kAlgorithms; }

template <class T>
void forward(Algorithm algorithm, MatrixView<const T> x, MatrixView<T> y, const Options& options) {
  require_shape("y", y, x.rows, x.cols, kMeaning);
  with_enumerator(algorithm, [&]<Algorithm kAlgorithm>() {
    for_each_row("x", x, options, [&](Direct& memory, Rows r, Index bc) {
      Text<kAlgorithm>::forward(memory, x.middle(r), y.middle(r), bc);
    });
  });
}

template <class T>
void log_sum_exp(MatrixView<const T> x, std::span<T> lse, const Options& options) {
  const auto rows = static_cast<Index>(lse.size());
  if (rows != x.rows) {
    throw InvalidArgument("lse", std::to_string(rows) + " elements",
                          std::to_string(x.rows) + ", one per row");
  }
  const MatrixView<T> out{lse.data(), rows, 1, 1};
  for_each_row("x", x, options, [&](Direct& memory, Rows r, Index bc) {
    log_sum_exp(memory, x.middle(r), out.middle(r), bc);
  });
}

template <class T>
void backward(MatrixView<const T> y, MatrixView<const T> dy, MatrixView<T> dx, const Options& options) {
  require_shape("dy", dy, y.rows, y.cols, kMeaning);
  require_shape("dx", dx, y.rows, y.cols, kMeaning);
  for_each_row("y", y, options, [&](Direct& memory, Rows r, Index bc) {
    backward(memory, y.middle(r), dy.middle(r), dx.middle(r), bc);
  });
}

template void forward(Algorithm, MatrixView<const float>, MatrixView<float>, const Options&);
template void forward(Algorithm, MatrixView<const double>, MatrixView<double>, const Options&);
template void log_sum_exp(MatrixView<const float>, std::span<float>, const Options&);
template void log_sum_exp(MatrixView<const double>, std::span<double>, const Options&);
template void backward(MatrixView<const float>, MatrixView<const float>, MatrixView<float>, const Options&);
template void backward(MatrixView<const double>, MatrixView<const double>, MatrixView<double>,
                       const Options&);

}  // namespace attnlab::softmax
