"""attnlab.check: is this output right?"""

from __future__ import annotations

from typing import Any, TypedDict, Unpack

from attnlab import _arguments, _core, _verdict
from attnlab._arguments import Golden, Layout, Options


class Declared(TypedDict, total=False):
    """What a kernel's author declares about its arithmetic, where it is not the usual one of the inputs' type
    (docs/oracle.md): P and dS in the inputs' type, sums in fp32. The budget follows from it."""

    operands: str | None  # q, k, v and dout are rounded to this before the products, such as 'tf32'
    p_dtype: str | None  # P and dS are rounded to this before theirs
    accumulate: str | None  # products and sums
    scores_dtype: str | None  # where S is stored between passes, if narrower
    p_scale: float | None  # P is multiplied by this before it is rounded
    ds_scale: float | None  # and dS by this
    exp_error: float | None  # relative error of the exponential function
    sums: str | None  # how additions round: 'nearest', or 'truncated' as tensor cores do
    groups: str | None  # dK, dV of each query head before a group's are added: 'rounded', or 'exact'
    min_block_kv: int | None  # the narrowest tile of keys
    rounded_to: str | None  # outputs were rounded to this before they were stored in a wider type


class CheckArguments(Options, Declared, total=False):
    pass


def split(options: CheckArguments) -> tuple[Options, Declared]:
    """The problem's part and the kernel's part of keyword arguments."""
    declared = {
        name: value for name, value in options.items() if name in Declared.__annotations__ and value is not None
    }
    problem = {name: value for name, value in options.items() if name not in Declared.__annotations__}
    return Options(**problem), Declared(**declared)  # type: ignore[typeddict-item]


def check(
    q: Any,
    k: Any,
    v: Any,
    out: Any,
    lse: Any = None,
    *,
    dout: Any = None,
    dq: Any = None,
    dk: Any = None,
    dv: Any = None,
    layout: Layout = "bhsd",
    rows: str = "all",
    seed: int = 0,
    diagnose: bool = True,
    rules: bool = False,
    threads: int = 0,
    golden: Golden = "auto",
    **options: Unpack[CheckArguments],
) -> _verdict.Verdict:
    """Compares what a kernel wrote with golden values, element by element, row by row and as a whole.

    q, k, v and the options are those of attnlab.attention; out is shaped as attention's o, lse as its lse. The
    gradients dq, dk, dv need dout, the gradient of the output. The options of Declared say how the kernel computes.
    rows='sample:512' looks at 512 rows per head (seed draws them), tile edges always among them. rules=True also says
    what other projects' acceptance rules make of the output. golden says who computes the right values: 'cpu', 'gpu',
    or 'auto', a GPU where the package was built for one and the problem is large. Raises ValueError where the arrays
    do not fit together.
    """
    problem, declared = split(options)
    tensors = {"q": q, "k": k, "v": v, "out": out, "lse": lse, "dout": dout, "dq": dq, "dk": dk, "dv": dv}
    arguments = _arguments.problem(layout, threads, golden, tensors, problem)
    return _verdict.verdict_of(_core.check(arguments, declared, rows, seed, diagnose, rules))
