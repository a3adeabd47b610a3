// Does cuBLAS compute what BLAS defines: products in every orientation, type and batch form, sums of vectors?
// Plain CUDA: it holds with the real library as well. Given an argument, it makes the mistake of that name.
#include <cublasLt.h>
#include <cublas_v2.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "expect.h"

const int m = 5, n = 7, k = 3, ld = 9;

float number(int i) { return static_cast<float>((i * 37 + 11) % 17 - 8) / 4; }

// A managed matrix of `columns` columns, ld apart.
template <class T>
T* matrix(int columns, int seed) {
  T* all;
  cudaMallocManaged(&all, ld * columns * sizeof(T));
  for (int i = 0; i < ld * columns; ++i) all[i] = static_cast<T>(number(i + seed));
  return all;
}

double at(double x) { return x; }
double at(float x) { return static_cast<double>(x); }
double at(__half x) { return static_cast<double>(__half2float(x)); }
double at(__nv_bfloat16 x) { return static_cast<double>(__bfloat162float(x)); }

template <class T>
double expected(bool a_turned, bool b_turned, const T* a, const T* b, int row, int column) {
  double sum = 0;
  for (int i = 0; i < k; ++i)
    sum +=
        at(a[a_turned ? row * ld + i : i * ld + row]) * at(b[b_turned ? i * ld + column : column * ld + i]);
  return sum;
}

template <class T, class Product>
void check_product(double tolerance, Product product) {
  for (int way = 0; way < 4; ++way) {
    const bool a_turned = way & 1, b_turned = way & 2;
    T *a = matrix<T>(n, 1), *b = matrix<T>(n, 2), *c = matrix<T>(n, 3), *before = matrix<T>(n, 3);
    EXPECT_ON_HOST(product(a_turned ? CUBLAS_OP_T : CUBLAS_OP_N, b_turned ? CUBLAS_OP_T : CUBLAS_OP_N, a, b,
                           c) == CUBLAS_STATUS_SUCCESS);
    cudaDeviceSynchronize();
    for (int column = 0; column < n; ++column)
      for (int row = 0; row < ld; ++row) {
        const double old = at(before[column * ld + row]);
        const double right = row < m ? 2 * expected(a_turned, b_turned, a, b, row, column) + 0.5 * old : old;
        EXPECT_ON_HOST(std::fabs(at(c[column * ld + row]) - right) <= tolerance * 40);
      }
    cudaFree(a), cudaFree(b), cudaFree(c), cudaFree(before);
  }
}

// D = ReLU(A' B + bias).
void check_described_product() {
  cublasLtHandle_t lt;
  EXPECT_ON_HOST(cublasLtCreate(&lt) == CUBLAS_STATUS_SUCCESS);
  cublasLtMatmulDesc_t product;
  cublasLtMatmulDescCreate(&product, CUBLAS_COMPUTE_32F, CUDA_R_32F);
  const cublasOperation_t turned = CUBLAS_OP_T;
  const cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_RELU_BIAS;
  float *a = matrix<float>(n, 1), *b = matrix<float>(n, 2), *d = matrix<float>(n, 3),
        *bias = matrix<float>(1, 4);
  cublasLtMatmulDescSetAttribute(product, CUBLASLT_MATMUL_DESC_TRANSA, &turned, sizeof turned);
  cublasLtMatmulDescSetAttribute(product, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof epilogue);
  cublasLtMatmulDescSetAttribute(product, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias, sizeof bias);
  cublasLtMatrixLayout_t of_a, of_b, of_d;
  cublasLtMatrixLayoutCreate(&of_a, CUDA_R_32F, k, m, ld);
  cublasLtMatrixLayoutCreate(&of_b, CUDA_R_32F, k, n, ld);
  cublasLtMatrixLayoutCreate(&of_d, CUDA_R_32F, m, n, ld);
  cublasLtMatmulPreference_t preference;
  cublasLtMatmulPreferenceCreate(&preference);
  cublasLtMatmulHeuristicResult_t found;
  int count = 0;
  EXPECT_ON_HOST(cublasLtMatmulAlgoGetHeuristic(lt, product, of_a, of_b, of_d, of_d, preference, 1, &found,
                                                &count) == CUBLAS_STATUS_SUCCESS &&
                 count == 1);
  const float one = 1, zero = 0;
  EXPECT_ON_HOST(cublasLtMatmul(lt, product, &one, a, of_a, b, of_b, &zero, d, of_d, d, of_d, &found.algo,
                                nullptr, 0, nullptr) == CUBLAS_STATUS_SUCCESS);
  cudaDeviceSynchronize();
  int hidden = 0;
  for (int column = 0; column < n; ++column)
    for (int row = 0; row < m; ++row) {
      const double sum = expected(true, false, a, b, row, column) + at(bias[row]);
      hidden += sum < 0;
      EXPECT_ON_HOST(std::fabs(at(d[column * ld + row]) - std::fmax(sum, 0)) < 1e-4);
    }
  EXPECT_ON_HOST(hidden > 0 && hidden < m * n);
  cublasLtMatmulPreferenceDestroy(preference);
  cublasLtMatrixLayoutDestroy(of_a), cublasLtMatrixLayoutDestroy(of_b), cublasLtMatrixLayoutDestroy(of_d);
  cublasLtMatmulDescDestroy(product);
  cublasLtDestroy(lt);
  cudaFree(a), cudaFree(b), cudaFree(d), cudaFree(bias);
}

