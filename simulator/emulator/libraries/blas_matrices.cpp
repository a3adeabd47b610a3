// Products and sums of matrices (cublas_calls.h).
#include <Eigen/Core>
#include <algorithm>
#include <cstdint>
#include <optional>

#include "simulator/emulator/cuda_headers/cublas_calls.h"
#include "simulator/emulator/libraries/cublas_handle.h"
#include "simulator/emulator/ptx/numbers.h"

namespace attnlab::emulator::libraries {
namespace {

using Eigen::Index;
template <class T>
using Dense = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;
template <class T>
using View = Eigen::Map<Dense<T>, 0, Eigen::OuterStride<>>;

std::size_t size_of(cudaDataType_t type) {
  switch (type) {
    case CUDA_R_64F:
      return 8;
    case CUDA_R_32F:
    case CUDA_R_32I:
      return 4;
    case CUDA_R_16F:
    case CUDA_R_16BF:
      return 2;
    case CUDA_R_8I:
      return 1;
    default:
      return 0;
  }
}

// Element i as a number of the type that sums are kept in.
template <class T>
T element(const void* data, cudaDataType_t type, Index i) {
  switch (type) {
    case CUDA_R_64F:
      return static_cast<T>(static_cast<const double*>(data)[i]);
    case CUDA_R_32F:
      return static_cast<T>(static_cast<const float*>(data)[i]);
    case CUDA_R_32I:
      return static_cast<T>(static_cast<const std::int32_t*>(data)[i]);
    case CUDA_R_8I:
      return static_cast<T>(static_cast<const std::int8_t*>(data)[i]);
    case CUDA_R_16F:
      return static_cast<T>(ptx::half_to_float(static_cast<const std::uint16_t*>(data)[i]));
    default:
      return static_cast<T>(ptx::brain_to_float(static_cast<const std::uint16_t*>(data)[i]));
  }
}

template <class T>
void set_element(void* data, cudaDataType_t type, Index i, T value) {
  switch (type) {
    case CUDA_R_64F:
      static_cast<double*>(data)[i] = static_cast<double>(value);
      break;
    case CUDA_R_32F:
      static_cast<float*>(data)[i] = static_cast<float>(value);
      break;
    case CUDA_R_32I:
      static_cast<std::int32_t*>(data)[i] = static_cast<std::int32_t>(value);
      break;
    default:
      static_cast<std::uint16_t*>(data)[i] = type == CUDA_R_16F ? ptx::to_half(static_cast<double>(value))
                                                                : ptx::to_brain(static_cast<double>(value));
  }
}

template <class T>
Dense<T> load(const void* data, cudaDataType_t type, int rows, int columns, int ld) {
  Dense<T> matrix(rows, columns);
  for (Index column = 0; column < columns; ++column)
    for (Index row = 0; row < rows; ++row) matrix(row, column) = element<T>(data, type, column * ld + row);
  return matrix;
}

template <class T>
Dense<T> turned(Dense<T>&& matrix, cublasOperation_t op) {
  if (op == CUBLAS_OP_N) return std::move(matrix);
  return matrix.transpose();
}

// The types of a product's numbers that go with a way of computing, as cuBLAS's table has them; without
// complex and 8-bit floating-point ones.
enum class Scale { float32, float64, half, int32 };
std::optional<Scale> scale_of(const Product& p) {
  const bool same = p.a.type == p.b.type;
  const auto is = [](cudaDataType_t type, std::initializer_list<cudaDataType_t> known) {
    return std::find(known.begin(), known.end(), type) != known.end();
  };
  switch (p.compute) {
    case CUBLAS_COMPUTE_16F:
    case CUBLAS_COMPUTE_16F_PEDANTIC:
      if (same && p.a.type == CUDA_R_16F && p.c.type == CUDA_R_16F) return Scale::half;
      return {};
    case CUBLAS_COMPUTE_64F:
    case CUBLAS_COMPUTE_64F_PEDANTIC:
      if (same && p.a.type == CUDA_R_64F && p.c.type == CUDA_R_64F) return Scale::float64;
      return {};
    case CUBLAS_COMPUTE_32I:
    case CUBLAS_COMPUTE_32I_PEDANTIC:
      if (same && p.a.type == CUDA_R_8I && p.c.type == CUDA_R_32I) return Scale::int32;
      return {};
    default:
      if (!same || !is(p.a.type, {CUDA_R_32F, CUDA_R_16F, CUDA_R_16BF, CUDA_R_8I})) return {};
      if (p.c.type == CUDA_R_32F || (p.c.type == p.a.type && p.a.type != CUDA_R_8I)) return Scale::float32;
      return {};
  }
}

template <class T, class S>
T scalar(const void* place) {
  return static_cast<T>(*static_cast<const S*>(place));
}
template <class T>
T scalar(const void* place, Scale scale) {
  switch (scale) {
    case Scale::float32:
      return scalar<T, float>(place);
    case Scale::float64:
      return scalar<T, double>(place);
    case Scale::int32:
      return scalar<T, std::int32_t>(place);
    case Scale::half:
      break;
  }
  return element<T>(place, CUDA_R_16F, 0);
}

// Where matrix number i of a batch begins.
const void* place(const Matrices& all, int i) {
  if (all.pointers) return static_cast<const void* const*>(all.data)[i];
  return static_cast<const std::byte*>(all.data) +
         static_cast<std::ptrdiff_t>(size_of(all.type)) * all.stride * i;
}

const Matrices& result_of(const Product& p) { return p.result.data != nullptr ? p.result : p.c; }

// A matrix as stored: bytes per column, columns, bytes from column to column.
struct Stored {
  std::size_t bytes, columns, pitch;
};
Stored stored(std::size_t size, int rows, int columns, int ld) {
  return {static_cast<std::size_t>(rows) * size, static_cast<std::size_t>(columns),
          static_cast<std::size_t>(ld) * size};
}

template <class T>
void product(const Product& p, Scale scale, int i) {
  const T alpha = scalar<T>(p.alpha, scale), beta = scalar<T>(p.beta, scale);
  const bool a_plain = p.op_a == CUBLAS_OP_N, b_plain = p.op_b == CUBLAS_OP_N;
  const void* const c = place(p.c, i);
  const Matrices& result = result_of(p);
  void* const d = const_cast<void*>(place(result, i));
  Dense<T> sum = Dense<T>::Zero(p.m, p.n);
  if (p.k > 0) {
    sum.noalias() =
        turned(load<T>(place(p.a, i), p.a.type, a_plain ? p.m : p.k, a_plain ? p.k : p.m, p.a.ld), p.op_a) *
        turned(load<T>(place(p.b, i), p.b.type, b_plain ? p.k : p.n, b_plain ? p.n : p.k, p.b.ld), p.op_b);
  }
  for (Index column = 0; column < p.n; ++column) {
    for (Index row = 0; row < p.m; ++row) {
      T value = alpha * sum(row, column);
      // Else C is not read, as in BLAS.
      if (beta != T(0)) value += beta * element<T>(c, p.c.type, column * p.c.ld + row);
      if (p.bias != nullptr) value += element<T>(p.bias, result.type, row);
      if (p.relu && value < T(0)) value = T(0);
      set_element<T>(d, result.type, column * result.ld + row, value);
    }
  }
}

bool is_operation(cublasOperation_t op) { return op >= CUBLAS_OP_N && op <= CUBLAS_OP_C; }

}  // namespace

cublasStatus_t multiply(cublasHandle_t handle, const Product& p, const char* function, const void* caller) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  Call call(function, caller != nullptr ? caller : __builtin_return_address(0));
  const bool a_plain = p.op_a == CUBLAS_OP_N, b_plain = p.op_b == CUBLAS_OP_N;
  call.expect(is_operation(p.op_a) && is_operation(p.op_b), "an operation of N, T or C");
  call.expect(p.m >= 0 && p.n >= 0 && p.k >= 0 && p.batch >= 0, "m, n, k and the batch not negative");
  call.expect(p.a.ld >= std::max(1, a_plain ? p.m : p.k), "lda at least the rows of A as stored");
  call.expect(p.b.ld >= std::max(1, b_plain ? p.k : p.n), "ldb at least the rows of B as stored");
  const Matrices& result = result_of(p);
  call.expect(p.c.ld >= std::max(1, p.m) && result.ld >= std::max(1, p.m), "ldc at least m");
  call.supported(result.type == p.c.type, "a result of another type than C");
  call.expect(p.alpha != nullptr && p.beta != nullptr, "alpha and beta, not null");
  const std::optional<Scale> scale = scale_of(p);
  call.supported(scale.has_value(), "this combination of types");
  if (!call.good() || p.m == 0 || p.n == 0 || p.batch == 0) return status_of(call);

