// cuRAND's device interface: a kernel that calls it ends with a finding.
#pragma once

#define CURAND_KERNEL_H_

#include "curand.h"
#include "device_functions.h"

namespace attnlab::emulator::builtins {

#define ATTNLAB_CURAND_STATE(name) \
  struct name {                    \
    unsigned words[16];            \
  };
ATTNLAB_CURAND_STATE(curandStateXORWOW)
ATTNLAB_CURAND_STATE(curandStateMRG32k3a)
ATTNLAB_CURAND_STATE(curandStatePhilox4_32_10)
ATTNLAB_CURAND_STATE(curandStateSobol32)
#undef ATTNLAB_CURAND_STATE
using curandStateXORWOW_t = curandStateXORWOW;
using curandState_t = curandStateXORWOW;
using curandState = curandStateXORWOW;
using curandStateMRG32k3a_t = curandStateMRG32k3a;
using curandStatePhilox4_32_10_t = curandStatePhilox4_32_10;
using curandStateSobol32_t = curandStateSobol32;

#define ATTNLAB_CURAND_DEVICE(name, T)          \
  template <class... Arguments>                 \
  ATTNLAB_BUILTIN T name(const Arguments&...) { \
    calls::stop_unsupported(#name);             \
  }
ATTNLAB_CURAND_DEVICE(curand_init, void)
ATTNLAB_CURAND_DEVICE(skipahead, void)
ATTNLAB_CURAND_DEVICE(curand, unsigned)
ATTNLAB_CURAND_DEVICE(curand4, uint4)
ATTNLAB_CURAND_DEVICE(curand_uniform, float)
ATTNLAB_CURAND_DEVICE(curand_uniform2_double, double2)
ATTNLAB_CURAND_DEVICE(curand_uniform4, float4)
ATTNLAB_CURAND_DEVICE(curand_uniform_double, double)
ATTNLAB_CURAND_DEVICE(curand_normal, float)
ATTNLAB_CURAND_DEVICE(curand_normal2, float2)
ATTNLAB_CURAND_DEVICE(curand_normal4, float4)
ATTNLAB_CURAND_DEVICE(curand_normal_double, double)
ATTNLAB_CURAND_DEVICE(curand_log_normal, float)
ATTNLAB_CURAND_DEVICE(curand_poisson, unsigned)
#undef ATTNLAB_CURAND_DEVICE

}  // namespace attnlab::emulator::builtins
