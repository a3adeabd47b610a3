// Included at the head of every CUDA file (after cuda_runtime.h, which nvcc includes too): what translated
// code refers to.
#pragma once

#include "simulator/simt/device.h"
#include "simulator/simt/launch.h"
#include "simulator/simt/ptx/ptx.h"
#include "simulator/simt/translate/launch_site.h"