  for (const auto& [name, matrices] :
       {std::pair("the pointers to A", &p.a), {"the pointers to B", &p.b}, {"the pointers to C", &p.c}}) {
    if (matrices->pointers)
      call.reads(name, matrices->data, sizeof(void*) * static_cast<std::size_t>(p.batch));
  }
  const bool reads_c = call.good() && scalar<double>(p.beta, *scale) != 0;
  const Stored a = stored(size_of(p.a.type), a_plain ? p.m : p.k, a_plain ? p.k : p.m, p.a.ld);
  const Stored b = stored(size_of(p.b.type), b_plain ? p.k : p.n, b_plain ? p.n : p.k, p.b.ld);
  const Stored c = stored(size_of(p.c.type), p.m, p.n, p.c.ld);
  const Stored d = stored(size_of(result.type), p.m, p.n, result.ld);
  if (p.bias != nullptr) call.reads("the bias", p.bias, d.bytes);
  for (int i = 0; call.good() && i < p.batch; ++i) {
    call.reads("A", place(p.a, i), a.bytes, a.columns, a.pitch);
    call.reads("B", place(p.b, i), b.bytes, b.columns, b.pitch);
    if (reads_c) call.reads("C", place(p.c, i), c.bytes, c.columns, c.pitch);
    call.writes(p.result.data != nullptr ? "D" : "C", place(result, i), d.bytes, d.columns, d.pitch);
  }
  for (int i = 0; call.good() && i < p.batch; ++i) {
    if (*scale == Scale::float64)
      product<double>(p, *scale, i);
    else if (*scale == Scale::int32)
      product<std::int32_t>(p, *scale, i);
    else
      product<float>(p, *scale, i);
    call.wrote(place(result, i), d.bytes, d.columns, d.pitch);
  }
  return status_of(call);
}

