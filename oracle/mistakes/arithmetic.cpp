#include "oracle/mistakes/arithmetic.h"

#include <limits>

namespace attnlab::oracle::mistaken {

Rounding::Rounding(const FloatFormat& format, bool toward_zero, bool saturate)
    : least_(format.min_exponent() + 1023),
      most_(format.max_exponent() + 1023),
      mantissa_(format.mantissa_bits),
      toward_zero_(toward_zero),
      max_finite_(format.max_finite()),
      too_large_(saturate              ? max_finite_
                 : format.has_infinity ? std::numeric_limits<double>::infinity()
                                       : std::numeric_limits<double>::quiet_NaN()) {}

}  // namespace attnlab::oracle::mistaken
