// cuBLAS: products of matrices and the usual functions of vectors in float, double and (products) half,
// bfloat16 and 8-bit integers, computed on the host (simulator/emulator/cuda_headers/cublas_calls.h) and not
// counted. The others answer CUBLAS_STATUS_NOT_SUPPORTED.
#pragma once

#define CUBLAS_V2_H_
#define CUBLAS_API_H_

#include <cstdint>

#include "cuComplex.h"
#include "cublas_types.h"
#include "cuda_bf16.h"
#include "cuda_fp16.h"
#include "not_supported.h"
#include "simulator/emulator/cuda_headers/cublas_calls.h"

#define CUBLAS_VER_MAJOR 13
#define CUBLAS_VER_MINOR 0
#define CUBLAS_VERSION 130000

namespace attnlab::emulator::builtins {

cublasStatus_t cublasCreate(cublasHandle_t* handle);
cublasStatus_t cublasDestroy(cublasHandle_t handle);
cublasStatus_t cublasGetVersion(cublasHandle_t handle, int* version);
cublasStatus_t cublasSetWorkspace(cublasHandle_t handle, void* workspace, std::size_t bytes);
cublasStatus_t cublasSetStream(cublasHandle_t handle, api::cudaStream_t stream);
cublasStatus_t cublasGetStream(cublasHandle_t handle, api::cudaStream_t* stream);
cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode);
cublasStatus_t cublasGetMathMode(cublasHandle_t handle, cublasMath_t* mode);
cublasStatus_t cublasSetPointerMode(cublasHandle_t handle, cublasPointerMode_t mode);
cublasStatus_t cublasGetPointerMode(cublasHandle_t handle, cublasPointerMode_t* mode);
cublasStatus_t cublasSetAtomicsMode(cublasHandle_t handle, cublasAtomicsMode_t mode);
cublasStatus_t cublasGetAtomicsMode(cublasHandle_t handle, cublasAtomicsMode_t* mode);
const char* cublasGetStatusName(cublasStatus_t status);
const char* cublasGetStatusString(cublasStatus_t status);
#define cublasCreate_v2 cublasCreate
#define cublasDestroy_v2 cublasDestroy

// --- copies: columns of a matrix, elements of a vector ---------------------------------------------------
#define ATTNLAB_CUBLAS_COPY(name, direction)                                                             \
  ATTNLAB_BUILTIN cublasStatus_t cublas##name##Matrix(int rows, int columns, int size, const void* from, \
                                                      int ld_from, void* to, int ld_to) {                \
    const auto bytes = [size](int count) {                                                               \
      return static_cast<std::size_t>(count) * static_cast<std::size_t>(size);                           \
    };                                                                                                   \
    return api::cudaMemcpy2D(to, bytes(ld_to), from, bytes(ld_from), bytes(rows),                        \
                             static_cast<std::size_t>(columns), direction) == api::cudaSuccess           \
               ? CUBLAS_STATUS_SUCCESS                                                                   \
               : CUBLAS_STATUS_MAPPING_ERROR;                                                            \
  }                                                                                                      \
  ATTNLAB_BUILTIN cublasStatus_t cublas##name##Vector(int n, int size, const void* from, int inc_from,   \
                                                      void* to, int inc_to) {                            \
    return cublas##name##Matrix(1, n, size, from, inc_from, to, inc_to);                                 \
  }
ATTNLAB_CUBLAS_COPY(Set, api::cudaMemcpyHostToDevice)
ATTNLAB_CUBLAS_COPY(Get, api::cudaMemcpyDeviceToHost)
#undef ATTNLAB_CUBLAS_COPY

// --- products of matrices --------------------------------------------------------------------------------
ATTNLAB_BUILTIN cublasComputeType_t attnlab_compute_type(cudaDataType_t type) {
  switch (type) {
    case CUDA_R_16F:
      return CUBLAS_COMPUTE_16F;
    case CUDA_R_64F:
      return CUBLAS_COMPUTE_64F;
    case CUDA_R_32I:
      return CUBLAS_COMPUTE_32I;
    default:
      return CUBLAS_COMPUTE_32F;
  }
}
ATTNLAB_BUILTIN cublasComputeType_t attnlab_compute_type(cublasComputeType_t type) { return type; }

