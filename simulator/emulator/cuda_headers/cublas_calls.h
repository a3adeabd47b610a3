// What cuBLAS computes here: products of matrices and sums over vectors in device memory, by Eigen on the
// host. Of a call only the result counts: it is no kernel, so it has no counters, and caches do not see it.
//
// Matrices are stored by column, `ld` elements from column to column, as cuBLAS has them. Arguments are
// checked as those of the runtime API are: what is impossible, or not in device memory, is a finding at the
// line that calls, and nothing is computed. So is an input that nobody has written, which is computed with.
#pragma once

#include "simulator/emulator/cuda_headers/cublas_types.h"

namespace attnlab::emulator::libraries {

using namespace builtins;

// One matrix, or one for each of a batch: `stride` elements apart, or where the batch's pointers say, which
// `data` then points to.
struct Matrices {
  const void* data = nullptr;
  cudaDataType_t type = CUDA_R_32F;
  int ld = 0;
  long long stride = 0;
  bool pointers = false;
};

// C = alpha op(A) op(B) + beta C, of m x k and k x n. alpha and beta are on the host or the device, and of
// the type that goes with `compute`: float, double, half or int.
struct Product {
  cublasOperation_t op_a, op_b;
  int m, n, k;
  const void* alpha;
  Matrices a, b;
  const void* beta;
  Matrices c;
  cublasComputeType_t compute;
  int batch = 1;
  Matrices result = {};
  const void* bias = nullptr;
  bool relu = false;
};

// Sums are kept in float (in double for doubles, in 32 bits for integers) and rounded once to C's type: a GPU
// that adds in another order, or in half, differs by rounding. A combination of types that is not known is a
// finding.
// caller: of `function`, where that is not who calls here.
cublasStatus_t multiply(cublasHandle_t handle, const Product& product, const char* function,
                        const void* caller = nullptr);

// C = alpha op(A) + beta op(B), m x n.
template <class T>
cublasStatus_t add(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, int m, int n,
                   const T* alpha, const T* a, int lda, const T* beta, const T* b, int ldb, T* c, int ldc,
                   const char* function);

// y = alpha op(A) x + beta y, A of m x n; and A = alpha x y' + A.
template <class T>
cublasStatus_t multiply(cublasHandle_t handle, cublasOperation_t op, int m, int n, const T* alpha, const T* a,
                        int lda, const T* x, int incx, const T* beta, T* y, int incy, const char* function);
template <class T>
cublasStatus_t add_outer(cublasHandle_t handle, int m, int n, const T* alpha, const T* x, int incx,
                         const T* y, int incy, T* a, int lda, const char* function);

// What changes vectors of n elements, `inc` apart (backwards if negative).
enum class Update { axpy, copy, swap, scal };  // y += alpha x; y = x; y <-> x; y = alpha y
template <class T>
cublasStatus_t update(cublasHandle_t handle, Update what, int n, const T* alpha, T* x, int incx, T* y,
                      int incy, const char* function);

// What one number says of vectors; y is x's own where there is no second. Positions count from 1.
enum class Sum { dot, nrm2, asum };
template <class T>
cublasStatus_t sum(cublasHandle_t handle, Sum what, int n, const T* x, int incx, const T* y, int incy,
                   T* result, const char* function);
template <class T>
cublasStatus_t extreme(cublasHandle_t handle, bool largest, int n, const T* x, int incx, int* result,
                       const char* function);

}  // namespace attnlab::emulator::libraries
