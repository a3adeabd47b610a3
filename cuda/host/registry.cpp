#include "cuda/host/registry.h"

#include <algorithm>
#include <string>

#include "cuda/backward/geometry.h"
#include "cuda/forward/geometry.h"
#include "cuda/softmax/geometry.h"
#include "reference/core/errors.h"

namespace attnlab::cuda {
namespace {

constexpr const char* kSafeSoftmaxPaper = "Milakov & Gimelshein 2018, Algorithm 2";
constexpr const char* kFlash1Paper = "Dao et al. 2022, Algorithm 1";
constexpr const char* kFlash2Paper = "Dao 2023, Algorithm 1";

// In the order of the ladder.
constexpr Kernel kKernels[] = {
    {"softmax-01", "cuda/softmax/01_thread_per_row.cu", "Softmax, a thread a row", kSafeSoftmaxPaper,
     "the formula, row by row", "32 sectors a request; few rows, few threads", Pass::softmax, 1, 1, true,
     [](int) { return kSoftmaxThreadPerRow; }, nullptr},
    {"softmax-02", "cuda/softmax/02_warp_per_row.cu", "Softmax, a warp a row", kSafeSoftmaxPaper,
     "neighbouring lanes read neighbouring elements; shuffles", "one warp a row, however long", Pass::softmax,
     1, 1, true, [](int) { return kSoftmaxWarpPerRow; }, nullptr},
    {"softmax-03", "cuda/softmax/03_block_per_row.cu", "Softmax, a block a row", kSafeSoftmaxPaper,
     "8 warps share a row", "three passes", Pass::softmax, 1, 1, true,
     [](int) { return kSoftmaxBlockPerRow; }, nullptr},
    {"softmax-04", "cuda/softmax/04_online.cu", "Softmax, online", "Milakov & Gimelshein 2018, Algorithm 3",
     "maximum and sum in one pass", "a second pass: the result needs the sum", Pass::softmax, 1, 1, true,
     [](int) { return kSoftmaxOnline; }, nullptr},

    {"naive-01", "cuda/forward/01_naive.cu", "Naive attention", "Dao et al. 2022, Algorithm 0",
     "a thread a number; S and P in HBM", "uncoalesced requests; nothing reused", Pass::forward, 3, 3, true,
     naive_geometry, scores_bytes},
    {"tiled-02", "cuda/forward/02_tiled_matmul.cu", "Attention by tiled products",
     "Dao et al. 2022, Algorithm 0", "tiles in shared memory: a number serves 32 products",
     "S and P through HBM", Pass::forward, 3, 3, true, tiled_geometry, scores_bytes},
    {"flash1-03", "cuda/forward/03_flash1.cu", "FlashAttention", kFlash1Paper, "S and P never leave the SM",
     "O, l, m through HBM at every outer step; a block a head", Pass::forward, 1, 1, false,
     thread_a_row_geometry, flash1_workspace_bytes},
    {"flash2-04", "cuda/forward/04_flash2.cu", "FlashAttention-2, a thread a row", kFlash2Paper,
     "rows outside: O stays; a block a row block; hidden tiles skipped",
     "a number from shared memory serves one row", Pass::forward, 1, 1, false, thread_a_row_geometry,
     nullptr},
    {"flash2-05", "cuda/forward/05_flash2_registers.cu", "FlashAttention-2, register tiles", kFlash2Paper,
     "4 x 4 scores a thread; row maxima by shuffles", "scalar arithmetic; loads and products take turns",
     Pass::forward, 1, 1, false, register_tile_geometry, nullptr},

    {"flash1-backward-01", "cuda/backward/01_flash1.cu", "FlashAttention backward",
     "Dao et al. 2022, Algorithm 4", "P recomputed from lse; dK and dV stay in registers",
     "dQ through HBM at every outer step; a block a KV head", Pass::backward, 1, 2, false, backward_geometry,
     delta_and_dq_bytes},
    {"flash2-backward-deterministic-02", "cuda/backward/02_flash2.cu",
     "FlashAttention-2 backward, deterministic", "Dao 2023, Algorithm 2",
     "a block a block of keys, and again one a block of queries for dQ: no atomics",
     "S and dP computed twice; small tiles, no tensor cores", Pass::backward, 3, 3, false, backward_geometry,
     delta_bytes},
    {"flash2-backward-02", "cuda/backward/02_flash2.cu", "FlashAttention-2 backward", "Dao 2023, Algorithm 2",
     "a block a block of keys; dQ by atomics; hidden tiles skipped",
     "dQ's last bits depend on the order of atomics; small tiles, no tensor cores", Pass::backward, 2, 3,
     false, backward_geometry, delta_and_dq_bytes},
};

std::string names(Pass pass) {
  std::string all;
  for (const Kernel& kernel : kKernels) {
    if (kernel.pass == pass) all += (all.empty() ? "" : ", ") + std::string(kernel.name);
  }
  return all;
}

}  // namespace

std::span<const Kernel> kernels() { return kKernels; }

const Kernel& find_kernel(std::string_view name) {
  for (const Kernel& kernel : kKernels) {
    if (kernel.name == name) return kernel;
  }
  throw InvalidArgument("kernel", std::string(name),
                        "one of " + names(Pass::softmax) + ", " + names(Pass::forward) +
                            (names(Pass::backward).empty() ? "" : ", " + names(Pass::backward)));
}

int Kernel::fitness(const AttentionParams& params, std::size_t shared_bytes_a_block) const {
  if (geometry(params.head_dim).shared_bytes > shared_bytes_a_block) return -1;
  return static_cast<int>(this - kKernels);  // each rung improves on the one below it
}

const Kernel& fittest_kernel(Pass pass, const AttentionParams& params, std::size_t shared_bytes_a_block) {
  const Kernel* best = nullptr;
  int best_fitness = -1;
  for (const Kernel& kernel : kKernels) {
    if (kernel.pass != pass) continue;
    const int fitness = kernel.fitness(params, shared_bytes_a_block);
    if (fitness > best_fitness) best = &kernel, best_fitness = fitness;
  }
  if (best == nullptr) {
    throw InvalidArgument(
        "head_dim", std::to_string(params.head_dim),
        "one whose tiles fit into " + std::to_string(shared_bytes_a_block) + " bytes of shared memory");
  }
  return *best;
}

std::string ladder_row(const Kernel& kernel) {
  std::string row = std::string("| ") + kernel.name + " | `" + kernel.file + "` |";
  for (const char* cell : {kernel.idea, kernel.limit, kernel.paper}) row += std::string(" ") + cell + " |";
  return row;
}

const char* name(ElementType type) {
  return type == ElementType::f32 ? "fp32" : type == ElementType::f16 ? "fp16" : "bf16";
}

int bytes(ElementType type) { return type == ElementType::f32 ? 4 : 2; }

}  // namespace attnlab::cuda
