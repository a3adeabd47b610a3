"""attnlab.run: an algorithm of the reference on arrays; and random inputs that are the same everywhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Unpack

import numpy as np
from numpy.typing import NDArray

from attnlab import _arguments, _arrays, _core
from attnlab._arguments import Layout, Options
from attnlab._attention import shaped


@dataclass(frozen=True)
class Run:
    """Arrays are float32, or float64 with precision='double', shaped as attnlab.attention's."""

    o: NDArray[Any]
    lse: NDArray[Any]
    dq: NDArray[Any] | None = None  # with dout
    dk: NDArray[Any] | None = None
    dv: NDArray[Any] | None = None
    traffic: dict[str, Any] | None = None  # with metered=True: what the run loaded, stored and computed


def algorithms() -> list[str]:
    """The names of the attention algorithms that attnlab.run takes."""
    return _core.algorithms()


def run(
    q: Any,
    k: Any,
    v: Any,
    *,
    algorithm: str = "flash2",
    dout: Any = None,
    precision: Literal["float", "double"] = "float",
    br: int | None = None,
    bc: int | None = None,
    block_mask: Any = None,
    mask_pass: bool = False,
    metered: bool = False,
    dtype: str = "fp16",
    device: str = "a100-40gb",
    sram_bytes: int | None = None,
    layout: Layout = "bhsd",
    threads: int = 0,
    **options: Unpack[Options],
) -> Run:
    """Attention by one of attnlab.algorithms() in its own order of operations, and with dout its backward pass.

    Arrays and options are those of attnlab.attention, without block_table. br and bc are a tile's rows and columns;
    without them they suit the CPU, or if metered are the paper's rule for the SRAM. block_mask, [row tiles, column
    tiles] of bool, says which tiles 'blocksparse' computes.

    With metered=True the algorithm runs on the metered memory: an SRAM of sram_bytes (None: the device's). Run.traffic
    then has the counts of this run under the names of attnlab.io's answer, in bytes of a dtype's elements.
    """
    tensors = {"q": q, "k": k, "v": v, "dout": dout}
    arguments = _arguments.problem(layout, threads, "cpu", tensors, options)
    settings = {
        "algorithm": algorithm,
        "precision": precision,
        "br": br,
        "bc": bc,
        "block_mask": None if block_mask is None else np.ascontiguousarray(_arrays.boolean("block_mask", block_mask)),
        "mask_pass": mask_pass,
        "metered": metered,
        "dtype": dtype,
        "device": device,
        "sram_bytes": sram_bytes,
    }
    results = _core.run(arguments, settings)
    dimensions = np.ndim(q) if isinstance(q, np.ndarray) else len(q.shape)
    arrays = {name: shaped(results[name], layout, dimensions) for name in ("o", "dq", "dk", "dv") if name in results}
    traffic = json.loads(results["traffic"]) if "traffic" in results else None
    return Run(lse=shaped(results["lse"], "bhsd", dimensions), traffic=traffic, **arrays)


def random_normal(
    shape: Sequence[int], *, dtype: str = "fp32", seed: int = 0, stream: int = 0
) -> NDArray[np.float32]:
    """N(0, 1) rounded to dtype, as float32; the same numbers for the same seed and stream, as the attnlab program's."""
    extents = tuple(int(extent) for extent in shape)
    if any(extent < 0 for extent in extents):
        raise ValueError(f"shape: got {extents}, expected extents of at least 0")
    return _core.random_normal(int(np.prod(extents, dtype=object)), dtype, seed, stream).reshape(extents)


def random_blocks(rows: int, cols: int, *, density: float) -> NDArray[np.bool_]:
    """A block mask in which each tile exists with probability `density`: that of attnlab.io's density."""
    blocks: NDArray[np.bool_] = _core.random_blocks(rows, cols, density)[0].view(np.bool_)
    return blocks
