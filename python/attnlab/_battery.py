"""attnlab.battery: a kernel against everything that breaks kernels."""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from attnlab import _core, _frameworks, _verdict
from attnlab._arguments import Layout, is_layout
from attnlab._check import Declared

# A kernel raises this for a problem that it does not take; the case is skipped and counted.
Unsupported = NotImplementedError

# What the battery draws where the kernel has the argument.
_FEATURES = {
    "causal": "causal",
    "window": "window",
    "softcap": "softcap",
    "alibi": "alibi_slopes",
    "dropout": "dropout_p",
    "padding": "kv_lens",
    "packed": "cu_seqlens_kv",
    "scale": "softmax_scale",
    "mask": "mask",
    "bias": "bias",
    "sinks": "sinks",
}


@dataclass(frozen=True)
class CaseFailure:
    index: int
    problem: str  # "b 1, h 2/1, q 65, kv 129, d 64, causal, fp16, large-logits"
    check: str  # "values", or the name of an exact check
    what: str
    verdict: _verdict.Verdict | None  # of "values"
    shrunk: str  # the smallest problem that still fails, where one was found


@dataclass(frozen=True, eq=False, repr=False)
class Report:
    """What attnlab.battery found; true where no case failed."""

    right: bool
    run: int
    skipped: int
    planned: int
    next_case: int  # first_case of the call that continues this one
    complete: bool  # the whole plan was run
    left_out: list[str]  # profiles and checks without a case, and why the kernel declined others
    deterministic: bool
    max_error_over_budget: float
    hardest: str
    failures: list[CaseFailure]
    seconds: float
    _text: str
    _json: str

    def __bool__(self) -> bool:
        return self.right

    def __str__(self) -> str:
        return self._text.rstrip("\n")

    def __repr__(self) -> str:
        return f"<Report: {'right' if self.right else 'wrong'}, {self.run} cases, {len(self.failures)} failures>"

    def json(self) -> str:
        """The report as a JSON object; the same as `attnlab battery --json`."""
        return self._json


class _Kernel:
    """The caller's function behind the battery's calls."""

    def __init__(self, function: Any, backward: Any, adapter: Any, layout: Layout) -> None:
        self._function, self._backward, self._adapter = function, backward, adapter
        self._swapped = layout == "bshd"
        self.accepts, self.takes_any = _parameters(function)

    def __call__(self, call: dict[str, Any]) -> None:
        options = call["options"]
        names = ("q", "k", "v") if call["dout"] is None else ("q", "k", "v", "dout")
        arrays = {name: self._brought(call[name]) for name in names}
        # On the host the battery itself looks whether its buffers were written to.
        before = {} if self._adapter.on_host else {name: self._ordered(call[name][0]).tobytes() for name in names}
        if call["dout"] is None:
            self._run_forward(call, arrays, options)
        else:
            self._run_backward(call, arrays, options)
        for name, then in before.items():
            if _frameworks.bits(name, arrays[name])[0].tobytes() != then:
                raise ValueError(f"{name}: the kernel changed its input")

    def _run_forward(self, call: dict[str, Any], arrays: dict[str, Any], options: dict[str, Any]) -> None:
        given = {
            name: None if call[name] is None else self._brought(call[name])
            for name in ("out", "lse")
            if name in self.accepts
        }
        # On a device, memory that the framework hands out next is what was let go of last: full of poison.
        poison = None if given else self._brought(call["out"])
        del poison
        result = self._function(arrays["q"], arrays["k"], arrays["v"], **given, **self._options(options, arrays["q"]))
        if result is None and "out" in given:
            result = (given["out"], given.get("lse"))
        out, lse = result if isinstance(result, (tuple, list)) else (result, None)
        self._write("out", out, call["out"])
        if call["lse"] is not None:
            if lse is None:
                raise TypeError("the kernel returned no lse (battery(lse=True) expects the pair (o, lse))")
            self._write("lse", lse, call["lse"])

    def _run_backward(self, call: dict[str, Any], arrays: dict[str, Any], options: dict[str, Any]) -> None:
        tensors = (arrays["q"], arrays["k"], arrays["v"])
        chosen = self._options(options, arrays["q"])
        if callable(self._backward):
            saved = [self._brought(call[name]) for name in ("saved_out", "saved_lse")]
            gradients = self._backward(arrays["dout"], *tensors, *saved, **chosen)
        else:

            def forward(*inputs: Any) -> Any:
                result = self._function(*inputs, **chosen)
                return result[0] if isinstance(result, (tuple, list)) else result

            gradients = self._adapter.gradients(forward, tensors, arrays["dout"])
        for name, gradient in zip(("dq", "dk", "dv"), gradients, strict=True):
            if call[name] is not None:
                self._write(name, gradient, call[name])

    def _brought(self, pair: tuple[NDArray[Any], str]) -> Any:
        array, dtype = pair
        return self._adapter.bring(self._ordered(array), dtype)

    def _write(self, name: str, result: Any, pair: tuple[NDArray[Any], str]) -> None:
        """Into the battery's buffer, bit by bit."""
        target, dtype = self._ordered(pair[0]), pair[1]
        values, returned = _frameworks.bits(name, result)
        if returned != dtype:
            raise TypeError(f"{name}: got {returned}, expected {dtype}")
        if values.shape != target.shape:
            raise ValueError(f"{name}: got shape {values.shape}, expected {target.shape}")
        if not np.shares_memory(values, target):
            np.copyto(target, values.view(target.dtype))

    def _ordered(self, array: NDArray[Any]) -> NDArray[Any]:
        return array.transpose(0, 2, 1, 3) if self._swapped and array.ndim == 4 else array

    def _options(self, options: dict[str, Any], q: Any) -> dict[str, Any]:
        """Those that the function has, and with ** those that do something. One that does something and cannot
        be passed: not supported."""
        chosen = {}
        for name, value in options.items():
            idle = _is_idle(name, value, options, q.shape[-1])
            if name in self.accepts or (self.takes_any and not idle):
                chosen[name] = value
            elif not idle:
                raise Unsupported(f"the kernel has no argument {name}")
        return chosen


