// A kernel's row: what it is, what it needs, what it moves, and how it is launched. The row stands beside the
// kernel: cuda/forward/04_flash2.h beside cuda/forward/04_flash2.cu, in an array named after family and
// number (kForward04). collect.sh finds every such file, and registry.h has all the rows.
//
// Lists, tests, measurements, benchmarks and the tables of the documents are made from the rows.
#pragma once

#include <cstddef>
#include <span>
#include <variant>

#include "cuda/host/params.h"

namespace attnlab::cuda {

// The folder of cuda/ in which a kernel lies; kernels are numbered within it. In the order of the ladder.
enum class Family { softmax, forward, backward, decode, fp8, quant, sparse, parallel };

enum class Pass { softmax, forward, backward, decode };  // decode: few queries, on a KV cache

// What a problem may ask of a kernel beyond Q, K and V of one type and length.
enum class Option : unsigned {
  causal = 1,
  window = 1 << 1,
  softcap = 1 << 2,
  alibi = 1 << 3,
  dropout = 1 << 4,
  grouped_heads = 1 << 5,  // fewer KV heads than query heads
  padded = 1 << 6,         // lengths of their own in a padded batch
  packed = 1 << 7,         // sequences one after the other, cu_seqlens
  value_dim = 1 << 8,      // head_dim_v other than head_dim
  bias = 1 << 9,
  mask = 1 << 10,
  sinks = 1 << 11,
  paged = 1 << 12,          // K and V in pages, block_table
  narrow_cache = 1 << 13,   // K and V in e4m3 or int8, with factors
  shared_prefix = 1 << 14,  // first keys that are the same for all sequences
};

class Options {
 public:
  constexpr Options() = default;
  constexpr Options(Option option) : bits_(static_cast<unsigned>(option)) {}
  constexpr bool has(Option option) const { return (bits_ & static_cast<unsigned>(option)) != 0; }
  constexpr Options operator|(Options other) const {
    Options both;
    both.bits_ = bits_ | other.bits_;
    return both;
  }

 private:
  unsigned bits_ = 0;
};
constexpr Options operator|(Option a, Option b) { return Options(a) | Options(b); }

// What a kernel takes, and of which GPU. What else it is asked for is refused before it is launched.
struct Requires {
  std::span<const DType> dtypes;        // of Q, K and V
  std::span<const int> head_dims = {};  // empty: the kernel has no head_dim
  Options options = {};
  int min_compute_capability = 80;    // 90: Hopper
  bool this_capability_only = false;  // uses instructions that later GPUs lack: compiled for sm_90a, say
};

// What a device has to give.
struct DeviceLimits {
  int compute_capability = 0;              // 90: Hopper
  std::size_t shared_bytes_per_block = 0;  // the most that a block may ask for
  int multiprocessors = 132;
};

// A launch's shape, from which the traffic follows.
struct Geometry {
  int br = 0, bc = 0;  // rows and columns of a tile of scores; softmax: rows per block
  int threads = 0;     // per block
  std::size_t shared_bytes = 0;
};

// Tiles in place of a kernel's own; 0: its own.
struct Tiles {
  int br = 0, bc = 0;
};

// The function that launches a kernel on each backend; null where this program was built without it. stream:
// a cudaStream_t, null for the default stream. Launches are asynchronous; throws CudaError.
template <class Params>
struct Launchers {
  using Launch = void (*)(const Params&, void* stream);
  Launch emulator = nullptr, gpu = nullptr;
};

struct Kernel {
  const char* name;  // "flash2-04"
  const char* title;
  const char* paper;
  const char* idea;   // what is better than one rung below
  const char* limit;  // what still limits it
  Pass pass;
  // The algorithm, by its name in `attnlab list algorithms`, whose closed form counts what the kernel moves.
  // Null: none.
  const char* algorithm;
  std::span<const Operand> operands;
  Requires needs;
  int launches, launches_narrow;  // CUDA kernels that one run launches; for 16-bit types
  bool whole_rows;                // a row's softmax is taken at once, not tile after tile
  bool tensor_cores = false;      // P is rounded to the inputs' type; else all is fp32
  // By head_dim, one of the row's (softmax ignores it), with the kernel's own tiles or with others. Kernels launched in
  // several steps: the step with the largest block.
  Geometry (*geometry)(int head_dim, Tiles asked);
  // Whether the kernel can be compiled with these tiles, none of them 0. Null: it has its own alone.
  bool (*takes)(int head_dim, Tiles tiles) = nullptr;
  // fp32 intermediates of one launch. Null: none.
  std::size_t (*workspace_bytes)(const AttentionParams&) = nullptr;
  std::variant<Launchers<SoftmaxParams>, Launchers<AttentionParams>, Launchers<BackwardParams>> launchers;
  // Why nvcc spills registers of some instance. Null: it spills none.
  const char* spills = nullptr;

  // Where row and kernel lie, from the project's root: the registry fills these in.
  Family family = {};
  const char* file = nullptr;    // the kernel, "cuda/forward/04_flash2.cu"
  const char* header = nullptr;  // the row
};

// The rows of one file, as collect.sh lists them in kernel_list.h.
struct Collected {
  Family family;
  const char *file, *header;
  std::span<const Kernel> rows;
};

// Declares a kernel's launcher in each backend's namespace, and here a pair of pointers to them, null where the
// program has no such backend. ATTNLAB_CUDA_EMULATOR and ATTNLAB_CUDA_GPU say which it has; only files of the host
// are compiled with them, so that each file has a pair of its own.
#ifdef ATTNLAB_CUDA_EMULATOR
#define ATTNLAB_CUDA_ON_EMULATOR(function) emulator::function
#else
#define ATTNLAB_CUDA_ON_EMULATOR(function) nullptr
#endif
#ifdef ATTNLAB_CUDA_GPU
#define ATTNLAB_CUDA_ON_GPU(function) gpu::function
#else
#define ATTNLAB_CUDA_ON_GPU(function) nullptr
#endif
#define ATTNLAB_CUDA_LAUNCHERS(function, Params)                      \
  namespace emulator {                                                \
  void function(const Params&, void* stream);                         \
  }                                                                   \
  namespace gpu {                                                     \
  void function(const Params&, void* stream);                         \
  }                                                                   \
  [[maybe_unused]] constexpr Launchers<Params> function {             \
    ATTNLAB_CUDA_ON_EMULATOR(function), ATTNLAB_CUDA_ON_GPU(function) \
  }

}  // namespace attnlab::cuda
