// Asynchronous copies of a thread.
#pragma once

#include "cuda_pipeline_primitives.h"
