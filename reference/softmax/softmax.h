// Softmax of the rows of a matrix on the CPU, by any algorithm of this folder, without Eigen in the
// interface.
//
// Edges, as in docs/semantics.md: -inf is a hidden entry with probability 0; a row with nothing but -inf
// gives zeros, and lse = -inf (naive: NaN); NaN or +inf anywhere makes the whole row NaN.
#pragma once

#include <span>

#include "reference/core/view.h"
#include "reference/softmax/algorithm.h"

namespace attnlab::softmax {

struct Options {
  Index bc = 0;     // elements of a row in SRAM at once; 0: the whole row
  int threads = 0;  // over rows; 0: one a core
};

// y = softmax(x), row by row; [rows, V] each. y may be x. Throws InvalidArgument when the shapes differ.
template <class T>
void forward(Algorithm algorithm, MatrixView<const T> x, MatrixView<T> y, const Options& options = {});

// lse[r] = log(sum exp(x[r])): x [rows, V], lse [rows].
template <class T>
void log_sum_exp(MatrixView<const T> x, std::span<T> lse, const Options& options = {});

// dx = y o (dy - rowsum(y o dy)), from y = softmax(x); [rows, V] each. dx may be dy.
template <class T>
void backward(MatrixView<const T> y, MatrixView<const T> dy, MatrixView<T> dx, const Options& options = {});

}  // namespace attnlab::softmax
