"""attnlab.attention: the right answer."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias, Unpack, overload

import numpy as np
from numpy.typing import NDArray

from attnlab import _arguments, _core
from attnlab._arguments import Golden, Layout, Options

Array: TypeAlias = NDArray[np.float64]


class Forward(NamedTuple):
    o: Array  # as q, with v's head_dim
    lse: Array  # [batch, heads, seqlen_q], less what q has less


class ForwardBackward(NamedTuple):
    o: Array
    lse: Array
    dq: Array
    dk: Array
    dv: Array


def shaped(values: NDArray[Any], layout: Layout, dimensions: int) -> NDArray[Any]:
    """[batch, heads, rows, dim] in the caller's layout and number of dimensions."""
    if layout == "bshd" and dimensions > 2:
        values = values.transpose(0, 2, 1, 3)
    return values.reshape(values.shape[4 - dimensions :]) if dimensions < 4 else values


@overload
def attention(
    q: Any,
    k: Any,
    v: Any,
    *,
    dout: None = None,
    layout: Layout = "bhsd",
    threads: int = 0,
    golden: Golden = "auto",
    **options: Unpack[Options],
) -> Forward: ...
@overload
def attention(
    q: Any,
    k: Any,
    v: Any,
    *,
    dout: Any,
    layout: Layout = "bhsd",
    threads: int = 0,
    golden: Golden = "auto",
    **options: Unpack[Options],
) -> ForwardBackward: ...
def attention(
    q: Any,
    k: Any,
    v: Any,
    *,
    dout: Any = None,
    layout: Layout = "bhsd",
    threads: int = 0,
    golden: Golden = "auto",
    **options: Unpack[Options],
) -> Forward | ForwardBackward:
    """softmax(scale Q K^T) V in float64 from the exact inputs as stored, and with dout its gradients.

    q is [batch, heads, seqlen_q, dim], k and v are [batch, kv_heads, seqlen_kv, dim], or with layout='bshd'
    [batch, seqlen, heads, dim]; without the batch, or as one head [seqlen, dim], they may have fewer dimensions.
    Packed sequences (cu_seqlens_q, cu_seqlens_kv) lie one after the other along seqlen of a batch of 1.
    Memory is that of the results, never seqlen_q * seqlen_kv. golden is as in attnlab.check; the options are those of
    _arguments.Options.
    """
    tensors = {"q": q, "k": k, "v": v, "dout": dout}
    results = _core.golden(_arguments.problem(layout, threads, golden, tensors, options))
    dimensions = np.ndim(q) if isinstance(q, np.ndarray) else len(q.shape)
    o, *gradients = (shaped(results[name], layout, dimensions) for name in ("o", "dq", "dk", "dv") if name in results)
    lse = shaped(results["lse"], "bhsd", dimensions)  # in both layouts
    if dout is None:
        return Forward(o, lse)
    dq, dk, dv = gradients
    return ForwardBackward(o, lse, dq, dk, dv)
