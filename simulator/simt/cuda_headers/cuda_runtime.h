// What every CUDA program gets: the runtime API, the types and the built-in functions of device code.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "assert.h"
#include "cache_functions.h"
#include "cuda_runtime_api.h"
#include "device_atomic_functions.h"
#include "device_functions.h"
#include "device_launch_parameters.h"
#include "float_intrinsics.h"
#include "host_defines.h"
#include "integer_functions.h"
#include "math_constants.h"
#include "math_functions.h"
#include "simd_functions.h"
#include "vector_functions.h"
#include "vector_types.h"
#include "warp_functions.h"
