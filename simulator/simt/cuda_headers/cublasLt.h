// cuBLASLt: answers CUBLAS_STATUS_NOT_SUPPORTED.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cublas_v2.h"

struct cublasLtContext;

namespace attnlab::simt::builtins {

using cublasLtHandle_t = ::cublasLtContext*;
struct cublasLtMatmulDescOpaque_t {
  std::uint64_t data[32];
};
struct cublasLtMatrixLayoutOpaque_t {
  std::uint64_t data[8];
};
struct cublasLtMatmulPreferenceOpaque_t {
  std::uint64_t data[8];
};
using cublasLtMatmulDesc_t = cublasLtMatmulDescOpaque_t*;
using cublasLtMatrixLayout_t = cublasLtMatrixLayoutOpaque_t*;
using cublasLtMatmulPreference_t = cublasLtMatmulPreferenceOpaque_t*;
struct cublasLtMatmulAlgo_t {
  std::uint64_t data[8];
};
struct cublasLtMatmulHeuristicResult_t {
  cublasLtMatmulAlgo_t algo;
  std::size_t workspaceSize;
  cublasStatus_t state;
  float wavesCount;
  int reserved[4];
};
enum cublasLtMatmulDescAttributes_t {
  CUBLASLT_MATMUL_DESC_COMPUTE_TYPE,
  CUBLASLT_MATMUL_DESC_SCALE_TYPE,
  CUBLASLT_MATMUL_DESC_POINTER_MODE,
  CUBLASLT_MATMUL_DESC_TRANSA,
  CUBLASLT_MATMUL_DESC_TRANSB,
  CUBLASLT_MATMUL_DESC_TRANSC,
  CUBLASLT_MATMUL_DESC_FILL_MODE,
  CUBLASLT_MATMUL_DESC_EPILOGUE,
  CUBLASLT_MATMUL_DESC_BIAS_POINTER,
  CUBLASLT_MATMUL_DESC_A_SCALE_POINTER,
  CUBLASLT_MATMUL_DESC_B_SCALE_POINTER,
  CUBLASLT_MATMUL_DESC_D_SCALE_POINTER,
  CUBLASLT_MATMUL_DESC_FAST_ACCUM,
};
enum cublasLtMatrixLayoutAttribute_t {
  CUBLASLT_MATRIX_LAYOUT_TYPE,
  CUBLASLT_MATRIX_LAYOUT_ORDER,
  CUBLASLT_MATRIX_LAYOUT_ROWS,
  CUBLASLT_MATRIX_LAYOUT_COLS,
  CUBLASLT_MATRIX_LAYOUT_LD,
  CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT,
  CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET,
};
enum cublasLtMatmulPreferenceAttributes_t {
  CUBLASLT_MATMUL_PREF_SEARCH_MODE,
  CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
};
enum cublasLtEpilogue_t {
  CUBLASLT_EPILOGUE_DEFAULT = 1,
  CUBLASLT_EPILOGUE_RELU = 2,
  CUBLASLT_EPILOGUE_BIAS = 4,
  CUBLASLT_EPILOGUE_RELU_BIAS = 6,
  CUBLASLT_EPILOGUE_GELU = 32,
  CUBLASLT_EPILOGUE_GELU_BIAS = 36,
};
enum cublasLtOrder_t { CUBLASLT_ORDER_COL, CUBLASLT_ORDER_ROW };

#define ATTNLAB_CUBLASLT(name) ATTNLAB_NOT_SUPPORTED(name, cublasStatus_t, CUBLAS_STATUS_NOT_SUPPORTED)
ATTNLAB_CUBLASLT(cublasLtCreate)
ATTNLAB_CUBLASLT(cublasLtDestroy)
ATTNLAB_CUBLASLT(cublasLtMatmul)
ATTNLAB_CUBLASLT(cublasLtMatmulDescCreate)
ATTNLAB_CUBLASLT(cublasLtMatmulDescDestroy)
ATTNLAB_CUBLASLT(cublasLtMatmulDescSetAttribute)
ATTNLAB_CUBLASLT(cublasLtMatrixLayoutCreate)
ATTNLAB_CUBLASLT(cublasLtMatrixLayoutDestroy)
ATTNLAB_CUBLASLT(cublasLtMatrixLayoutSetAttribute)
ATTNLAB_CUBLASLT(cublasLtMatmulPreferenceCreate)
ATTNLAB_CUBLASLT(cublasLtMatmulPreferenceDestroy)
ATTNLAB_CUBLASLT(cublasLtMatmulPreferenceSetAttribute)
ATTNLAB_CUBLASLT(cublasLtMatmulAlgoGetHeuristic)
#undef ATTNLAB_CUBLASLT

}  // namespace attnlab::simt::builtins
