// Are the mathematical functions as accurate as CUDA's documentation promises of the GPU's?
#include <cmath>

#include "expect.h"

// Errors in units of the last place of fp32 at the true value.
__host__ __device__ double ulps(float got, double expected) {
  int exponent;
  frexp(expected, &exponent);
  return fabs(static_cast<double>(got) - expected) / ldexp(1.0, (exponent < -125 ? -125 : exponent) - 24);
}

constexpr int kFunctions = 30;

__global__ void evaluate(float (*results)[kFunctions], const float* inputs, int count) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= count) return;
  const float x = inputs[i], p = fabsf(x) + 0.001f;
  float sine, cosine, sine_pi, cosine_pi;
  sincosf(x, &sine, &cosine);
  sincospif(x, &sine_pi, &cosine_pi);
  const float values[kFunctions] = {expf(x),   exp2f(x),  exp10f(x / 4), expm1f(x),       logf(p),
                                    log2f(p),  log10f(p), log1pf(p),     sinf(x),         cosf(x),
                                    tanf(x),   tanhf(x),  sinhf(x),      coshf(x),        cbrtf(x),
                                    rsqrtf(p), rcbrtf(p), sinpif(x),     cospif(x),       sine,
                                    cosine,    sine_pi,   cosine_pi,     sqrtf(p),        powf(p, 1.5f),
                                    1.0f / p,  erff(x),   normcdff(x),   erfinvf(x / 10), __frsqrt_rn(p)};
  for (int f = 0; f < kFunctions; ++f) results[i][f] = values[f];
}

__global__ void approximations(const float* inputs, int count) {
  const int i = static_cast<int>(threadIdx.x);
  if (i >= count) return;
  const float x = inputs[i], p = fabsf(x) + 0.001f;
  EXPECT(ulps(__expf(x), exp(static_cast<double>(x))) <= 2 + floor(fabs(1.173 * x)));
  EXPECT(fabs(__logf(p) - log(static_cast<double>(p))) <=
         0x1p-21 + 4 * 0x1p-23 * fabs(log(static_cast<double>(p))));
  EXPECT(ulps(__fdividef(x, p), static_cast<double>(x) / static_cast<double>(p)) <= 2 || x == 0);
  EXPECT(fabs(__sinf(x / 4) - sin(x / 4.0)) <= 0x1p-21 && fabs(__cosf(x / 4) - cos(x / 4.0)) <= 0x1p-21);
  EXPECT(fabs(__powf(p, 1.5f) - pow(p, 1.5)) <= 1e-4 * pow(p, 1.5));
  EXPECT(ulps(rsqrt(p), 1 / sqrt(static_cast<double>(p))) <= 2 && exp(x) == expf(x) && rsqrt(4.0) == 0.5);
}

__global__ void directed(double one, double three, double small) {
  EXPECT(__dadd_rd(one, small) == 1 && __dadd_ru(one, small) > 1 && __dadd_rz(-one, small) > -1);
  EXPECT(__dsub_rd(one, small) < 1 && __dsub_ru(one, small) == 1);
  EXPECT(__ddiv_ru(one, three) > __ddiv_rd(one, three) && __ddiv_rz(-one, three) == -__ddiv_rd(one, three));
  EXPECT(__dmul_ru(one + small, three) == 3 && __dmul_rd(three, __drcp_ru(three)) >= 1);
  EXPECT(__dsqrt_ru(three) > __dsqrt_rd(three) && __dsqrt_rz(three) == __dsqrt_rd(three));
  EXPECT(__fma_ru(one, one, small) > 1 && __fma_rd(one, one, small) == 1);
}

int main() {
  constexpr int count = 2000;
  float* inputs;
  float(*results)[kFunctions];
  cudaMallocManaged(&inputs, count * sizeof(float));
  cudaMallocManaged(&results, count * sizeof *results);
  for (int i = 0; i < count; ++i) inputs[i] = static_cast<float>(i - count / 2) / 103.0f;
  evaluate<<<(count + 127) / 128, 128>>>(results, inputs, count);
  approximations<<<1, 512>>>(inputs + count / 2 - 256, 512);
  cudaDeviceSynchronize();
  const double pi = 3.14159265358979323846;
  for (int i = 0; i < count; ++i) {
    const double x = inputs[i], p = static_cast<double>(std::fabs(inputs[i]) + 0.001f);
    const double expected[kFunctions] = {std::exp(x),
                                         std::exp2(x),
                                         std::pow(10.0, static_cast<double>(inputs[i] / 4)),
                                         std::expm1(x),
                                         std::log(p),
                                         std::log2(p),
                                         std::log10(p),
                                         std::log1p(p),
                                         std::sin(x),
                                         std::cos(x),
                                         std::tan(x),
                                         std::tanh(x),
                                         std::sinh(x),
                                         std::cosh(x),
                                         std::cbrt(x),
                                         1 / std::sqrt(p),
                                         1 / std::cbrt(p),
                                         std::sin(pi * x),
                                         std::cos(pi * x),
                                         std::sin(x),
                                         std::cos(x),
                                         std::sin(pi * x),
                                         std::cos(pi * x),
                                         std::sqrt(p),
                                         std::pow(p, 1.5),
                                         1 / p,
                                         std::erf(x),
                                         std::erfc(-x / std::sqrt(2.0)) / 2,
                                         0,
                                         1 / std::sqrt(p)};
    for (int f = 0; f < kFunctions; ++f) {
      if (f == 28) {  // the inverse, by the function
        const double y = static_cast<double>(inputs[i] / 10),
                     back = std::erf(static_cast<double>(results[i][f]));
        EXPECT_ON_HOST(std::fabs(y) >= 1 || std::fabs(back - y) <= 4e-7 * std::fabs(y));
      } else if (f == 17 || f == 18 || f == 21 || f == 22) {  // near the zeros pi * x itself is inexact above
        EXPECT_ON_HOST(std::fabs(results[i][f] - expected[f]) <= 2e-7 * std::fabs(expected[f]) + 1e-14);
      } else {
        if (!(ulps(results[i][f], expected[f]) <= (f == 27 ? 5 : 4.5)) && x != 0)
          std::printf("function %d of %g: %g, expected %g\n", f, x, static_cast<double>(results[i][f]),
                      expected[f]);
        EXPECT_ON_HOST(x == 0 || ulps(results[i][f], expected[f]) <= (f == 27 ? 5 : 4.5));
      }
    }
  }
  cudaFree(inputs);
  cudaFree(results);
  directed<<<1, 1>>>(1, 3, 1e-30);
  return finish();
}
