// cuBLASLt: descriptors, and the product that they describe.
#include "simulator/emulator/cuda_headers/cublasLt.h"

#include <cstring>

#include "simulator/emulator/libraries/cublas_handle.h"

struct cublasLtContext {
  cublasContext blas;
};

namespace attnlab::emulator::builtins {

struct cublasLtMatmulDescOpaque_t {
  cublasComputeType_t compute;
  std::int32_t op_a = CUBLAS_OP_N, op_b = CUBLAS_OP_N, epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  const void* bias = nullptr;
  bool more = false;  // something was asked for that is not here
};
struct cublasLtMatrixLayoutOpaque_t {
  cudaDataType_t type;
  std::uint64_t rows, columns;
  std::int64_t ld, stride = 0;
  std::int32_t count = 1, order = CUBLASLT_ORDER_COL;
};
struct cublasLtMatmulPreferenceOpaque_t {};

namespace {

template <class Handle, class... Members>
cublasStatus_t create(Handle* handle, Members... members) {
  if (handle == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  *handle = new std::remove_pointer_t<Handle>{members...};
  return CUBLAS_STATUS_SUCCESS;
}
template <class Handle>
cublasStatus_t destroy(Handle handle) {
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}

template <class T>
cublasStatus_t set(T& member, const void* value, std::size_t bytes) {
  if (value == nullptr || bytes != sizeof member) return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(&member, value, bytes);
  return CUBLAS_STATUS_SUCCESS;
}

libraries::Matrices matrices(const void* data, cublasLtMatrixLayout_t layout) {
  return {data, layout->type, static_cast<int>(layout->ld), layout->stride};
}

}  // namespace

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
  if (api::cudaFree(nullptr) != api::cudaSuccess) return CUBLAS_STATUS_NOT_INITIALIZED;  // no device
  return create(handle);
}
cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) { return destroy(handle); }

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* description, cublasComputeType_t compute,
                                        cudaDataType_t) {
  return create(description, compute);
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t description) { return destroy(description); }

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t description,
                                              cublasLtMatmulDescAttributes_t attribute, const void* value,
                                              std::size_t bytes) {
  if (description == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  switch (attribute) {
    case CUBLASLT_MATMUL_DESC_TRANSA:
      return set(description->op_a, value, bytes);
    case CUBLASLT_MATMUL_DESC_TRANSB:
      return set(description->op_b, value, bytes);
    case CUBLASLT_MATMUL_DESC_EPILOGUE:
      return set(description->epilogue, value, bytes);
    case CUBLASLT_MATMUL_DESC_BIAS_POINTER:
      return set(description->bias, value, bytes);
    case CUBLASLT_MATMUL_DESC_POINTER_MODE:
    case CUBLASLT_MATMUL_DESC_FAST_ACCUM:
      return CUBLAS_STATUS_SUCCESS;  // no effect
    default:
      description->more = true;
      return CUBLAS_STATUS_SUCCESS;
  }
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* layout, cudaDataType_t type,
                                          std::uint64_t rows, std::uint64_t columns, std::int64_t ld) {
  return create(layout, type, rows, columns, ld);
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) { return destroy(layout); }

cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t layout,
                                                cublasLtMatrixLayoutAttribute_t attribute, const void* value,
                                                std::size_t bytes) {
  if (layout == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  switch (attribute) {
    case CUBLASLT_MATRIX_LAYOUT_ORDER:
      return set(layout->order, value, bytes);
    case CUBLASLT_MATRIX_LAYOUT_ROWS:
      return set(layout->rows, value, bytes);
    case CUBLASLT_MATRIX_LAYOUT_COLS:
      return set(layout->columns, value, bytes);
    case CUBLASLT_MATRIX_LAYOUT_LD:
      return set(layout->ld, value, bytes);
    case CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT:
      return set(layout->count, value, bytes);
    case CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET:
      return set(layout->stride, value, bytes);
    default:
      return CUBLAS_STATUS_NOT_SUPPORTED;
  }
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* preference) {
  return create(preference);
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) {
  return destroy(preference);
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t,
                                                    cublasLtMatmulPreferenceAttributes_t, const void*,
                                                    std::size_t) {
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t, cublasLtMatrixLayout_t,
                                              cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
                                              cublasLtMatrixLayout_t, cublasLtMatmulPreference_t, int wanted,
                                              cublasLtMatmulHeuristicResult_t* results, int* found) {
  if (wanted < 1 || results == nullptr || found == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  results[0] = {};
  *found = 1;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t description, const void* alpha,
                              const void* a, cublasLtMatrixLayout_t a_layout, const void* b,
                              cublasLtMatrixLayout_t b_layout, const void* beta, const void* c,
                              cublasLtMatrixLayout_t c_layout, void* d, cublasLtMatrixLayout_t d_layout,
                              const cublasLtMatmulAlgo_t*, void*, std::size_t, api::cudaStream_t) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  libraries::Call call("cublasLtMatmul", __builtin_return_address(0));
  call.expect(description != nullptr && a_layout != nullptr && b_layout != nullptr && c_layout != nullptr &&
                  d_layout != nullptr,
              "a description and four layouts");
  if (!call.good()) return libraries::status_of(call);
  for (const cublasLtMatrixLayout_t layout : {a_layout, b_layout, c_layout, d_layout})
    call.supported(layout->order == CUBLASLT_ORDER_COL, "a matrix that is not stored by column");
  const int epilogue = description->epilogue;
  const bool bias = (epilogue & CUBLASLT_EPILOGUE_BIAS) != 0, relu = (epilogue & CUBLASLT_EPILOGUE_RELU) != 0;
  call.supported((epilogue & ~(CUBLASLT_EPILOGUE_DEFAULT | CUBLASLT_EPILOGUE_RELU_BIAS)) == 0,
                 "an epilogue other than bias and ReLU");
  call.supported(!description->more, "scales, auxiliary outputs or other types in a matrix product");
  call.expect(!bias || description->bias != nullptr, "a bias");
  const bool a_plain = description->op_a == CUBLAS_OP_N, b_plain = description->op_b == CUBLAS_OP_N;
  const std::uint64_t m = a_plain ? a_layout->rows : a_layout->columns;
  const std::uint64_t k = a_plain ? a_layout->columns : a_layout->rows;
  const std::uint64_t n = b_plain ? b_layout->columns : b_layout->rows;
  call.expect((b_plain ? b_layout->rows : b_layout->columns) == k && d_layout->rows == m &&
                  d_layout->columns == n && c_layout->rows == m && c_layout->columns == n,
              "layouts that fit one another");
  if (!call.good()) return libraries::status_of(call);
  libraries::Product product{static_cast<cublasOperation_t>(description->op_a),
                             static_cast<cublasOperation_t>(description->op_b),
                             static_cast<int>(m),
                             static_cast<int>(n),
                             static_cast<int>(k),
                             alpha,
                             matrices(a, a_layout),
                             matrices(b, b_layout),
                             beta,
                             matrices(c, c_layout),
                             description->compute,
                             d_layout->count,
                             matrices(d, d_layout),
                             bias ? description->bias : nullptr,
                             relu};
  return libraries::multiply(&handle->blas, product, "cublasLtMatmul", __builtin_return_address(0));
}

}  // namespace attnlab::emulator::builtins