__global__ void write(float* x) { x[threadIdx.x] = static_cast<float>(threadIdx.x); }

int mistake(cublasHandle_t blas, const char* name) {
  const float one = 1, zero = 0;
  float* x;
  cudaMalloc(&x, 64 * sizeof(float));
  write<<<1, 64>>>(x);
  cublasStatus_t status = CUBLAS_STATUS_SUCCESS;
  std::vector<float> host(64, 1.0f);
  if (std::strcmp(name, "leading") == 0)
    status = cublasSgemm(blas, CUBLAS_OP_N, CUBLAS_OP_N, 4, 4, 4, &one, x, 3, x, 4, &zero, x + 32, 4);
  if (std::strcmp(name, "host") == 0)
    status = cublasSgemm(blas, CUBLAS_OP_N, CUBLAS_OP_N, 4, 4, 4, &one, host.data(), 4, x, 4, &zero, x, 4);
  if (std::strcmp(name, "beyond") == 0)
    status = cublasSgemm(blas, CUBLAS_OP_N, CUBLAS_OP_N, 8, 8, 1, &one, x, 8, x + 8, 1, &zero, x + 8, 8);
  if (std::strcmp(name, "types") == 0)
    status = cublasGemmEx(blas, CUBLAS_OP_N, CUBLAS_OP_N, 4, 4, 4, &one, x, CUDA_R_32F, 4, x, CUDA_R_64F, 4,
                          &zero, x, CUDA_R_32F, 4, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT);
  if (std::strcmp(name, "unwritten") == 0) {
    float* y;
    cudaMalloc(&y, 64 * sizeof(float));
    cublasSgemm(blas, CUBLAS_OP_N, CUBLAS_OP_N, 4, 4, 4, &one, x, 4, y, 4, &zero, x + 32, 4);
    cudaFree(x), cudaFree(y);
    return 1;
  }
  if (std::strcmp(name, "vector") == 0) status = cublasSaxpy(blas, 33, &one, x, 1, x, -2);
  cudaFree(x);
  return status == CUBLAS_STATUS_SUCCESS ? 0 : 1;
}

