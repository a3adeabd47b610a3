// Asynchronous copies, the barriers that count arrivals (cuda::barrier), and what pipelines are made of.
#pragma once

#include <cstddef>
#include <cstdint>

namespace attnlab::emulator::calls {

// One cp.async: 4, 8 or 16 bytes from global to shared memory, the last zero_fill of them zeros.
void copy_async(void* shared, const void* global, std::size_t bytes, std::size_t zero_fill);

// Thread `rank` of `threads` copies its share of `bytes` bytes. From global to shared memory by cp.async, in
// pieces of 16, 8 or 4 bytes as both addresses and the size allow; what is left over, and other directions,
// at once.
void copy_share(void* destination, const void* source, std::size_t bytes, unsigned rank, unsigned threads);

void commit_copies();
void wait_for_copies(unsigned groups_left);
void give_way();  // lets other threads run

// A barrier in one word: how many arrivals complete a phase, how many are missing, and the phase's number.
using Barrier = std::uint64_t;
inline constexpr unsigned kLargestBarrier = (1u << 20) - 1;
void barrier_init(Barrier* barrier, unsigned expected);
// The number of the phase that the arrivals belong to. The calling thread's asynchronous copies have arrived
// with it. drop: one arrival fewer is expected from the next phase on.
std::uint64_t barrier_arrive(Barrier* barrier, unsigned count, bool drop);
// The same without waiting for copies.
std::uint64_t barrier_arrive_keeping_copies(Barrier* barrier);
bool barrier_done(const Barrier* barrier, std::uint64_t phase);
bool barrier_done_parity(const Barrier* barrier, bool parity);
void barrier_wait(const Barrier* barrier, std::uint64_t phase);
void barrier_wait_parity(const Barrier* barrier, bool parity);

}  // namespace attnlab::emulator::calls
