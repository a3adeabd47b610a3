"""Are PyTorch's and JAX's arrays and functions taken as they are? Each where it is installed."""

import attnlab
import numpy as np
import plain
import pytest
from attnlab import _arrays
from attnlab.testing import assert_correct

SHORT = {"time_limit": 10, "max_seqlen": 70, "head_dims": [16], "hidden_nan": False, "empty": False}


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


@pytest.fixture
def jax():
    return pytest.importorskip("jax")


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"])
def test_torch_types(torch, dtype):
    q, k, v = (torch.randn(1, 2, 9, 16).to(getattr(torch, dtype)) for _ in range(3))
    same = attnlab.attention(*(x.double() for x in (q, k, v)))
    np.testing.assert_array_equal(attnlab.attention(q, k, v).o, same.o)


def test_torch_is_not_copied(torch):
    q = torch.randn(1, 2, 64, 16)
    exported, _ = _arrays.export("q", q)
    assert exported.data_ptr() == q.data_ptr()
    exported, dtype = _arrays.export("q", q.bfloat16().requires_grad_())
    assert dtype == "bf16" and not exported.requires_grad


def test_torch_views_gradients_and_masks(torch):
    q, k, v = (torch.randn(2, 9, 3, 16, requires_grad=True) for _ in range(3))
    dout, mask = torch.randn(2, 3, 9, 16), torch.rand(9, 9) < 0.7
    mask[:, 0] = True
    heads = [x.transpose(1, 2) for x in (q, k, v)]
    out = torch.nn.functional.scaled_dot_product_attention(*heads, attn_mask=mask)
    dq, dk, dv = torch.autograd.grad(out, heads, dout)
    assert_correct(out, *heads, dout=dout, dq=dq, dk=dk, dv=dv, mask=mask)


def test_a_torch_function_in_the_battery(torch):
    def kernel(q, k, v, *, causal, softmax_scale):
        mask = torch.from_numpy(plain.visible(q.shape[2], k.shape[2], causal))
        return torch.nn.functional.scaled_dot_product_attention(
            q, k, v, attn_mask=mask, scale=softmax_scale, enable_gqa=q.shape[1] != k.shape[1]
        )

    for dtype in ["fp32", "bf16"]:
        report = attnlab.battery(kernel, framework="torch", dtypes=[dtype], backward=dtype == "fp32", **SHORT)
        assert report, str(report)


def test_jax_types(jax):
    for dtype in ["float32", "float16", "bfloat16", "float8_e4m3fn"]:
        q, k, v = (jax.random.normal(jax.random.key(n), (1, 2, 9, 16)).astype(dtype) for n in range(3))
        same = attnlab.attention(*(np.asarray(x).astype(np.float64) for x in (q, k, v)))
        np.testing.assert_array_equal(attnlab.attention(q, k, v).o, same.o)


def test_a_jax_function_in_the_battery(jax):
    def kernel(q, k, v):
        group = q.shape[1] // k.shape[1]
        k, v = (jax.numpy.repeat(x, group, axis=1) for x in (k, v))
        s = jax.numpy.einsum("bhid,bhjd->bhij", q, k) / jax.numpy.sqrt(jax.numpy.float32(q.shape[3]))
        p = jax.numpy.exp(s - s.max(axis=3, keepdims=True))
        return jax.numpy.einsum("bhij,bhjd->bhid", p, v) / p.sum(axis=3, keepdims=True)

    report = attnlab.battery(kernel, framework="jax", backward=True, **SHORT)
    assert report, str(report)
