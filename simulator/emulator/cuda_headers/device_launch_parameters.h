// threadIdx, blockIdx, blockDim, gridDim, warpSize.
//
// Functions that are constant for a thread: reading them is no access to memory, and the compiler may keep
// their values. A kernel's translation puts their calls where device code has the names; macros would also
// take the host's variables and members that are called so.
#pragma once

#define __DEVICE_LAUNCH_PARAMETERS_H__

#include "simulator/emulator/builtins/index.h"
#include "vector_types.h"

namespace attnlab::emulator::builtins {

ATTNLAB_BUILTIN uint3 attnlab_thread_index() {
  return {calls::thread_index_x(), calls::thread_index_y(), calls::thread_index_z()};
}
ATTNLAB_BUILTIN uint3 attnlab_block_index() {
  return {calls::block_index_x(), calls::block_index_y(), calls::block_index_z()};
}
ATTNLAB_BUILTIN dim3 attnlab_block_dim() {
  return {calls::block_dim_x(), calls::block_dim_y(), calls::block_dim_z()};
}
ATTNLAB_BUILTIN dim3 attnlab_grid_dim() {
  return {calls::grid_dim_x(), calls::grid_dim_y(), calls::grid_dim_z()};
}

constexpr int warpSize = 32;

}  // namespace attnlab::emulator::builtins
