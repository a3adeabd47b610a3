"""attnlab.kv and attnlab.memory_footprint: how much memory attention takes."""

from __future__ import annotations

import json
import os
from typing import Any, Literal

from attnlab import _core


def kv(
    model: str | None = None,
    *,
    config: str | os.PathLike[str] | None = None,
    context: int = 4096,
    batch: int = 1,
    dtype: str = "bf16",
    group_size: int = 0,
    scale_dtype: str = "fp16",
    memory_bytes: int | None = None,
    device: str | None = None,
    gpus: int = 1,
    reserve_bytes: int = 0,
    block_size: int = 16,
    num_gpu_blocks: int | None = None,
    weights_dtype: str = "bf16",
    weights_group_size: int = 0,
    parameters: int | None = None,
    compare: bool = False,
    groups: int | None = None,
) -> dict[str, Any]:
    """A model's KV cache and how much of it fits, as `attnlab kv --json`; with compare=True as with --compare.

    The model is a name of `attnlab list models` or a Hugging Face config.json. memory_bytes, or a device's memory, is a
    GPU's. group_size is how many numbers share a scale, 0: no scales. num_gpu_blocks are the blocks of block_size tokens
    that an engine says it has on a GPU: fewer than the memory would give, since what it runs takes some.
    """
    arguments = dict(locals())
    arguments["config"] = None if config is None else os.fspath(config)
    answer: dict[str, Any] = json.loads(_core.kv(arguments))
    return answer


def memory_footprint(
    implementation: Literal["pytorch", "flash_attention", "block_sparse_flash_attention"],
    *,
    seqlen: int,
    batch: int = 1,
    num_heads: int = 1,
    head_dim: int = 64,
) -> dict[str, int]:
    """GPU memory of one attention layer's forward and backward pass in fp16, in bytes by what holds them, and 'total':
    the terms behind FlashAttention's Table 21 (simulator/io/memory_footprint.h)."""
    footprint: dict[str, int] = json.loads(_core.memory_footprint(dict(locals())))
    return footprint
