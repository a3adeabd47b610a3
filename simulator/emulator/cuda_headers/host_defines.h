// CUDA's keywords and attributes.
//
// The keywords that a kernel's translation gives a meaning expand to themselves: they survive the
// preprocessor for it, and #ifdef sees them. Our own headers use none of them, so that they also compile
// without it.
#pragma once

#define __global__ __global__
#define __device__ __device__
#define __host__ __host__
#define __shared__ __shared__
#define __constant__ __constant__
#define __managed__ __managed__
#define __grid_constant__ __grid_constant__
#define __noinline__ __noinline__
#define __forceinline__ __forceinline__
#define __inline_hint__ __inline_hint__
#define __launch_bounds__(...) __launch_bounds__(__VA_ARGS__)
#define __cluster_dims__(...) __cluster_dims__(__VA_ARGS__)
#define __maxnreg__(...)

#define __align__(n) __attribute__((aligned(n)))
#define __builtin_align__(n) __attribute__((aligned(n)))
#define __device_builtin__
#define __cudart_builtin__
#define __location__(a)
#define CUDARTAPI

// What device code of the emulator calls on the user's behalf: it dissolves in the function of the user, so
// that the accesses in it are that function's.
#define ATTNLAB_BUILTIN __attribute__((always_inline)) inline
// The same for a function with branches that the GPU does not have: it stays a function of its own, without
// instrumentation. It must not touch memory.
#define ATTNLAB_OPAQUE __attribute__((noinline, const, no_sanitize("thread"), no_sanitize_coverage)) inline

namespace attnlab::emulator::builtins {

// A condition as 0 or 1, of which the compiler cannot make a branch: a branch of ours would count as control
// flow of the user's kernel.
ATTNLAB_BUILTIN unsigned attnlab_flag(bool condition) {
  unsigned flag = condition;
  __asm__("" : "+r"(flag));
  return flag;
}

}  // namespace attnlab::emulator::builtins
