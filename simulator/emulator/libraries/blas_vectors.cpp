// Vectors, and a matrix with them (cublas_calls.h).
#include <algorithm>
#include <cmath>
#include <utility>

#include "simulator/emulator/cuda_headers/cublas_calls.h"
#include "simulator/emulator/libraries/cublas_handle.h"

namespace attnlab::emulator::libraries {
namespace {

// n elements, `step` apart, as BLAS has them: with a negative step the first is the last in memory.
template <class T>
class Vector {
 public:
  Vector(T* data, int n, int step)
      : memory_(data), first_(step >= 0 ? data : data - std::ptrdiff_t{n - 1} * step), n_(n), step_(step) {}

  T& operator[](int i) const { return first_[std::ptrdiff_t{i} * step_]; }
  int size() const { return n_; }
  bool read_by(Call& call, const char* name) const {
    return call.reads(name, memory_, sizeof(T), columns(), pitch());
  }
  bool written_by(Call& call, const char* name) const {
    return call.writes(name, memory_, sizeof(T), columns(), pitch());
  }
  void now_written(const Call& call) const { call.wrote(memory_, sizeof(T), columns(), pitch()); }

 private:
  std::size_t columns() const { return static_cast<std::size_t>(std::max(n_, 0)); }
  std::size_t pitch() const { return sizeof(T) * static_cast<std::size_t>(std::abs(step_)); }

  T* memory_;
  T* first_;
  int n_, step_;
};

template <class T>
double dot(const Vector<const T>& x, const Vector<const T>& y) {
  double sum = 0;
  for (int i = 0; i < x.size(); ++i) sum += static_cast<double>(x[i]) * static_cast<double>(y[i]);
  return sum;
}

}  // namespace

template <class T>
cublasStatus_t multiply(cublasHandle_t handle, cublasOperation_t op, int m, int n, const T* alpha, const T* a,
                        int lda, const T* x, int incx, const T* beta, T* y, int incy, const char* function) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  Call call(function, __builtin_return_address(0));
  call.expect(m >= 0 && n >= 0, "m and n not negative");
  call.expect(lda >= std::max(1, m), "lda at least m");
  call.expect(incx != 0 && incy != 0, "increments that are not 0");
  call.expect(alpha != nullptr && beta != nullptr, "alpha and beta, not null");
  if (!call.good() || m == 0 || n == 0) return status_of(call);
  const bool plain = op == CUBLAS_OP_N;
  const Vector<const T> in(x, plain ? n : m, incx);
  const Vector<T> out(y, plain ? m : n, incy);
  call.reads("A", a, sizeof(T) * static_cast<std::size_t>(m), static_cast<std::size_t>(n),
             sizeof(T) * static_cast<std::size_t>(lda));
  in.read_by(call, "x");
  if (*beta != 0) out.read_by(call, "y");
  if (!out.written_by(call, "y")) return status_of(call);
  for (int i = 0; i < out.size(); ++i) {
    const double product =
        dot(Vector<const T>(plain ? a + i : a + std::ptrdiff_t{i} * lda, in.size(), plain ? lda : 1), in);
    const double before = *beta != 0 ? static_cast<double>(*beta) * static_cast<double>(out[i]) : 0;
    out[i] = static_cast<T>(static_cast<double>(*alpha) * product + before);
  }
  out.now_written(call);
  return status_of(call);
}

template <class T>
cublasStatus_t add_outer(cublasHandle_t handle, int m, int n, const T* alpha, const T* x, int incx,
                         const T* y, int incy, T* a, int lda, const char* function) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  Call call(function, __builtin_return_address(0));
  call.expect(m >= 0 && n >= 0, "m and n not negative");
  call.expect(lda >= std::max(1, m), "lda at least m");
  call.expect(incx != 0 && incy != 0 && alpha != nullptr, "increments that are not 0, and alpha");
  if (!call.good() || m == 0 || n == 0) return status_of(call);
  const Vector<const T> left(x, m, incx), right(y, n, incy);
  left.read_by(call, "x");
  right.read_by(call, "y");
  const auto bytes = sizeof(T) * static_cast<std::size_t>(m),
             pitch = sizeof(T) * static_cast<std::size_t>(lda);
  call.reads("A", a, bytes, static_cast<std::size_t>(n), pitch);
  if (!call.writes("A", a, bytes, static_cast<std::size_t>(n), pitch)) return status_of(call);
  for (int j = 0; j < n; ++j)
    for (int i = 0; i < m; ++i) a[std::ptrdiff_t{j} * lda + i] += *alpha * left[i] * right[j];
  return status_of(call);
}

