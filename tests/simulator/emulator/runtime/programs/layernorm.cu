// LayerNorm for fp32, fp16 and bf16 by pairs (half2), with Welford's moments merged by shuffles, and GELU in
// half arithmetic. A templated kernel; its shared moments have member initialisers.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cassert>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <type_traits>
#include <vector>

#define ON_DEVICE __device__ __forceinline__

template <typename T>
struct Vec2;
template <>
struct Vec2<float> {
  using type = float2;
};
template <>
struct Vec2<__half> {
  using type = __half2;
};
template <>
struct Vec2<__nv_bfloat16> {
  using type = __nv_bfloat162;
};

ON_DEVICE float2 to_float2(float2 v) { return v; }
ON_DEVICE float2 to_float2(__half2 v) { return __half22float2(v); }
ON_DEVICE float2 to_float2(__nv_bfloat162 v) { return __bfloat1622float2(v); }
template <typename V>
ON_DEVICE V from_float2(float2 v);
template <>
ON_DEVICE float2 from_float2<float2>(float2 v) {
  return v;
}
template <>
ON_DEVICE __half2 from_float2<__half2>(float2 v) {
  return __float22half2_rn(v);
}
template <>
ON_DEVICE __nv_bfloat162 from_float2<__nv_bfloat162>(float2 v) {
  return __float22bfloat162_rn(v);
}

struct Moments {
  float mean = 0.f, m2 = 0.f, n = 0.f;
  ON_DEVICE void operator()(float x) {
    n += 1.f;
    float d = x - mean;
    mean += d / n;
    m2 += d * (x - mean);
  }
  ON_DEVICE void combine(const Moments& o) {
    if (o.n == 0.f) return;
    const float total = n + o.n, d = o.mean - mean;
    mean += d * (o.n / total);
    m2 += o.m2 + d * d * n * o.n / total;
    n = total;
  }
};

template <int Width = 32>
ON_DEVICE Moments warp_reduce(Moments w) {
#pragma unroll
  for (int mask = Width / 2; mask > 0; mask >>= 1) {
    Moments o;
    o.mean = __shfl_xor_sync(0xffffffffu, w.mean, mask, Width);
    o.m2 = __shfl_xor_sync(0xffffffffu, w.m2, mask, Width);
    o.n = __shfl_xor_sync(0xffffffffu, w.n, mask, Width);
    w.combine(o);
  }
  return w;
}

template <typename T, int kThreads, bool kHasBias = true>
__global__ void __launch_bounds__(kThreads)
    layernorm(const T* __restrict__ x, const T* __restrict__ gamma, const T* __restrict__ beta,
              T* __restrict__ y, float* __restrict__ mean_out, float* __restrict__ rstd_out, int cols,
              float eps) {
  using V = typename Vec2<T>::type;
  constexpr int kWarps = kThreads / 32;
  __shared__ Moments smem[kWarps];
  __shared__ float s_mean, s_rstd;
  const int64_t row = blockIdx.x;
  const V* xr = reinterpret_cast<const V*>(x + row * cols);
  V* yr = reinterpret_cast<V*>(y + row * cols);
  Moments w;
  for (int i = threadIdx.x; i < cols / 2; i += kThreads) {
    const float2 v = to_float2(xr[i]);
    w(v.x);
    w(v.y);
  }
  w = warp_reduce(w);
  if constexpr (kWarps > 1) {
    if (threadIdx.x % 32 == 0) smem[threadIdx.x / 32] = w;
    __syncthreads();
    if (threadIdx.x < 32) {
      w = threadIdx.x < kWarps ? smem[threadIdx.x] : Moments{};
      w = warp_reduce(w);
    }
  }
  if (threadIdx.x == 0) {
    s_mean = w.mean;
    s_rstd = rsqrtf(w.m2 / cols + eps);
    if (mean_out) mean_out[row] = s_mean;
    if (rstd_out) rstd_out[row] = s_rstd;
  }
  __syncthreads();
  for (int i = threadIdx.x; i < cols / 2; i += kThreads) {
    const float2 v = to_float2(__ldg(&xr[i]));
    const float2 g = to_float2(reinterpret_cast<const V*>(gamma)[i]);
    float2 r;
    r.x = (v.x - s_mean) * s_rstd * g.x;
    r.y = (v.y - s_mean) * s_rstd * g.y;
    if (kHasBias) {
      const float2 b = to_float2(reinterpret_cast<const V*>(beta)[i]);
      r.x += b.x;
      r.y += b.y;
    }
    yr[i] = from_float2<V>(r);
  }
}

