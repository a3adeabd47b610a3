// Included at the head of every CUDA file (after cuda_runtime.h, which nvcc includes too): what translated
// code refers to.
#pragma once

#include "simulator/emulator/device_calls.h"
#include "simulator/emulator/launch.h"
#include "simulator/emulator/ptx/ptx.h"
#include "simulator/emulator/translate/choice.h"
#include "simulator/emulator/translate/launch_site.h"
