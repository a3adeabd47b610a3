// Starting and stopping a profiler, which is not there: functions of the runtime API that do nothing.
#pragma once

#include "cuda_runtime_api.h"
