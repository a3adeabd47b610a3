// Does wmma multiply matrices, in every shape, type and layout, through fragments whose elements can be
// worked on?
#include <mma.h>

#include <cmath>

#include "expect.h"

namespace wmma = nvcuda::wmma;

template <class T>
float number(int i) {
  return static_cast<float>(i * 7 % 11 - 5);
}
template <>
float number<unsigned char>(int i) {
  return static_cast<float>(i * 7 % 11);
}

template <int m, int n, int k, class T, class S, class A, class LayoutA, class LayoutB>
__global__ void multiply(const A* a, const A* b, const S* c, S* d, unsigned lda, unsigned ldb,
                         wmma::layout_t layout_c, unsigned ldc) {
  wmma::fragment<wmma::matrix_a, m, n, k, T, LayoutA> fa;
  wmma::fragment<wmma::matrix_b, m, n, k, T, LayoutB> fb;
  wmma::fragment<wmma::accumulator, m, n, k, S> fc, sum;
  wmma::load_matrix_sync(fc, c, ldc, layout_c);
  wmma::fill_fragment(sum, static_cast<S>(0.0f));
  // Two steps along k.
  for (int step = 0; step < 2; ++step) {
    wmma::load_matrix_sync(fa, a + step * k * (std::is_same_v<LayoutA, wmma::row_major> ? 1u : lda), lda);
    wmma::load_matrix_sync(fb, b + step * k * (std::is_same_v<LayoutB, wmma::row_major> ? ldb : 1u), ldb);
    wmma::mma_sync(sum, fa, fb, sum);
  }
  for (int i = 0; i < sum.num_elements; ++i) sum.x[i] = static_cast<S>(sum.x[i] + fc.x[i]);
  wmma::store_matrix_sync(d, sum, ldc, layout_c);
}

template <int m, int n, int k, class T, class S, class A, class LayoutA, class LayoutB>
void try_layouts() {
  constexpr int depth = 2 * k;
  constexpr bool a_rows = std::is_same_v<LayoutA, wmma::row_major>,
                 b_rows = std::is_same_v<LayoutB, wmma::row_major>;
  const int lda = (a_rows ? depth : m) + 16, ldb = (b_rows ? n : depth) + 16;
  A *a, *b;
  S *c, *d;
  cudaMallocManaged(&a, sizeof(A) * 80 * 80);
  cudaMallocManaged(&b, sizeof(A) * 80 * 80);
  cudaMallocManaged(&c, sizeof(S) * 80 * 80);
  cudaMallocManaged(&d, sizeof(S) * 80 * 80);
  for (int rows = 0; rows < 2; ++rows) {
    const int ldc = (rows ? n : m) + 8;
    for (int i = 0; i < 80 * 80; ++i) {
      a[i] = static_cast<A>(number<A>(i));
      b[i] = static_cast<A>(number<A>(i * 3 + 1));
      c[i] = static_cast<S>(number<S>(i));
    }
    multiply<m, n, k, T, S, A, LayoutA, LayoutB>
        <<<1, 32>>>(a, b, c, d, static_cast<unsigned>(lda), static_cast<unsigned>(ldb),
                    rows ? wmma::mem_row_major : wmma::mem_col_major, static_cast<unsigned>(ldc));
    cudaDeviceSynchronize();
    for (int i = 0; i < m; ++i)
      for (int j = 0; j < n; ++j) {
        const int at = rows ? i * ldc + j : j * ldc + i;
        float sum = static_cast<float>(c[at]);
        for (int x = 0; x < depth; ++x)
          sum += static_cast<float>(a[a_rows ? i * lda + x : x * lda + i]) *
                 static_cast<float>(b[b_rows ? x * ldb + j : j * ldb + x]);
        EXPECT_ON_HOST(static_cast<float>(d[at]) == sum);
      }
  }
  cudaFree(a);
  cudaFree(b);
  cudaFree(c);
  cudaFree(d);
}

template <int m, int n, int k, class T, class S, class A = T>
void try_shape() {
  try_layouts<m, n, k, T, S, A, wmma::row_major, wmma::row_major>();
  try_layouts<m, n, k, T, S, A, wmma::row_major, wmma::col_major>();
  try_layouts<m, n, k, T, S, A, wmma::col_major, wmma::row_major>();
  try_layouts<m, n, k, T, S, A, wmma::col_major, wmma::col_major>();
}

template <class T, class S>
void try_shapes() {
  try_shape<16, 16, 16, T, S>();
  try_shape<32, 8, 16, T, S>();
  try_shape<8, 32, 16, T, S>();
}

int main() {
  try_shapes<__half, float>();
  try_shapes<__half, __half>();
  try_shapes<__nv_bfloat16, float>();
  try_shapes<signed char, int>();
  try_shapes<unsigned char, int>();
  try_shape<16, 16, 8, wmma::precision::tf32, float, float>();
  try_shape<8, 8, 4, double, double, double>();
  return finish();
}
