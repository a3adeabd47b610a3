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
        return jax_attention(jax, q, *(jax.numpy.repeat(x, group, axis=1) for x in (k, v)))

    with jax.default_matmul_precision("highest"):  # on GPUs the default is tf32
        report = attnlab.battery(kernel, framework="jax", backward=True, **SHORT)
    assert report, str(report)


def jax_attention(jax, q, k, v):
    s = jax.numpy.einsum("bhid,bhjd->bhij", q, k) / jax.numpy.sqrt(jax.numpy.float32(q.shape[3]))
    p = jax.numpy.exp(s - s.max(axis=3, keepdims=True))
    return jax.numpy.einsum("bhij,bhjd->bhid", p, v) / p.sum(axis=3, keepdims=True)


def test_tf32_is_no_fp32(jax):
    if jax.default_backend() != "gpu":
        pytest.skip("JAX has no GPU here")
    q, k, v = (jax.random.normal(jax.random.key(n), (1, 2, 200, 64)) for n in range(3))
    with jax.default_matmul_precision("tensorfloat32"):
        out = jax_attention(jax, q, k, v)
    assert not attnlab.check(q, k, v, out)
    assert attnlab.check(q, k, v, out, operands="tf32", p_dtype="tf32")


@pytest.fixture
def on_gpu(torch):
    if not torch.cuda.is_available():
        pytest.skip("PyTorch has no GPU here")
    return torch


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"])
def test_tensors_on_a_gpu(on_gpu, dtype):
    q, k, v = (on_gpu.randn(1, 2, 9, 16).to(getattr(on_gpu, dtype)) for _ in range(3))
    there = attnlab.attention(*(x.cuda() for x in (q, k, v)))
    np.testing.assert_array_equal(there.o, attnlab.attention(q, k, v).o)
    strided = [x.cuda().transpose(1, 2).contiguous().transpose(1, 2) for x in (q, k, v)]
    np.testing.assert_array_equal(attnlab.attention(*strided).o, there.o)


def test_cupy(on_gpu):
    cupy = pytest.importorskip("cupy")
    q, k, v = (cupy.random.standard_normal((1, 2, 33, 16)).astype(cupy.float32) for _ in range(3))
    s = cupy.einsum("bhid,bhjd->bhij", q, k) / np.float32(4)
    p = cupy.exp(s - s.max(axis=3, keepdims=True))
    out = cupy.einsum("bhij,bhjd->bhid", p, v) / p.sum(axis=3, keepdims=True)
    assert_correct(out, q, k, v, operands="tf32", p_dtype="tf32")
    assert not attnlab.check(q, k, v, out * 2, operands="tf32", p_dtype="tf32")


def test_golden_values_of_a_gpu(on_gpu):
    q, k, v, dout = (on_gpu.randn(1, 4, 130, 64).bfloat16() for _ in range(4))
    try:
        there = attnlab.attention(q, k, v, dout=dout, causal=True, golden="gpu")
    except ValueError as error:
        pytest.skip(str(error))
    here = attnlab.attention(q, k, v, dout=dout, causal=True, golden="cpu")
    for name in here._fields:
        np.testing.assert_allclose(getattr(there, name), getattr(here, name), rtol=0, atol=1e-12, err_msg=name)
    out = on_gpu.from_numpy(here.o).bfloat16()
    verdicts = [attnlab.check(q, k, v, out, causal=True, golden=who) for who in ("cpu", "gpu")]
    assert all(verdicts) and verdicts[0].golden == "cpu" and verdicts[1].golden == on_gpu.cuda.get_device_name()
    assert [v.max_error_over_budget for v in verdicts] == pytest.approx([verdicts[0].max_error_over_budget] * 2)
