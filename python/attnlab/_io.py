"""attnlab.io: the bytes an algorithm has to move."""

from __future__ import annotations

import json
from typing import Any, Literal

from attnlab import _core
from attnlab._arguments import Window, window_sides


def io(
    algorithm: str = "flash2",
    *,
    seqlen: int | None = None,
    seqlen_q: int | None = None,
    seqlen_kv: int | None = None,
    batch: int = 1,
    num_heads: int = 1,
    num_kv_heads: int | None = None,
    head_dim: int = 64,
    head_dim_v: int | None = None,
    dtype: str = "fp16",
    direction: Literal["forward", "backward", "both"] = "forward",
    causal: bool = False,
    window: Window = None,
    softcap: float = 0.0,
    dropout_p: float = 0.0,
    mask_pass: bool = False,
    boolean_mask: bool = False,
    bias: bool = False,
    device: str = "a100-40gb",
    sram_bytes: int | None = None,
    br: int | None = None,
    bc: int | None = None,
    density: float | None = None,
    kv_lora_rank: int | None = None,
    rope_dim: int | None = None,
    page_size: int | None = None,
) -> dict[str, Any]:
    """HBM traffic, SRAM and FLOPs of an algorithm (`attnlab list`): closed form and metered, as `attnlab io --json`.

    br and bc are a tile's rows and columns, without them the paper's rule for sram_bytes, without that the device's. With
    page_size K and V lie in pages of so many rows, and the block table is read, too.
    """
    arguments = dict(locals())
    either = {"seqlen_q": seqlen_q, "seqlen_kv": seqlen_kv}
    for name, own in either.items():
        arguments[name] = own if own is not None else seqlen
        if arguments[name] is None:
            raise ValueError(f"{name}: got nothing, expected a length, here or as seqlen")
    arguments["window_left"], arguments["window_right"] = (
        -1 if side is None else side for side in window_sides(window)
    )
    answer: dict[str, Any] = json.loads(_core.io(arguments))
    return answer