template <class T>
cublasStatus_t add(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, int m, int n,
                   const T* alpha, const T* a, int lda, const T* beta, const T* b, int ldb, T* c, int ldc,
                   const char* function) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  Call call(function, __builtin_return_address(0));
  const bool a_plain = op_a == CUBLAS_OP_N, b_plain = op_b == CUBLAS_OP_N;
  call.expect(m >= 0 && n >= 0, "m and n not negative");
  call.expect(
      lda >= std::max(1, a_plain ? m : n) && ldb >= std::max(1, b_plain ? m : n) && ldc >= std::max(1, m),
      "lda, ldb and ldc at least the rows as stored");
  call.expect(alpha != nullptr && beta != nullptr, "alpha and beta, not null");
  if (!call.good() || m == 0 || n == 0) return status_of(call);
  const Stored in_a = stored(sizeof(T), a_plain ? m : n, a_plain ? n : m, lda);
  const Stored in_b = stored(sizeof(T), b_plain ? m : n, b_plain ? n : m, ldb);
  const Stored out = stored(sizeof(T), m, n, ldc);
  const bool reads_a = *alpha != 0, reads_b = *beta != 0;
  if (reads_a) call.reads("A", a, in_a.bytes, in_a.columns, in_a.pitch);
  if (reads_b) call.reads("B", b, in_b.bytes, in_b.columns, in_b.pitch);
  if (!call.writes("C", c, out.bytes, out.columns, out.pitch)) return status_of(call);
  const auto part = [&](bool read, const T* factor, const T* from, bool plain, int ld) -> Dense<T> {
    if (!read) return Dense<T>::Zero(m, n);
    const Eigen::Map<const Dense<T>, 0, Eigen::OuterStride<>> view(from, plain ? m : n, plain ? n : m,
                                                                   Eigen::OuterStride<>(ld));
    if (plain) return *factor * view;
    return *factor * view.transpose();
  };
  View<T>(c, m, n, Eigen::OuterStride<>(ldc)) =
      part(reads_a, alpha, a, a_plain, lda) + part(reads_b, beta, b, b_plain, ldb);
  call.wrote(c, out.bytes, out.columns, out.pitch);
  return status_of(call);
}

#define ATTNLAB_BLAS(T)                                                                                    \
  template cublasStatus_t add<T>(cublasHandle_t, cublasOperation_t, cublasOperation_t, int, int, const T*, \
                                 const T*, int, const T*, const T*, int, T*, int, const char*);
ATTNLAB_BLAS(float)
ATTNLAB_BLAS(double)
#undef ATTNLAB_BLAS

}  // namespace attnlab::emulator::libraries
