#include "simulator/simt/builtins/index.h"

#include "simulator/simt/device.h"

namespace attnlab::simt::calls {

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

}  // namespace attnlab::simt::calls
