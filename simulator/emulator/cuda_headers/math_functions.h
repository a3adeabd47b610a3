// Mathematics of device code: the C library's functions, CUDA's own, and the fast approximations.
//
// Values are the host library's. They are at least as accurate as the GPU's (whose __expf and the like are
// approximations), and for that reason not equal to the GPU's in the last bits; denormals are kept, as nvcc
// does unless told otherwise. Each use of the special-function unit counts as one (builtins/math_names.h).
//
// The functions keep C's declarations and get symbols of the emulator, by which host code calls them too;
// only a kernel's calls are counted.
#pragma once

#include <math.h>
#include <stdlib.h>
#include <time.h>

#include <cmath>
#include <cstdlib>

#include "host_defines.h"
#include "simulator/emulator/builtins/math_names.h"

extern "C" {

#define ATTNLAB_DECLARE(name, special) float name(float) noexcept __asm__("attnlab_emulator_" #name);
ATTNLAB_LIBRARY_FUNCTIONS(ATTNLAB_DECLARE)
#undef ATTNLAB_DECLARE
#define ATTNLAB_DECLARE(name, library, special) float name(float) noexcept __asm__("attnlab_emulator_" #name);
ATTNLAB_FAST_FUNCTIONS(ATTNLAB_DECLARE)
#undef ATTNLAB_DECLARE
#define ATTNLAB_DECLARE(name, special, value)                           \
  float name##f(float) noexcept __asm__("attnlab_emulator_" #name "f"); \
  double name(double) noexcept __asm__("attnlab_emulator_" #name);
ATTNLAB_CUDA_FUNCTIONS(ATTNLAB_DECLARE)
#undef ATTNLAB_DECLARE

float powf(float, float) noexcept __asm__("attnlab_emulator_powf");
float __powf(float, float) noexcept __asm__("attnlab_emulator___powf");
void sincosf(float, float*, float*) noexcept __asm__("attnlab_emulator_sincosf");
void __sincosf(float, float*, float*) noexcept __asm__("attnlab_emulator___sincosf");
void sincospif(float, float*, float*) noexcept __asm__("attnlab_emulator_sincospif");
void sincospi(double, double*, double*) noexcept __asm__("attnlab_emulator_sincospi");

// In a kernel a rising counter, on the host the C library's.
clock_t clock() noexcept __asm__("attnlab_emulator_clock");

}  // extern "C"

namespace attnlab::emulator::builtins {

typedef float AttnlabFloats __attribute__((vector_size(16)));
typedef int AttnlabInts __attribute__((vector_size(16)));

// a where its lane of `better` is set or b is NaN, else b. joined: what the bits of equal numbers, which
// differ for zeros alone, become. (The host's own minimum instruction depends on the order of its operands,
// which g++ may swap.)
ATTNLAB_BUILTIN float attnlab_extreme(AttnlabFloats a, AttnlabFloats b, AttnlabInts better,
                                      AttnlabInts joined) {
  const AttnlabInts take_a = better | (b != b), equal = a == b;
  const AttnlabInts chosen = ((AttnlabInts)a & take_a) | ((AttnlabInts)b & ~take_a);
  return ((AttnlabFloats)((chosen & ~equal) | (joined & equal)))[0];
}

}  // namespace attnlab::emulator::builtins

extern "C" {

// NaN loses against a number, -0 against +0 (a minimum: the other way round). In the user's function, without
// a branch, rather than a call of the C library's.
extern inline __attribute__((always_inline, gnu_inline)) float fmaxf(float x, float y) noexcept {
  const attnlab::emulator::builtins::AttnlabFloats a = {x}, b = {y};
  return attnlab::emulator::builtins::attnlab_extreme(
      a, b, a > b, (attnlab::emulator::builtins::AttnlabInts)a & (attnlab::emulator::builtins::AttnlabInts)b);
}
extern inline __attribute__((always_inline, gnu_inline)) float fminf(float x, float y) noexcept {
  const attnlab::emulator::builtins::AttnlabFloats a = {x}, b = {y};
  return attnlab::emulator::builtins::attnlab_extreme(
      a, b, a < b, (attnlab::emulator::builtins::AttnlabInts)a | (attnlab::emulator::builtins::AttnlabInts)b);
}

}  // extern "C"

namespace attnlab::emulator::calls {

float reciprocal(float x);       // counts as a special function
float divide(float x, float y);  // the same

}  // namespace attnlab::emulator::calls

namespace attnlab::emulator::builtins {

ATTNLAB_BUILTIN float rsqrt(float x) { return ::rsqrtf(x); }
ATTNLAB_BUILTIN float rcbrt(float x) { return ::rcbrtf(x); }
ATTNLAB_BUILTIN float sinpi(float x) { return ::sinpif(x); }
ATTNLAB_BUILTIN float cospi(float x) { return ::cospif(x); }
ATTNLAB_BUILTIN float normcdf(float x) { return ::normcdff(x); }
ATTNLAB_BUILTIN float erfinv(float x) { return ::erfinvf(x); }
ATTNLAB_BUILTIN float exp10(float x) { return ::exp10f(x); }

ATTNLAB_BUILTIN float fdividef(float x, float y) { return calls::divide(x, y); }
ATTNLAB_BUILTIN float __fdividef(float x, float y) { return calls::divide(x, y); }

ATTNLAB_BUILTIN float norm3df(float a, float b, float c) { return sqrtf(a * a + b * b + c * c); }
ATTNLAB_BUILTIN float rnorm3df(float a, float b, float c) { return ::rsqrtf(a * a + b * b + c * c); }
ATTNLAB_BUILTIN float norm4df(float a, float b, float c, float d) {
  return sqrtf(a * a + b * b + c * c + d * d);
}
ATTNLAB_BUILTIN float rnorm4df(float a, float b, float c, float d) {
  return ::rsqrtf(a * a + b * b + c * c + d * d);
}
ATTNLAB_BUILTIN float rhypotf(float a, float b) { return ::rsqrtf(a * a + b * b); }

// Clamped to [0, 1]; NaN gives 0.
ATTNLAB_BUILTIN float __saturatef(float x) { return fminf(fmaxf(x, 0.0f), 1.0f); }

// --- min and max of every pair of arithmetic types that CUDA pairs: signed with unsigned as unsigned -----
#define ATTNLAB_EXTREMES(R, A, B)                                                         \
  constexpr ATTNLAB_BUILTIN R min(A a, B b) {                                             \
    return static_cast<R>(a) < static_cast<R>(b) ? static_cast<R>(a) : static_cast<R>(b); \
  }                                                                                       \
  constexpr ATTNLAB_BUILTIN R max(A a, B b) {                                             \
    return static_cast<R>(a) < static_cast<R>(b) ? static_cast<R>(b) : static_cast<R>(a); \
  }
#define ATTNLAB_INTEGER_EXTREMES(S)                    \
  ATTNLAB_EXTREMES(S, S, S)                            \
  ATTNLAB_EXTREMES(unsigned S, unsigned S, unsigned S) \
  ATTNLAB_EXTREMES(unsigned S, S, unsigned S)          \
  ATTNLAB_EXTREMES(unsigned S, unsigned S, S)
ATTNLAB_INTEGER_EXTREMES(int)
ATTNLAB_INTEGER_EXTREMES(long)
ATTNLAB_INTEGER_EXTREMES(long long)
#undef ATTNLAB_INTEGER_EXTREMES
#undef ATTNLAB_EXTREMES
ATTNLAB_BUILTIN float min(float a, float b) { return fminf(a, b); }
ATTNLAB_BUILTIN float max(float a, float b) { return fmaxf(a, b); }
ATTNLAB_BUILTIN double min(double a, double b) { return ::fmin(a, b); }
ATTNLAB_BUILTIN double max(double a, double b) { return ::fmax(a, b); }
ATTNLAB_BUILTIN double min(float a, double b) { return ::fmin(static_cast<double>(a), b); }
ATTNLAB_BUILTIN double max(float a, double b) { return ::fmax(static_cast<double>(a), b); }
ATTNLAB_BUILTIN double min(double a, float b) { return ::fmin(a, static_cast<double>(b)); }
ATTNLAB_BUILTIN double max(double a, float b) { return ::fmax(a, static_cast<double>(b)); }

ATTNLAB_BUILTIN unsigned umin(unsigned a, unsigned b) { return min(a, b); }
ATTNLAB_BUILTIN unsigned umax(unsigned a, unsigned b) { return max(a, b); }
ATTNLAB_BUILTIN long long llmin(long long a, long long b) { return min(a, b); }
ATTNLAB_BUILTIN long long llmax(long long a, long long b) { return max(a, b); }
ATTNLAB_BUILTIN unsigned long long ullmin(unsigned long long a, unsigned long long b) { return min(a, b); }
ATTNLAB_BUILTIN unsigned long long ullmax(unsigned long long a, unsigned long long b) { return max(a, b); }

}  // namespace attnlab::emulator::builtins
