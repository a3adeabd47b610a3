#include "simulator/emulator/builtins/rounded.h"

#include <cfenv>
#include <cmath>
#include <cstdint>
#include <limits>

namespace attnlab::emulator::calls {
namespace {

// Sets the host's rounding for a scope.
class Mode {
 public:
  explicit Mode(Rounding mode) : before_(std::fegetround()) {
    constexpr int kModes[] = {FE_TONEAREST, FE_TOWARDZERO, FE_UPWARD, FE_DOWNWARD};
    std::fesetround(kModes[static_cast<int>(mode)]);
  }
  ~Mode() { std::fesetround(before_); }
  Mode(const Mode&) = delete;
  Mode& operator=(const Mode&) = delete;

 private:
  int before_;
};

// Operands and results pass through volatile variables, which keeps the operation between the two changes of
// mode.
template <class Operation, class... T>
auto in_mode(Rounding mode, Operation operation, T... operands) {
  const Mode scope(mode);
  volatile decltype(operation(operands...)) result;
  [&](const volatile T&... opaque) { result = operation(T(opaque)...); }(operands...);
  return +result;
}

double to_integer(double x, Rounding mode) {
  switch (mode) {
    case Rounding::nearest:
      return std::nearbyint(x);
    case Rounding::zero:
      return std::trunc(x);
    case Rounding::up:
      return std::ceil(x);
    default:
      return std::floor(x);
  }
}

template <class Integer>
Integer saturated(double x, Rounding mode, Integer nan) {
  if (std::isnan(x)) return nan;
  const double whole = to_integer(x, mode);
  // 2^digits is exact, the largest Integer may not be.
  if (whole >= std::ldexp(1.0, std::numeric_limits<Integer>::digits))
    return std::numeric_limits<Integer>::max();
  if (whole <= static_cast<double>(std::numeric_limits<Integer>::min()))
    return std::numeric_limits<Integer>::min();
  return static_cast<Integer>(whole);
}

}  // namespace

#define ATTNLAB_ROUNDED(T)                                               \
  T rounded_add(T a, T b, Rounding mode) {                               \
    return in_mode(                                                      \
        mode, [](T x, T y) { return x + y; }, a, b);                     \
  }                                                                      \
  T rounded_multiply(T a, T b, Rounding mode) {                          \
    return in_mode(                                                      \
        mode, [](T x, T y) { return x * y; }, a, b);                     \
  }                                                                      \
  T rounded_divide(T a, T b, Rounding mode) {                            \
    return in_mode(                                                      \
        mode, [](T x, T y) { return x / y; }, a, b);                     \
  }                                                                      \
  T rounded_root(T a, Rounding mode) {                                   \
    return in_mode(                                                      \
        mode, [](T x) { return std::sqrt(x); }, a);                      \
  }                                                                      \
  T rounded_multiply_add(T a, T b, T c, Rounding mode) {                 \
    return in_mode(                                                      \
        mode, [](T x, T y, T z) { return std::fma(x, y, z); }, a, b, c); \
  }
ATTNLAB_ROUNDED(float)
ATTNLAB_ROUNDED(double)
#undef ATTNLAB_ROUNDED

float rounded_float(double x, Rounding mode) {
  return in_mode(
      mode, [](double y) { return static_cast<float>(y); }, x);
}

int to_int8(double x, Rounding mode) { return saturated<std::int8_t>(x, mode, 0); }
int to_uint8(double x, Rounding mode) { return saturated<std::uint8_t>(x, mode, 0); }
int to_int16(double x, Rounding mode) { return saturated<std::int16_t>(x, mode, 0); }
int to_uint16(double x, Rounding mode) { return saturated<std::uint16_t>(x, mode, 0); }
int to_int32(double x, Rounding mode) { return saturated<int>(x, mode, 0); }
unsigned to_uint32(double x, Rounding mode) { return saturated<unsigned>(x, mode, 0); }
long long to_int64(double x, Rounding mode) {
  return saturated<long long>(x, mode, std::numeric_limits<long long>::min());
}
unsigned long long to_uint64(double x, Rounding mode) {
  return saturated<unsigned long long>(x, mode, 1ull << 63);
}

}  // namespace attnlab::emulator::calls