template <class Compute>
ATTNLAB_BUILTIN cublasStatus_t cublasGemmEx(cublasHandle_t handle, cublasOperation_t op_a,
                                            cublasOperation_t op_b, int m, int n, int k, const void* alpha,
                                            const void* a, cudaDataType_t a_type, int lda, const void* b,
                                            cudaDataType_t b_type, int ldb, const void* beta, void* c,
                                            cudaDataType_t c_type, int ldc, Compute compute,
                                            cublasGemmAlgo_t) {
  return libraries::multiply(handle,
                             {op_a,
                              op_b,
                              m,
                              n,
                              k,
                              alpha,
                              {a, a_type, lda},
                              {b, b_type, ldb},
                              beta,
                              {c, c_type, ldc},
                              attnlab_compute_type(compute)},
                             "cublasGemmEx");
}
template <class Compute>
ATTNLAB_BUILTIN cublasStatus_t cublasGemmStridedBatchedEx(
    cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, int m, int n, int k,
    const void* alpha, const void* a, cudaDataType_t a_type, int lda, long long stride_a, const void* b,
    cudaDataType_t b_type, int ldb, long long stride_b, const void* beta, void* c, cudaDataType_t c_type,
    int ldc, long long stride_c, int batch, Compute compute, cublasGemmAlgo_t) {
  return libraries::multiply(handle,
                             {op_a,
                              op_b,
                              m,
                              n,
                              k,
                              alpha,
                              {a, a_type, lda, stride_a},
                              {b, b_type, ldb, stride_b},
                              beta,
                              {c, c_type, ldc, stride_c},
                              attnlab_compute_type(compute),
                              batch},
                             "cublasGemmStridedBatchedEx");
}
template <class Compute>
ATTNLAB_BUILTIN cublasStatus_t cublasGemmBatchedEx(cublasHandle_t handle, cublasOperation_t op_a,
                                                   cublasOperation_t op_b, int m, int n, int k,
                                                   const void* alpha, const void* const a[],
                                                   cudaDataType_t a_type, int lda, const void* const b[],
                                                   cudaDataType_t b_type, int ldb, const void* beta,
                                                   void* const c[], cudaDataType_t c_type, int ldc, int batch,
                                                   Compute compute, cublasGemmAlgo_t) {
  return libraries::multiply(handle,
                             {op_a,
                              op_b,
                              m,
                              n,
                              k,
                              alpha,
                              {a, a_type, lda, 0, true},
                              {b, b_type, ldb, 0, true},
                              beta,
                              {c, c_type, ldc, 0, true},
                              attnlab_compute_type(compute),
                              batch},
                             "cublasGemmBatchedEx");
}
ATTNLAB_BUILTIN cublasStatus_t cublasSgemmEx(cublasHandle_t handle, cublasOperation_t op_a,
                                             cublasOperation_t op_b, int m, int n, int k, const float* alpha,
                                             const void* a, cudaDataType_t a_type, int lda, const void* b,
                                             cudaDataType_t b_type, int ldb, const float* beta, void* c,
                                             cudaDataType_t c_type, int ldc) {
  return libraries::multiply(handle,
                             {op_a,
                              op_b,
                              m,
                              n,
                              k,
                              alpha,
                              {a, a_type, lda},
                              {b, b_type, ldb},
                              beta,
                              {c, c_type, ldc},
                              CUBLAS_COMPUTE_32F},
                             "cublasSgemmEx");
}