def _is_idle(name: str, value: Any, options: dict[str, Any], head_dim: int) -> bool:
    """Whether a problem's option does nothing, so that a kernel need not know it."""
    if name == "softmax_scale":
        return bool(value == 1 / math.sqrt(head_dim))
    if name in ("dropout_seed", "dropout_offset"):
        return not options["dropout_p"]
    if name in ("page_size", "seqlen_kv"):  # what the shapes of k and of block_table say, too
        return True
    return value is None or value is False or (isinstance(value, float) and value == 0)


def _parameters(function: Callable[..., Any]) -> tuple[set[str], bool]:
    """The names of a function's arguments, and whether it takes any others."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # of a C extension
        return set(), False
    named = {p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}
    return named, any(p.kind is p.VAR_KEYWORD for p in parameters)


def _activations(arrays: tuple[Any, Any, Any]) -> tuple[Any, ...]:
    if not isinstance(arrays, (tuple, list)) or len(arrays) != 3:
        raise ValueError(f"activations: got {type(arrays).__name__}, expected three arrays, q, k and v")
    tensors = [np.ascontiguousarray(_frameworks.bits("activations", array)[0], np.float32) for array in arrays]
    if tensors[0].ndim != 4 or any(tensor.shape != tensors[0].shape for tensor in tensors):
        raise ValueError("activations: got arrays of other shapes, expected q, k, v, all [batch, heads, seqlen, dim]")
    return ("real", *tensors)


def _bar(done: int, total: int, failures: int) -> None:
    width = 40
    filled = width * done // max(1, total)
    wrong = f", {failures} failed" if failures else ""
    end = "\n" if done >= total else ""
    sys.stderr.write(f"\rbattery [{'#' * filled}{' ' * (width - filled)}] {done}/{total} cases{wrong}{end}")
    sys.stderr.flush()


def battery(
    kernel: Callable[..., Any],
    *,
    dtypes: Sequence[str] = ("fp32",),
    head_dims: Sequence[int] = (64,),
    framework: str = "numpy",
    device: str | None = None,
    layout: Layout = "bhsd",
    lse: bool = False,
    backward: bool | Callable[..., Any] = False,
    causal: bool | None = None,
    window: bool | None = None,
    softcap: bool | None = None,
    alibi: bool | None = None,
    dropout: bool | None = None,
    padding: bool | None = None,
    packed: bool | None = None,
    scale: bool | None = None,
    mask: bool | None = None,
    bias: bool | None = None,
    sinks: bool | None = None,
    gqa: bool = True,
    cross: bool = True,
    dim_v: bool = False,
    empty: bool = True,
    strides: bool = True,
    hidden_nan: bool = True,
    huge: bool = False,
    page_sizes: Sequence[int] | None = None,
    activations: tuple[Any, Any, Any] | None = None,
    max_seqlen: int = 1040,
    time_limit: float = 60.0,
    seed: int = 0,
    cases: int = 0,
    first_case: int = 0,
    stop_after: int = 3,
    shrink: bool = True,
    threads: int = 0,
    progress: bool | Callable[[int, int, int], None] = False,
    **declared: Unpack[Declared],
) -> Report:
    """Runs a kernel on shapes, data and exact checks drawn around everything that breaks kernels.

    The kernel is called as kernel(q, k, v, **options) with arrays of the framework ('numpy', 'torch', 'jax', 'cupy')
    on the device, and returns o, or (o, lse) with lse=True. It gets those of attnlab.attention's options that it has
    arguments for, and what is drawn follows from them: no argument `window`, no windows (window=True and its like
    overrule). If it has arguments out (and lse), it is given buffers to write to; lse is None in calls that do not ask
    for it. It may raise attnlab.Unsupported.

    backward=True checks gradients too, those of the framework's automatic differentiation (torch, jax); a function
    is called as backward(dout, q, k, v, out, lse, **options) and returns dq, dk, dv.

    empty: sequences of length 0; cross: seqlen_q != seqlen_kv; dim_v: another head_dim of v; strides: other layouts
    than contiguous ones; hidden_nan: NaN behind a mask, which must not matter; huge: tensors of more than 2^31
    elements; activations: q, k, v of a real model, all [batch, heads, seqlen, dim].

    A kernel with an argument `block_table` is also called with paged caches of page_sizes rows per page (16 and 64):
    k and v are then pages, [pages, heads, page size, dim] or with layout='bshd' [pages, page size, heads, dim],
    block_table is a numpy array of int32, [batch, pages a sequence] (None in other calls), and what the shapes do not
    say comes as `seqlen_kv` and `page_size`, where it has these arguments.

    The battery stops after time_limit seconds or stop_after failures; first_case continues one, and cases beyond the
    plan's are random ones. Ctrl-C stops it at the next case. progress=True draws a bar on stderr.
    """
    if not callable(kernel):
        raise TypeError(f"kernel: got {kernel!r}, expected a function (q, k, v, **options)")
    for name, choice in {"backward": backward, "progress": progress}.items():
        if not (isinstance(choice, bool) or callable(choice)):
            raise TypeError(f"{name}: got {choice!r}, expected True, False or a function")
    if not is_layout(layout):
        raise ValueError(f"layout: got {layout!r}, expected 'bhsd' (PyTorch) or 'bshd' (FlashAttention)")
    called = _Kernel(kernel, backward, _frameworks.adapter(framework, device), layout)
    wanted = {
        "causal": causal,
        "window": window,
        "softcap": softcap,
        "alibi": alibi,
        "dropout": dropout,
        "padding": padding,
        "packed": packed,
        "scale": scale,
        "mask": mask,
        "bias": bias,
        "sinks": sinks,
    }
    settings: dict[str, Any] = {
        name: _FEATURES[name] in called.accepts or (name in ("causal", "scale") and called.takes_any)
        if choice is None
        else choice
        for name, choice in wanted.items()
    }
    settings |= {
        "dtypes": [dtypes] if isinstance(dtypes, str) else dtypes,
        "head_dims": head_dims,
        "lse": lse,
        "backward": bool(backward),
        "gqa": gqa,
        "cross": cross,
        "dim_v": dim_v,
        "empty": empty,
        "strides": strides,
        "hidden_nan": hidden_nan,
        "huge": huge,
        "page_sizes": ((16, 64) if "block_table" in called.accepts else ()) if page_sizes is None else page_sizes,
        "activations": None if activations is None else _activations(activations),
        "max_seqlen": max_seqlen,
        "time_limit": time_limit,
        "seed": seed,
        "cases": cases,
        "first_case": first_case,
        "stop_after": stop_after,
        "shrink": shrink,
        "threads": threads,
    }
    report = _core.battery(called, settings, declared, (_bar if progress is True else progress) or None)
    failures = [
        CaseFailure(**{**f, "verdict": f["verdict"] and _verdict.verdict_of(f["verdict"])})
        for f in report.pop("failures")
    ]
    return Report(failures=failures, _text=report.pop("text"), _json=report.pop("json"), **report)
