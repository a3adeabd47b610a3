"""The arguments of an attention problem, the same for every function: checked, and as the extension takes them."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, TypedDict

import numpy as np

from attnlab import _arrays

Layout: TypeAlias = Literal["bhsd", "bshd"]
Window: TypeAlias = "int | tuple[int | None, int | None] | None"
Golden: TypeAlias = Literal["auto", "cpu", "gpu"]  # who computes: auto is a GPU where it is there and gains


class Options(TypedDict, total=False):
    """The keyword arguments that describe a problem; docs/semantics.md has their meaning to the last edge."""

    causal: bool  # query i sees keys up to i + seqlen_kv - seqlen_q (bottom right)
    window: Window  # (left, right) around the diagonal, None or -1: no bound; n: (n, n)
    softmax_scale: float | None  # None: 1 / sqrt(head_dim)
    softcap: float  # s -> softcap tanh(s / softcap); 0: none
    alibi_slopes: Any  # [heads] or [batch, heads]
    sinks: Any  # [heads]: a logit with v = 0
    mask: Any  # bool, broadcasts to [batch, heads, seqlen_q, seqlen_kv]; False hides
    bias: Any  # float32, broadcasts likewise; -inf hides
    q_lens: Any  # [batch]: padding, rows used
    kv_lens: Any
    cu_seqlens_q: Any  # [batch + 1]: packed sequences
    cu_seqlens_kv: Any
    dropout_p: float
    dropout_seed: int
    dropout_offset: int
    q_descale: Any  # factors of fp8 tensors; broadcast to [batch, heads, seqlen, 1]
    k_descale: Any
    v_descale: Any
    block_table: Any  # [batch, pages]: k and v are pages


def window_sides(window: Window) -> tuple[int | None, int | None]:
    if window is None:
        return None, None
    sides = window if isinstance(window, (tuple, list)) else (window, window)
    if len(sides) != 2 or not all(side is None or _is_integer(side) and -1 <= side < 2**62 for side in sides):
        raise ValueError(f"window: got {window!r}, expected (left, right), each a number of keys, or None or -1")
    left, right = (None if side is None or side == -1 else int(side) for side in sides)
    return left, right


def _is_integer(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def is_layout(value: Any) -> bool:
    return value in ("bhsd", "bshd")


def _descale(name: str, factors: Any) -> Any:
    """One number, [heads], [batch, heads] or 4 dimensions, as 4 dimensions."""
    values = _arrays.float32(name, factors)
    if values is None or values.ndim in (0, 4):
        return values
    if values.ndim > 2:
        raise ValueError(f"{name}: got {values.ndim} dimensions, expected a number, [heads], [batch, heads] or 4")
    return values.reshape(*values.shape, 1, 1)


def _table(block_table: Any) -> tuple[int, int, list[int]] | None:
    if block_table is None:
        return None
    table = _arrays.host("block_table", block_table)
    if table.ndim != 2 or table.dtype.kind not in "iu":
        raise ValueError(f"block_table: got {table.dtype} of shape {table.shape}, expected integers [batch, pages]")
    pages = [int(page) for page in table.reshape(-1)]
    if pages and not -(2**31) <= min(pages) <= max(pages) < 2**31:
        raise ValueError(f"block_table: got page {max(pages, key=abs)}, expected pages of k and v")
    return table.shape[0], table.shape[1], pages


def problem(layout: Layout, threads: int, golden: Golden, tensors: dict[str, Any], options: Options) -> dict[str, Any]:
    """What read_question (python/src/question.cpp) reads. Tensors that are None are left out."""
    if not is_layout(layout):
        raise ValueError(f"layout: got {layout!r}, expected 'bhsd' (PyTorch) or 'bshd' (FlashAttention)")
    unknown = set(options) - set(Options.__annotations__)
    if unknown:
        raise TypeError(f"unexpected keyword argument '{sorted(unknown)[0]}'")
    arguments: dict[str, Any] = {"layout": layout, "threads": threads, "golden": golden}
    arguments |= {name: _arrays.export(name, array) for name, array in tensors.items() if array is not None}
    for name in ("causal", "softmax_scale", "softcap", "dropout_p", "dropout_seed", "dropout_offset"):
        arguments[name] = options.get(name)
    arguments["window"] = window_sides(options.get("window"))
    for name in ("q_lens", "kv_lens", "cu_seqlens_q", "cu_seqlens_kv"):
        arguments[name] = _arrays.integers(name, options.get(name))
    for name in ("alibi_slopes", "sinks"):
        arguments[name] = _arrays.numbers(name, options.get(name))
    for name in ("q_descale", "k_descale", "v_descale"):
        arguments[name] = _descale(name, options.get(name))
    arguments["mask"] = _arrays.boolean("mask", options.get("mask"))
    arguments["bias"] = _arrays.float32("bias", options.get("bias"))
    arguments["block_table"] = _table(options.get("block_table"))
    return arguments
