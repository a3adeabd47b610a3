// The functions of the C mathematics library that device code shares with the host, and CUDA's own beside
// them, by signature. cuda_headers/math_functions.h declares each under its name with the emulator's symbol
// (attnlab_emulator_<name>), builtins/math.cpp defines it.
//
// X(name, special): special is how often the GPU's special-function unit is used by one call in fp32: once by
// an exponential, logarithm, reciprocal root, sine or cosine; what is built of two of them counts 2.
#pragma once

// float f(float) of the C library.
#define ATTNLAB_LIBRARY_FUNCTIONS(X) \
  X(expf, 1)                         \
  X(exp2f, 1)                        \
  X(exp10f, 1)                       \
  X(expm1f, 1)                       \
  X(logf, 1)                         \
  X(log2f, 1)                        \
  X(log10f, 1) X(log1pf, 1) X(sinf, 1) X(cosf, 1) X(tanf, 2) X(tanhf, 1) X(sinhf, 1) X(coshf, 1) X(cbrtf, 2)

// Approximations by the special-function unit, by the function of the C library that stands for each here.
#define ATTNLAB_FAST_FUNCTIONS(X) \
  X(__expf, expf, 1)              \
  X(__exp10f, exp10f, 1)          \
  X(__logf, logf, 1)              \
  X(__log2f, log2f, 1)            \
  X(__log10f, log10f, 1) X(__sinf, sinf, 1) X(__cosf, cosf, 1) X(__tanf, tanf, 2) X(__tanhf, tanhf, 1)

// CUDA's own, of one argument: name without the f of fp32, and its value as an expression in a double x.
#define ATTNLAB_CUDA_FUNCTIONS(X)                           \
  X(rsqrt, 1, 1 / std::sqrt(x))                             \
  X(rcbrt, 2, 1 / std::cbrt(x))                             \
  X(sinpi, 1, sine_of_pi(x))                                \
  X(cospi, 1, cosine_of_pi(x))                              \
  X(normcdf, 1, std::erfc(-x * 0.70710678118654752440) / 2) \
  X(erfinv, 1, inverse_erf(x))
