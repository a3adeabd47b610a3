// The functions that device code calls. The CUDA headers (cuda_headers/), the PTX interpreter (ptx/) and the
// compiler's instrumentation use only this file; runtime/ implements it.
//
// Every function may be called from a CUDA thread of a running kernel. A CUDA thread is a fiber: a function
// that waits lets the other threads of its block run meanwhile. Called from host code, the functions that
// need a thread throw std::logic_error.
//
// site: the address in the instrumented code that made an access; null means the caller of the function. It
// becomes a source line in the report. Where one call makes several accesses (an asm statement), bits 48 to
// 55 of the site number them, so that the same ones of different lanes are matched.
#pragma once

#include <cstddef>
#include <cstdint>

namespace attnlab::emulator {

struct Index3 {
  unsigned x, y, z;
};

inline constexpr unsigned kWarpSize = 32;
inline constexpr unsigned kFullMask = 0xffffffffu;

// --- who am I ------------------------------------------------------------------------------------------
// Constant for a thread's lifetime, so that the compiler may call them once.
[[gnu::const]] Index3 thread_index();
[[gnu::const]] Index3 block_index();
[[gnu::const]] Index3 block_dim();
[[gnu::const]] Index3 grid_dim();
[[gnu::const]] unsigned lane_id();  // 0..31
[[gnu::const]] unsigned warp_id();  // in its block
[[gnu::const]] unsigned sm_id();    // the SM that the block model assigns; 0-based
bool on_device();                   // false in host code
std::uint64_t clock();              // a counter that rises; its unit means nothing

// --- what it did: counters ------------------------------------------------------------------------------
// bypass_l1: the load goes to the L2 (ld.global.cg).
void record_load(const void* address, unsigned bytes, const void* site = nullptr, bool bypass_l1 = false);
void record_store(const void* address, unsigned bytes, const void* site = nullptr);
// An atomic with (returns = true) or without a result (a reduction, RED). Does not perform it.
void record_atomic(const void* address, unsigned bytes, bool returns, const void* site = nullptr);

// collective: a rendezvous of a warp that counts as nothing. fma, fadd, fmul: in fp32, of code that is not
// compiled but interpreted.
enum class Operation {
  special_function,
  tensor_flop,
  fma,
  fadd,
  fmul,
  shuffle,
  vote,
  reduce,
  match,
  fence,
  collective
};
// count more operations of this kind by this thread. Shuffles, votes, reductions and matches are counted by
// warp_collective.
void record_operation(Operation kind, std::uint64_t count = 1, const void* site = nullptr);

// --- waiting for others ---------------------------------------------------------------------------------
// Lets the other threads run. For loops that wait for a value in memory; a block in which every thread only
// yields is reported as a deadlock.
void yield();

enum class BarrierKind { sync, count, logical_and, logical_or, arrive };
// Barrier `id` (0..15) of the block: waits until `threads` threads (0: all of the block) have come. For
// count, logical_and, logical_or the result is that of the predicates of all; otherwise 0. arrive does not
// wait.
int block_barrier(int id = 0, unsigned threads = 0, BarrierKind kind = BarrierKind::sync, int predicate = 0,
                  const void* site = nullptr);
// Threads of the block were ordered by other means than a block barrier, an mbarrier for example: accesses
// before and after do not race. Counts nothing.
void block_ordered();
// Whether this is a cooperative launch, in which grid_barrier may be called; false in host code.
bool cooperative();
// Cooperative launches only: all threads of the grid.
void grid_barrier(const void* site = nullptr);
void syncwarp(unsigned mask = kFullMask, const void* site = nullptr);
// The lanes of the caller's warp that ask at the same site. Lanes run one after the other: a lane that asks
// waits until every other one of its warp has asked too, waits for something else, or has exited.
unsigned active_mask(const void* site = nullptr);

// The primitive under every warp operation (shuffles, votes, reductions, matrix products). Each thread of
// mask calls with a pointer to its own arguments; when the last one has come, run(lanes, mask) is called
// once, lanes[i] being lane i's pointer (null outside mask); then all return. Arguments and results live on
// the callers' stacks. Threads that disagree about mask or run, or a lane in mask that has exited, are
// findings.
using WarpFunction = void (*)(void* const* lanes, unsigned mask);
void warp_collective(unsigned mask, void* mine, WarpFunction run, Operation kind, const void* site = nullptr);

// --- asynchronous copies (cp.async and what is built on it) ------------------------------------------------
// Global to shared, 4, 8 or 16 bytes; of the destination's bytes those after source_bytes become zero. The
// data arrive at the wait, not before; until then the destination holds poison and reading it is a finding.
void async_copy(void* shared, const void* global, unsigned bytes, unsigned source_bytes, bool bypass_l1,
                const void* site = nullptr);
void async_commit();  // closes this thread's group
void async_wait(unsigned groups_left,
                const void* site = nullptr);  // until at most so many of this thread's groups are pending

// --- address spaces -----------------------------------------------------------------------------------
enum class Space { global, shared, constant, local, host };
Space space_of(const void* address);
std::uint32_t shared_offset(const void* address);  // as cvta.to.shared gives
void* shared_address(std::uint32_t offset);
void* dynamic_shared();
// A __shared__ variable's declaration was passed: its name, its bytes, and its bytes with the guard behind it
// (SharedVariable in launch.h). Lets the checks name the variable and find accesses past its end.
void shared_variable(const char* name, std::size_t bytes, std::size_t guarded_bytes);
std::uint32_t dynamic_shared_bytes();

// --- ends ---------------------------------------------------------------------------------------------
// Stop the launch with a finding that names the construct and the line; the launch fails with
// cudaErrorNotSupported, cudaErrorLaunchFailure (trap) or cudaErrorAssert.
[[noreturn]] void unsupported(const char* construct, const void* site = nullptr);
[[noreturn]] void trap(const char* why, const void* site = nullptr);
[[noreturn]] void assertion_failed(const char* expression, const char* file, unsigned line,
                                   const void* site = nullptr);

}  // namespace attnlab::emulator
