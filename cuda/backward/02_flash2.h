// flash2-backward-deterministic-02 and flash2-backward-02: rows.
#pragma once

#include "cuda/device/backward_geometry.h"
#include "cuda/host/backward_params.h"
#include "cuda/host/scalar.h"

namespace attnlab::cuda {

ATTNLAB_CUDA_LAUNCHERS(flash2_backward_deterministic_02, BackwardParams);
ATTNLAB_CUDA_LAUNCHERS(flash2_backward_02, BackwardParams);

constexpr Kernel kBackward02[] = {
    {
        .name = "flash2-backward-deterministic-02",
        .title = "FlashAttention-2 backward, deterministic",
        .paper = "Dao 2023, Algorithm 2",
        .idea = "one block per block of keys, then one per block of queries for dQ: no atomics",
        .limit = "S and dP computed twice; small tiles, no tensor cores",
        .pass = Pass::backward,
        .algorithm = "flash2",
        .operands = kBackwardOperands,
        .needs = kScalarAttention,
        .launches = 3,
        .launches_narrow = 3,
        .whole_rows = false,
        .geometry = backward_geometry,
        .takes = backward_takes,
        .workspace_bytes = delta_bytes,
        .launchers = flash2_backward_deterministic_02,
    },
    {
        .name = "flash2-backward-02",
        .title = "FlashAttention-2 backward",
        .paper = "Dao 2023, Algorithm 2",
        .idea = "one block per block of keys; dQ by atomics; hidden tiles skipped",
        .limit = "dQ's last bits depend on the order of atomics; small tiles, no tensor cores",
        .pass = Pass::backward,
        .algorithm = "flash2",
        .operands = kBackwardOperands,
        .needs = kScalarAttention,
        .launches = 2,
        .launches_narrow = 3,
        .whole_rows = false,
        .geometry = backward_geometry,
        .takes = backward_takes,
        .workspace_bytes = delta_and_dq_bytes,
        .launchers = flash2_backward_02,
    }};

}  // namespace attnlab::cuda
