// Where a thread stands, one number per function: a compiler keeps the result of a constant function that
// returns a scalar, and calls one that returns a struct again at every use.
#pragma once

namespace attnlab::emulator::calls {

[[gnu::const]] unsigned thread_index_x();
[[gnu::const]] unsigned thread_index_y();
[[gnu::const]] unsigned thread_index_z();
[[gnu::const]] unsigned block_index_x();
[[gnu::const]] unsigned block_index_y();
[[gnu::const]] unsigned block_index_z();
[[gnu::const]] unsigned block_dim_x();
[[gnu::const]] unsigned block_dim_y();
[[gnu::const]] unsigned block_dim_z();
[[gnu::const]] unsigned grid_dim_x();
[[gnu::const]] unsigned grid_dim_y();
[[gnu::const]] unsigned grid_dim_z();

[[gnu::const]] unsigned lane_in_warp();
[[gnu::const]] unsigned rank_in_block();
[[gnu::const]] unsigned threads_in_block();
[[gnu::const]] unsigned long long rank_in_grid();  // of the thread, blocks in order
[[gnu::const]] unsigned long long block_rank();
[[gnu::const]] unsigned long long blocks_in_grid();

}  // namespace attnlab::emulator::calls