template <class T>
cublasStatus_t update(cublasHandle_t handle, Update what, int n, const T* alpha, T* x, int incx, T* y,
                      int incy, const char* function) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  Call call(function, __builtin_return_address(0));
  if (n <= 0) return CUBLAS_STATUS_SUCCESS;
  const bool scales = what == Update::scal, factor = scales || what == Update::axpy;
  call.expect(!factor || alpha != nullptr, "alpha, not null");
  call.expect(!scales || incy > 0, "a positive increment");
  const Vector<T> from(x, n, incx), to(y, n, incy);
  if (!scales) from.read_by(call, "x");
  if (what == Update::swap) from.written_by(call, "x");
  if (what != Update::copy) to.read_by(call, "y");
  if (!to.written_by(call, "y")) return status_of(call);
  for (int i = 0; i < n; ++i) {
    if (what == Update::axpy) to[i] += *alpha * from[i];
    if (what == Update::copy) to[i] = from[i];
    if (what == Update::swap) std::swap(to[i], from[i]);
    if (what == Update::scal) to[i] *= *alpha;
  }
  to.now_written(call);
  return status_of(call);
}

template <class T>
cublasStatus_t sum(cublasHandle_t handle, Sum what, int n, const T* x, int incx, const T* y, int incy,
                   T* result, const char* function) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  Call call(function, __builtin_return_address(0));
  if (!call.expect(result != nullptr, "a place for the result")) return status_of(call);
  const Vector<const T> first(x, n, incx), second(y, n, incy);
  first.read_by(call, "x");
  second.read_by(call, "y");
  if (handle->pointers == CUBLAS_POINTER_MODE_DEVICE) call.writes("the result", result, sizeof(T));
  if (!call.good()) return status_of(call);
  double all = 0;
  if (what == Sum::asum)
    for (int i = 0; i < n; ++i) all += std::fabs(static_cast<double>(first[i]));
  else
    all = dot(first, second);
  *result = static_cast<T>(what == Sum::nrm2 ? std::sqrt(all) : all);
  call.wrote(result, sizeof(T));
  return status_of(call);
}

template <class T>
cublasStatus_t extreme(cublasHandle_t handle, bool largest, int n, const T* x, int incx, int* result,
                       const char* function) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  Call call(function, __builtin_return_address(0));
  if (!call.expect(result != nullptr, "a place for the result")) return status_of(call);
  const Vector<const T> all(x, n, incx);
  all.read_by(call, "x");
  if (handle->pointers == CUBLAS_POINTER_MODE_DEVICE) call.writes("the result", result, sizeof(int));
  if (!call.good()) return status_of(call);
  int best = 0;
  for (int i = 1; i < n; ++i) {
    const T a = std::fabs(all[i]), b = std::fabs(all[best]);
    if (largest ? a > b : a < b) best = i;
  }
  *result = n > 0 ? best + 1 : 0;
  call.wrote(result, sizeof(int));
  return status_of(call);
}

#define ATTNLAB_BLAS(T)                                                                                      \
  template cublasStatus_t multiply<T>(cublasHandle_t, cublasOperation_t, int, int, const T*, const T*, int,  \
                                      const T*, int, const T*, T*, int, const char*);                        \
  template cublasStatus_t add_outer<T>(cublasHandle_t, int, int, const T*, const T*, int, const T*, int, T*, \
                                       int, const char*);                                                    \
  template cublasStatus_t update<T>(cublasHandle_t, Update, int, const T*, T*, int, T*, int, const char*);   \
  template cublasStatus_t sum<T>(cublasHandle_t, Sum, int, const T*, int, const T*, int, T*, const char*);   \
  template cublasStatus_t extreme<T>(cublasHandle_t, bool, int, const T*, int, int*, const char*);
ATTNLAB_BLAS(float)
ATTNLAB_BLAS(double)
#undef ATTNLAB_BLAS

}  // namespace attnlab::emulator::libraries
