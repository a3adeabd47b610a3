// What every CUDA program gets: the runtime API, the types and the built-in functions of device code.
//
// This header and its like define CUDA's include guards: programs ask by them what has been included.
#pragma once

#define __CUDA_RUNTIME_H__

#include <climits>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "assert.h"
#include "cache_functions.h"
#include "cuda_runtime_api.h"
#include "device_atomic_functions.h"
#include "device_functions.h"
#include "device_launch_parameters.h"
#include "float_intrinsics.h"
#include "host_defines.h"
#include "integer_functions.h"
#include "library_types.h"
#include "math_constants.h"
#include "math_functions.h"
#include "simd_functions.h"
#include "vector_functions.h"
#include "vector_types.h"
#include "warp_functions.h"
