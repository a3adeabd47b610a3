"""Attention by its definition in numpy's float64: what the package's answers are compared with."""

import numpy as np


def visible(queries, keys, causal=False, window=None):
    i, j = np.arange(queries)[:, None] + keys - queries, np.arange(keys)[None, :]
    left, right = window or (None, None)
    shown = np.ones((queries, keys), bool)
    if causal:
        shown &= j <= i
    if left is not None:
        shown &= j >= i - left
    if right is not None:
        shown &= j <= i + right
    return shown


def attention(q, k, v, causal=False, window=None, softmax_scale=None, softcap=0.0, mask=None, bias=0.0, sinks=None):
    q, k, v = (np.asarray(x, np.float64) for x in (q, k, v))
    group = q.shape[1] // k.shape[1]
    k, v = k.repeat(group, axis=1), v.repeat(group, axis=1)
    s = q @ k.swapaxes(2, 3) * (softmax_scale or 1 / np.sqrt(q.shape[3]))
    s = softcap * np.tanh(s / softcap) if softcap else s
    shown = visible(q.shape[2], k.shape[2], causal, window) & (True if mask is None else mask)
    s = np.where(shown, s + bias, -np.inf)
    sink = np.full((q.shape[1], 1, 1), -np.inf) if sinks is None else np.reshape(sinks, (-1, 1, 1))
    m = np.maximum(s.max(axis=3, keepdims=True, initial=-np.inf), sink)
    p = np.where(shown, np.exp(s - np.where(np.isfinite(m), m, 0)), 0)
    total = p.sum(axis=3, keepdims=True) + np.exp(sink - np.where(np.isfinite(m), m, 0))
    with np.errstate(divide="ignore"):
        lse = (np.where(np.isfinite(m), m, 0) + np.log(total))[..., 0]
    return p / np.where(total == 0, 1, total) @ v, lse


def kernel(q, k, v, dtype=None, **options):
    """An honest kernel for inputs of this type: float32 arithmetic, P and the output rounded to their type."""
    dtype = dtype or q.dtype
    q, k, v = (np.asarray(x).astype(np.float32) for x in (q, k, v))
    group = q.shape[1] // k.shape[1]
    k, v = k.repeat(group, axis=1), v.repeat(group, axis=1)
    s = q @ k.swapaxes(2, 3) * np.float32(options.get("softmax_scale") or 1 / np.sqrt(q.shape[3]))
    shown = visible(q.shape[2], k.shape[2], options.get("causal", False), options.get("window"))
    s = np.where(shown, s, -np.inf)
    m = s.max(axis=3, keepdims=True, initial=-np.inf)
    p = np.where(shown, np.exp(s - np.where(np.isfinite(m), m, 0)), np.float32(0))
    total = p.sum(axis=3, keepdims=True, dtype=np.float32)
    o = p.astype(dtype).astype(np.float32) @ v / np.where(total == 0, np.float32(1), total)
    return o.astype(dtype)
