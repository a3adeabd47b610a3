#include "simulator/emulator/builtins/index.h"

#include "simulator/emulator/device_calls.h"

namespace attnlab::emulator::calls {

unsigned thread_index_x() { return thread_index().x; }
unsigned thread_index_y() { return thread_index().y; }
unsigned thread_index_z() { return thread_index().z; }
unsigned block_index_x() { return block_index().x; }
unsigned block_index_y() { return block_index().y; }
unsigned block_index_z() { return block_index().z; }
unsigned block_dim_x() { return block_dim().x; }
unsigned block_dim_y() { return block_dim().y; }
unsigned block_dim_z() { return block_dim().z; }
unsigned grid_dim_x() { return grid_dim().x; }
unsigned grid_dim_y() { return grid_dim().y; }
unsigned grid_dim_z() { return grid_dim().z; }

unsigned lane_in_warp() { return lane_id(); }
unsigned rank_in_block() { return warp_id() * kWarpSize + lane_id(); }
unsigned threads_in_block() { return block_dim().x * block_dim().y * block_dim().z; }
unsigned long long rank_in_grid() { return block_rank() * threads_in_block() + rank_in_block(); }
unsigned long long block_rank() {
  const Index3 block = block_index(), grid = grid_dim();
  return (static_cast<unsigned long long>(block.z) * grid.y + block.y) * grid.x + block.x;
}
unsigned long long blocks_in_grid() {
  return static_cast<unsigned long long>(grid_dim().x) * grid_dim().y * grid_dim().z;
}

}  // namespace attnlab::emulator::calls
