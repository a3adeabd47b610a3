// The functions of builtins/math_names.h, under the emulator's symbols.
#include <cmath>
#include <ctime>
#include <limits>

#include "simulator/emulator/builtins/math_names.h"
#include "simulator/emulator/device_calls.h"

namespace attnlab::emulator {
namespace {

// x mod 2, in (-2, 2), is exact; so are the differences below.
double sine_of_pi(double x) {
  double r = std::fmod(x, 2.0);
  if (std::fabs(r) > 1) r -= std::copysign(2.0, r);
  if (std::fabs(r) > 0.5) r = std::copysign(1.0, r) - r;
  return std::sin(M_PI * r);
}

double cosine_of_pi(double x) {
  double r = std::fabs(std::fmod(x, 2.0));
  if (r > 1) r = 2 - r;
  return r > 0.25 && r < 0.75 ? std::sin(M_PI * (0.5 - r)) : std::cos(M_PI * r);
}

// Newton's method on erf, from a series that is good in the middle and the tail's asymptote.
double inverse_erf(double y) {
  if (!(std::fabs(y) < 1)) return std::fabs(y) == 1 ? std::copysign(HUGE_VAL, y) : std::nan("");
  const double tail = std::log1p(-y * y), a = 2 / (M_PI * 0.147) + tail / 2;
  double x = std::copysign(std::sqrt(std::sqrt(a * a - tail / 0.147) - a), y);
  for (int step = 0; step < 4; ++step) {
    const double miss = x < 0 ? std::erfc(-x) - (1 + y) : (1 - y) - std::erfc(x);
    if (miss != 0) x -= miss * std::exp(x * x) * std::sqrt(M_PI) / 2;
  }
  return x;
}

void special(std::uint64_t count, const void* site) {
  if (on_device()) record_operation(Operation::special_function, count, site);
}

}  // namespace
}  // namespace attnlab::emulator

using attnlab::emulator::cosine_of_pi;
using attnlab::emulator::inverse_erf;
using attnlab::emulator::sine_of_pi;
using attnlab::emulator::special;

#define ATTNLAB_HERE __builtin_return_address(0)

extern "C" {

#define ATTNLAB_DEFINE(name, uses)         \
  float attnlab_emulator_##name(float x) { \
    special(uses, ATTNLAB_HERE);           \
    return ::name(x);                      \
  }
ATTNLAB_LIBRARY_FUNCTIONS(ATTNLAB_DEFINE)
#undef ATTNLAB_DEFINE

#define ATTNLAB_DEFINE(name, library, uses) \
  float attnlab_emulator_##name(float x) {  \
    special(uses, ATTNLAB_HERE);            \
    return ::library(x);                    \
  }
ATTNLAB_FAST_FUNCTIONS(ATTNLAB_DEFINE)
#undef ATTNLAB_DEFINE

#define ATTNLAB_DEFINE(name, uses, value)            \
  float attnlab_emulator_##name##f(float argument) { \
    special(uses, ATTNLAB_HERE);                     \
    const double x = argument;                       \
    return static_cast<float>(value);                \
  }                                                  \
  double attnlab_emulator_##name(double x) { return value; }
ATTNLAB_CUDA_FUNCTIONS(ATTNLAB_DEFINE)
#undef ATTNLAB_DEFINE

float attnlab_emulator_powf(float x, float y) {
  special(2, ATTNLAB_HERE);
  return std::pow(x, y);
}
float attnlab_emulator___powf(float x, float y) {
  special(2, ATTNLAB_HERE);
  return std::pow(x, y);
}
void attnlab_emulator_sincosf(float x, float* sine, float* cosine) {
  special(2, ATTNLAB_HERE);
  ::sincosf(x, sine, cosine);
}
void attnlab_emulator___sincosf(float x, float* sine, float* cosine) {
  special(2, ATTNLAB_HERE);
  ::sincosf(x, sine, cosine);
}
void attnlab_emulator_sincospif(float x, float* sine, float* cosine) {
  special(2, ATTNLAB_HERE);
  *sine = static_cast<float>(sine_of_pi(x));
  *cosine = static_cast<float>(cosine_of_pi(x));
}
void attnlab_emulator_sincospi(double x, double* sine, double* cosine) {
  *sine = sine_of_pi(x);
  *cosine = cosine_of_pi(x);
}
std::clock_t attnlab_emulator_clock() {
  return attnlab::emulator::on_device() ? static_cast<std::clock_t>(attnlab::emulator::clock())
                                        : std::clock();
}

}  // extern "C"

namespace attnlab::emulator::calls {

float reciprocal(float x) {
  special(1, ATTNLAB_HERE);
  return 1 / x;
}
float divide(float x, float y) {
  special(1, ATTNLAB_HERE);
  return x / y;
}

}  // namespace attnlab::emulator::calls
