"""For test suites: an assertion on a kernel's outputs.

def test_my_kernel():
    q, k, v = (torch.randn(2, 8, 333, 64, dtype=torch.float16, device="cuda") for _ in range(3))
    assert_correct(my_kernel(q, k, v, causal=True), q, k, v, causal=True)
"""

from __future__ import annotations

from typing import Any, Unpack

from attnlab._arguments import Golden, Layout
from attnlab._check import CheckArguments, check
from attnlab._verdict import Verdict

__all__ = ["assert_correct"]


def assert_correct(
    out: Any,
    q: Any,
    k: Any,
    v: Any,
    *,
    lse: Any = None,
    dout: Any = None,
    dq: Any = None,
    dk: Any = None,
    dv: Any = None,
    layout: Layout = "bhsd",
    rows: str = "all",
    seed: int = 0,
    threads: int = 0,
    golden: Golden = "auto",
    **options: Unpack[CheckArguments],
) -> Verdict:
    """Raises AssertionError with the verdict's text unless the output is right; out may be the pair (o, lse).

    The arguments are those of attnlab.check, whose verdict is returned.
    """
    __tracebackhide__ = True  # pytest shows the caller's line
    if isinstance(out, tuple):
        if len(out) != 2 or lse is not None:
            raise ValueError(f"out: got a tuple of {len(out)}, expected an array or the pair (o, lse)")
        out, lse = out
    verdict = check(
        q,
        k,
        v,
        out,
        lse,
        dout=dout,
        dq=dq,
        dk=dk,
        dv=dv,
        layout=layout,
        rows=rows,
        seed=seed,
        threads=threads,
        golden=golden,
        **options,
    )
    if not verdict:
        raise AssertionError(str(verdict))
    return verdict
