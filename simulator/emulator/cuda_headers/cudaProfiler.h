// Starting and stopping a profiler.
#pragma once

#include "cuda.h"
#include "cuda_profiler_api.h"