// GELU on half2 with native half arithmetic
__global__ void gelu_half2(const half2* __restrict__ in, half2* __restrict__ out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const half2 x = in[i];
  const half2 c = __float2half2_rn(0.044715f), k = __float2half2_rn(0.7978845608f),
              one = __float2half2_rn(1.f), h = __floats2half2_rn(0.5f, 0.5f);
  const half2 cube = __hmul2(__hmul2(x, x), x);
  const half2 inner = __hmul2(k, __hfma2(c, cube, x));
  const float2 f = __half22float2(inner);
  const half2 t = __floats2half2_rn(tanhf(f.x), tanhf(f.y));
  out[i] = __hmul2(__hmul2(h, x), __hadd2(one, t));
}

// The larger one; NaN if either is.
static double larger(double a, double b) { return std::isnan(a) || a > b ? a : b; }

template <typename T>
float to_f(T v) {
  return static_cast<float>(v);
}

template <typename T, int kThreads>
bool run(const char* name, int rows, int cols, double tol) {
  std::vector<T> x(rows * cols), g(cols), b(cols), y(rows * cols);
  for (size_t i = 0; i < x.size(); ++i) x[i] = T(std::sin(0.37 * i) * 2 + 0.1f);
  for (int i = 0; i < cols; ++i) g[i] = T(1.f + 0.01f * (i % 7)), b[i] = T(0.1f * (i % 5));
  T *dx, *dg, *db, *dy;
  float* dmean;
  cudaMalloc(&dx, x.size() * sizeof(T));
  cudaMalloc(&dg, cols * sizeof(T));
  cudaMalloc(&db, cols * sizeof(T));
  cudaMalloc(&dy, x.size() * sizeof(T));
  cudaMalloc(&dmean, rows * sizeof(float));
  cudaMemcpy(dx, x.data(), x.size() * sizeof(T), cudaMemcpyDefault);
  cudaMemcpy(dg, g.data(), cols * sizeof(T), cudaMemcpyDefault);
  cudaMemcpy(db, b.data(), cols * sizeof(T), cudaMemcpyDefault);
  layernorm<T, kThreads><<<rows, kThreads>>>(dx, dg, db, dy, dmean, nullptr, cols, 1e-5f);
  if (auto e = cudaGetLastError(); e != cudaSuccess) return printf("%s\n", cudaGetErrorString(e)), false;
  cudaMemcpy(y.data(), dy, y.size() * sizeof(T), cudaMemcpyDefault);
  double worst = 0;
  for (int r = 0; r < rows; ++r) {
    double mean = 0, var = 0;
    for (int c = 0; c < cols; ++c) mean += to_f(x[r * cols + c]);
    mean /= cols;
    for (int c = 0; c < cols; ++c) var += (to_f(x[r * cols + c]) - mean) * (to_f(x[r * cols + c]) - mean);
    var /= cols;
    for (int c = 0; c < cols; ++c) {
      double e = (to_f(x[r * cols + c]) - mean) / std::sqrt(var + 1e-5) * to_f(g[c]) + to_f(b[c]);
      worst = larger(worst, std::abs(e - to_f(y[r * cols + c])));
    }
  }
  printf("%-10s threads %d cols %d worst %.2e\n", name, kThreads, cols, worst);
  for (void* p : {(void*)dx, (void*)dg, (void*)db, (void*)dy, (void*)dmean}) cudaFree(p);
  return worst < tol;
}

int main() {
  bool ok = run<float, 128>("float", 5, 514, 1e-4) && run<__half, 32>("half", 4, 256, 1e-2) &&
            run<__nv_bfloat16, 256>("bfloat16", 3, 768, 5e-2);
  const int n = 1000;
  std::vector<half2> in(n), out(n);
  for (int i = 0; i < n; ++i) in[i] = make_half2(__float2half(-4.f + 8.f * i / n), __float2half(1.f));
  half2 *di, *dout;
  cudaMalloc(&di, n * sizeof(half2));
  cudaMalloc(&dout, n * sizeof(half2));
  cudaMemcpy(di, in.data(), n * sizeof(half2), cudaMemcpyHostToDevice);
  gelu_half2<<<(n + 255) / 256, 256>>>(di, dout, n);
  cudaMemcpy(out.data(), dout, n * sizeof(half2), cudaMemcpyDeviceToHost);
  for (int i = 0; i < n; ++i) {
    double x = __low2float(in[i]), e = 0.5 * x * (1 + std::tanh(0.7978845608 * (x + 0.044715 * x * x * x)));
    if (!(std::abs(e - __low2float(out[i])) <= 1e-2))
      ok = false, printf("gelu(%g) = %g, not %g\n", x, __low2float(out[i]), e);
  }
  cudaFree(di);
  cudaFree(dout);
  puts(ok ? "PASS" : "FAIL");
  return !ok;
}
