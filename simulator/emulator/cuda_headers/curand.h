// cuRAND's host interface: answers CURAND_STATUS_TYPE_ERROR, its code for a generator that is not there.
#pragma once

#define CURAND_H_

#include "not_supported.h"

struct curandGenerator_st;

namespace attnlab::emulator::builtins {

using curandGenerator_t = ::curandGenerator_st*;

enum curandStatus_t {
  CURAND_STATUS_SUCCESS = 0,
  CURAND_STATUS_VERSION_MISMATCH = 100,
  CURAND_STATUS_NOT_INITIALIZED = 101,
  CURAND_STATUS_ALLOCATION_FAILED = 102,
  CURAND_STATUS_TYPE_ERROR = 103,
  CURAND_STATUS_OUT_OF_RANGE = 104,
  CURAND_STATUS_LENGTH_NOT_MULTIPLE = 105,
  CURAND_STATUS_DOUBLE_PRECISION_REQUIRED = 106,
  CURAND_STATUS_LAUNCH_FAILURE = 201,
  CURAND_STATUS_PREEXISTING_FAILURE = 202,
  CURAND_STATUS_INITIALIZATION_FAILED = 203,
  CURAND_STATUS_ARCH_MISMATCH = 204,
  CURAND_STATUS_INTERNAL_ERROR = 999,
};
enum curandRngType_t {
  CURAND_RNG_PSEUDO_DEFAULT = 100,
  CURAND_RNG_PSEUDO_XORWOW = 101,
  CURAND_RNG_PSEUDO_MRG32K3A = 121,
  CURAND_RNG_PSEUDO_MTGP32 = 141,
  CURAND_RNG_PSEUDO_MT19937 = 142,
  CURAND_RNG_PSEUDO_PHILOX4_32_10 = 161,
  CURAND_RNG_QUASI_DEFAULT = 200,
  CURAND_RNG_QUASI_SOBOL32 = 201,
};
using curandRngType = curandRngType_t;

#define ATTNLAB_CURAND(name) ATTNLAB_NOT_SUPPORTED(name, curandStatus_t, CURAND_STATUS_TYPE_ERROR)
ATTNLAB_CURAND(curandCreateGenerator)
ATTNLAB_CURAND(curandCreateGeneratorHost)
ATTNLAB_CURAND(curandDestroyGenerator)
ATTNLAB_CURAND(curandSetStream)
ATTNLAB_CURAND(curandSetPseudoRandomGeneratorSeed)
ATTNLAB_CURAND(curandSetGeneratorOffset)
ATTNLAB_CURAND(curandSetGeneratorOrdering)
ATTNLAB_CURAND(curandGenerate)
ATTNLAB_CURAND(curandGenerateUniform)
ATTNLAB_CURAND(curandGenerateUniformDouble)
ATTNLAB_CURAND(curandGenerateNormal)
ATTNLAB_CURAND(curandGenerateNormalDouble)
ATTNLAB_CURAND(curandGenerateLogNormal)
ATTNLAB_CURAND(curandGeneratePoisson)
#undef ATTNLAB_CURAND

}  // namespace attnlab::emulator::builtins