int main(int argc, char** argv) {
  cublasHandle_t blas;
  EXPECT_ON_HOST(cublasCreate(&blas) == CUBLAS_STATUS_SUCCESS);
  EXPECT_ON_HOST(cublasSetStream(blas, nullptr) == CUBLAS_STATUS_SUCCESS);
  EXPECT_ON_HOST(cublasSetMathMode(blas, CUBLAS_TF32_TENSOR_OP_MATH) == CUBLAS_STATUS_SUCCESS);
  EXPECT_ON_HOST(cublasSetMathMode(blas, CUBLAS_DEFAULT_MATH) == CUBLAS_STATUS_SUCCESS);
  if (argc > 1) return mistake(blas, argv[1]);

  check_described_product();
  const float two = 2, half = 0.5f;
  const double two_d = 2, half_d = 0.5;
  const __half two_h = __float2half(2.0f), half_h = __float2half(0.5f);
  check_product<float>(1e-6, [&](auto op_a, auto op_b, const float* a, const float* b, float* c) {
    return cublasSgemm(blas, op_a, op_b, m, n, k, &two, a, ld, b, ld, &half, c, ld);
  });
  check_product<double>(1e-15, [&](auto op_a, auto op_b, const double* a, const double* b, double* c) {
    return cublasDgemm(blas, op_a, op_b, m, n, k, &two_d, a, ld, b, ld, &half_d, c, ld);
  });
  check_product<__half>(1e-3, [&](auto op_a, auto op_b, const __half* a, const __half* b, __half* c) {
    return cublasHgemm(blas, op_a, op_b, m, n, k, &two_h, a, ld, b, ld, &half_h, c, ld);
  });
  check_product<__nv_bfloat16>(8e-3, [&](auto op_a, auto op_b, const auto* a, const auto* b, auto* c) {
    return cublasGemmEx(blas, op_a, op_b, m, n, k, &two, a, CUDA_R_16BF, ld, b, CUDA_R_16BF, ld, &half, c,
                        CUDA_R_16BF, ld, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT_TENSOR_OP);
  });
  check_product<__half>(1e-3, [&](auto op_a, auto op_b, const __half* a, const __half* b, __half* c) {
    return cublasGemmEx(blas, op_a, op_b, m, n, k, &two, a, CUDA_R_16F, ld, b, CUDA_R_16F, ld, &half, c,
                        CUDA_R_16F, ld, CUDA_R_32F, CUBLAS_GEMM_DEFAULT);
  });
  check_product<float>(1e-6, [&](auto op_a, auto op_b, const float* a, const float* b, float* c) {
    const float** pointers;
    cudaMallocManaged(&pointers, 3 * sizeof(float*));
    pointers[0] = a, pointers[1] = b, pointers[2] = c;
    const cublasStatus_t status =
        cublasSgemmBatched(blas, op_a, op_b, m, n, k, &two, pointers, ld, pointers + 1, ld, &half,
                           const_cast<float* const*>(pointers + 2), ld, 1);
    cudaDeviceSynchronize();
    cudaFree(pointers);
    return status;
  });

  // A batch by strides, of integers; beta 0 does not read C, which is not initialised here.
  signed char *bytes, *more;
  int *sums, one = 1, none = 0;
  cudaMallocManaged(&bytes, 32), cudaMallocManaged(&more, 32), cudaMalloc(&sums, 32 * sizeof(int));
  for (int i = 0; i < 32; ++i)
    bytes[i] = static_cast<signed char>(i - 16), more[i] = static_cast<signed char>(3 * i);
  EXPECT_ON_HOST(cublasGemmStridedBatchedEx(blas, CUBLAS_OP_N, CUBLAS_OP_N, 4, 4, 4, &one, bytes, CUDA_R_8I,
                                            4, 16, more, CUDA_R_8I, 4, 16, &none, sums, CUDA_R_32I, 4, 16, 2,
                                            CUBLAS_COMPUTE_32I,
                                            CUBLAS_GEMM_DEFAULT) == CUBLAS_STATUS_SUCCESS);
  int got[32];
  cudaMemcpy(got, sums, sizeof got, cudaMemcpyDeviceToHost);
  for (int i = 0; i < 32; ++i) {
    int right = 0;
    for (int j = 0; j < 4; ++j)
      right += bytes[i / 16 * 16 + j * 4 + i % 4] * more[i / 16 * 16 + i % 16 / 4 * 4 + j];
    EXPECT_ON_HOST(got[i] == right);
  }
  cudaFree(bytes), cudaFree(more), cudaFree(sums);

  float *a = matrix<float>(n, 1), *x = matrix<float>(n, 2), *y = matrix<float>(n, 3),
        *t = matrix<float>(n, 4);
  // y = 2 A x + y / 2, x backwards and every second element of y.
  cublasSgemv(blas, CUBLAS_OP_N, m, n, &two, a, ld, x, -1, &half, y, 2);
  cudaDeviceSynchronize();
  for (int row = 0; row < m; ++row) {
    float right = number(2 * row + 3) / 2;
    for (int i = 0; i < n; ++i) right += 2 * a[i * ld + row] * x[n - 1 - i];
    EXPECT_ON_HOST(std::fabs(y[2 * row] - right) < 1e-4f && y[2 * row + 1] == number(2 * row + 4));
  }
  const float unit = 1, zero = 0;
  cublasSgeam(blas, CUBLAS_OP_T, CUBLAS_OP_N, n, m, &unit, a, ld, &zero, nullptr, n, t, ld);
  cudaDeviceSynchronize();
  for (int row = 0; row < m; ++row)
    for (int i = 0; i < n; ++i) EXPECT_ON_HOST(t[row * ld + i] == a[i * ld + row]);
  float dot, norm, size;
  int most, least;
  cublasSdot(blas, 20, x, 1, a, 2, &dot);
  cublasSnrm2(blas, 20, x, 1, &norm);
  cublasSasum(blas, 20, x, 1, &size);
  cublasIsamax(blas, 20, x, 1, &most);
  cublasIsamin(blas, 20, x, 1, &least);
  double dots = 0, squares = 0, sizes = 0;
  for (int i = 0; i < 20; ++i) {
    dots += at(x[i]) * at(a[2 * i]), squares += at(x[i]) * at(x[i]), sizes += std::fabs(at(x[i]));
    EXPECT_ON_HOST(std::fabs(x[i]) <= std::fabs(x[most - 1]) && std::fabs(x[i]) >= std::fabs(x[least - 1]));
  }
  EXPECT_ON_HOST(std::fabs(at(dot) - dots) < 1e-5 && std::fabs(at(norm) - std::sqrt(squares)) < 1e-5 &&
                 std::fabs(at(size) - sizes) < 1e-5);
  cublasSaxpy(blas, 20, &two, x, 1, t, 1);
  cublasSscal(blas, 20, &two, x, 1);
  cublasScopy(blas, 20, x, 1, a, 1);
  cudaDeviceSynchronize();
  EXPECT_ON_HOST(a[19] == 2 * number(21) && x[0] == 2 * number(2));
  cudaFree(a), cudaFree(x), cudaFree(y), cudaFree(t);
  EXPECT_ON_HOST(cublasDestroy(blas) == CUBLAS_STATUS_SUCCESS);
  return finish();
}