#define ATTNLAB_CUBLAS_GEMM(letter, T, type, compute)                                                        \
  ATTNLAB_BUILTIN cublasStatus_t cublas##letter##gemm(                                                       \
      cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, int m, int n, int k,            \
      const T* alpha, const T* a, int lda, const T* b, int ldb, const T* beta, T* c, int ldc) {              \
    return libraries::multiply(                                                                              \
        handle, {op_a, op_b, m, n, k, alpha, {a, type, lda}, {b, type, ldb}, beta, {c, type, ldc}, compute}, \
        "cublas" #letter "gemm");                                                                            \
  }                                                                                                          \
  ATTNLAB_BUILTIN cublasStatus_t cublas##letter##gemmStridedBatched(                                         \
      cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, int m, int n, int k,            \
      const T* alpha, const T* a, int lda, long long stride_a, const T* b, int ldb, long long stride_b,      \
      const T* beta, T* c, int ldc, long long stride_c, int batch) {                                         \
    return libraries::multiply(handle,                                                                       \
                               {op_a,                                                                        \
                                op_b,                                                                        \
                                m,                                                                           \
                                n,                                                                           \
                                k,                                                                           \
                                alpha,                                                                       \
                                {a, type, lda, stride_a},                                                    \
                                {b, type, ldb, stride_b},                                                    \
                                beta,                                                                        \
                                {c, type, ldc, stride_c},                                                    \
                                compute,                                                                     \
                                batch},                                                                      \
                               "cublas" #letter "gemmStridedBatched");                                       \
  }                                                                                                          \
  ATTNLAB_BUILTIN cublasStatus_t cublas##letter##gemmBatched(                                                \
      cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, int m, int n, int k,            \
      const T* alpha, const T* const a[], int lda, const T* const b[], int ldb, const T* beta, T* const c[], \
      int ldc, int batch) {                                                                                  \
    return libraries::multiply(handle,                                                                       \
                               {op_a,                                                                        \
                                op_b,                                                                        \
                                m,                                                                           \
                                n,                                                                           \
                                k,                                                                           \
                                alpha,                                                                       \
                                {a, type, lda, 0, true},                                                     \
                                {b, type, ldb, 0, true},                                                     \
                                beta,                                                                        \
                                {c, type, ldc, 0, true},                                                     \
                                compute,                                                                     \
                                batch},                                                                      \
                               "cublas" #letter "gemmBatched");                                              \
  }
ATTNLAB_CUBLAS_GEMM(S, float, CUDA_R_32F, CUBLAS_COMPUTE_32F)
ATTNLAB_CUBLAS_GEMM(D, double, CUDA_R_64F, CUBLAS_COMPUTE_64F)
ATTNLAB_CUBLAS_GEMM(H, __half, CUDA_R_16F, CUBLAS_COMPUTE_16F)
#undef ATTNLAB_CUBLAS_GEMM

// --- vectors ---------------------------------------------------------------------------------------------
#define ATTNLAB_CUBLAS_VECTORS(S, Is, T)                                                                     \
  ATTNLAB_BUILTIN cublasStatus_t cublas##S##geam(                                                            \
      cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, int m, int n, const T* alpha,   \
      const T* a, int lda, const T* beta, const T* b, int ldb, T* c, int ldc) {                              \
    return libraries::add(handle, op_a, op_b, m, n, alpha, a, lda, beta, b, ldb, c, ldc,                     \
                          "cublas" #S "geam");                                                               \
  }                                                                                                          \
  ATTNLAB_BUILTIN cublasStatus_t cublas##S##gemv(cublasHandle_t handle, cublasOperation_t op, int m, int n,  \
                                                 const T* alpha, const T* a, int lda, const T* x, int incx,  \
                                                 const T* beta, T* y, int incy) {                            \
    return libraries::multiply(handle, op, m, n, alpha, a, lda, x, incx, beta, y, incy, "cublas" #S "gemv"); \
  }                                                                                                          \
  ATTNLAB_BUILTIN cublasStatus_t cublas##S##ger(cublasHandle_t handle, int m, int n, const T* alpha,         \
                                                const T* x, int incx, const T* y, int incy, T* a, int lda) { \
    return libraries::add_outer(handle, m, n, alpha, x, incx, y, incy, a, lda, "cublas" #S "ger");           \
  }                                                                                                          \
  ATTNLAB_BUILTIN cublasStatus_t cublas##S##axpy(cublasHandle_t handle, int n, const T* alpha, const T* x,   \
                                                 int incx, T* y, int incy) {                                 \
    return libraries::update(handle, libraries::Update::axpy, n, alpha, const_cast<T*>(x), incx, y, incy,    \
                             "cublas" #S "axpy");                                                            \
  }                                                                                                          \
  ATTNLAB_BUILTIN cublasStatus_t cublas##S##copy(cublasHandle_t handle, int n, const T* x, int incx, T* y,   \
                                                 int incy) {                                                 \
    return libraries::update(handle, libraries::Update::copy, n, static_cast<const T*>(nullptr),             \
                             const_cast<T*>(x), incx, y, incy, "cublas" #S "copy");                          \
  }                                                                                                          \
  ATTNLAB_BUILTIN cublasStatus_t cublas##S##swap(cublasHandle_t handle, int n, T* x, int incx, T* y,         \
                                                 int incy) {                                                 \
    return libraries::update(handle, libraries::Update::swap, n, static_cast<const T*>(nullptr), x, incx, y, \
                             incy, "cublas" #S "swap");                                                      \
  }                                                                                                          \
  ATTNLAB_BUILTIN cublasStatus_t cublas##S##scal(cublasHandle_t handle, int n, const T* alpha, T* x,         \
                                                 int incx) {                                                 \
    return libraries::update(handle, libraries::Update::scal, n, alpha, x, incx, x, incx,                    \
                             "cublas" #S "scal");                                                            \
  }                                                                                                          \
  ATTNLAB_BUILTIN cublasStatus_t cublas##S##dot(cublasHandle_t handle, int n, const T* x, int incx,          \
                                                const T* y, int incy, T* result) {                           \
    return libraries::sum(handle, libraries::Sum::dot, n, x, incx, y, incy, result, "cublas" #S "dot");      \
  }                                                                                                          \
  ATTNLAB_BUILTIN cublasStatus_t cublas##S##nrm2(cublasHandle_t handle, int n, const T* x, int incx,         \
                                                 T* result) {                                                \
    return libraries::sum(handle, libraries::Sum::nrm2, n, x, incx, x, incx, result, "cublas" #S "nrm2");    \
  }                                                                                                          \
  ATTNLAB_BUILTIN cublasStatus_t cublas##S##asum(cublasHandle_t handle, int n, const T* x, int incx,         \
                                                 T* result) {                                                \
    return libraries::sum(handle, libraries::Sum::asum, n, x, incx, x, incx, result, "cublas" #S "asum");    \
  }                                                                                                          \
  ATTNLAB_BUILTIN cublasStatus_t cublas##Is##amax(cublasHandle_t handle, int n, const T* x, int incx,        \
                                                  int* result) {                                             \
    return libraries::extreme(handle, true, n, x, incx, result, "cublas" #Is "amax");                        \
  }                                                                                                          \
  ATTNLAB_BUILTIN cublasStatus_t cublas##Is##amin(cublasHandle_t handle, int n, const T* x, int incx,        \
                                                  int* result) {                                             \
    return libraries::extreme(handle, false, n, x, incx, result, "cublas" #Is "amin");                       \
  }
ATTNLAB_CUBLAS_VECTORS(S, Is, float)
ATTNLAB_CUBLAS_VECTORS(D, Id, double)
#undef ATTNLAB_CUBLAS_VECTORS

// --- what is not there -----------------------------------------------------------------------------------
#define ATTNLAB_CUBLAS(name) ATTNLAB_NOT_SUPPORTED(name, cublasStatus_t, CUBLAS_STATUS_NOT_SUPPORTED)
#define ATTNLAB_CUBLAS_COMPLEX(name) ATTNLAB_CUBLAS(cublasC##name) ATTNLAB_CUBLAS(cublasZ##name)
#define ATTNLAB_CUBLAS_TYPED(name) \
  ATTNLAB_CUBLAS(cublasS##name) ATTNLAB_CUBLAS(cublasD##name) ATTNLAB_CUBLAS_COMPLEX(name)
ATTNLAB_CUBLAS(cublasDotEx)
ATTNLAB_CUBLAS(cublasAxpyEx)
ATTNLAB_CUBLAS(cublasScalEx)
ATTNLAB_CUBLAS(cublasNrm2Ex)
ATTNLAB_CUBLAS_COMPLEX(gemm)
ATTNLAB_CUBLAS_COMPLEX(gemmBatched)
ATTNLAB_CUBLAS_COMPLEX(gemmStridedBatched)
ATTNLAB_CUBLAS_COMPLEX(gemv)
ATTNLAB_CUBLAS_COMPLEX(geam)
ATTNLAB_CUBLAS_COMPLEX(axpy)
ATTNLAB_CUBLAS_COMPLEX(copy)
ATTNLAB_CUBLAS_COMPLEX(swap)
ATTNLAB_CUBLAS_COMPLEX(scal)
ATTNLAB_CUBLAS_TYPED(dgmm)
ATTNLAB_CUBLAS_TYPED(symm)
ATTNLAB_CUBLAS_TYPED(symv)
ATTNLAB_CUBLAS_TYPED(syrk)
ATTNLAB_CUBLAS_TYPED(trmm)
ATTNLAB_CUBLAS_TYPED(trsm)
ATTNLAB_CUBLAS_TYPED(trsv)
#undef ATTNLAB_CUBLAS_TYPED
#undef ATTNLAB_CUBLAS_COMPLEX
#undef ATTNLAB_CUBLAS

}  // namespace attnlab::emulator::builtins
