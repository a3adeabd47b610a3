"""Arrays between the battery, whose buffers lie in the host's memory, and the framework of a kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnlab import _arrays

_NAMES = {"float64": "fp64", "float32": "fp32", "float16": "fp16"}
_MUCH = 1 << 28  # bytes that are not copied to a device only to have strides there
_ML_DTYPES = {"bf16": "bfloat16", "fp8_e4m3": "float8_e4m3fn", "fp8_e5m2": "float8_e5m2"}


def bits(name: str, array: Any) -> tuple[NDArray[Any], str]:
    """An array of any framework as numpy's, of integers where numpy has no such type, and its type's name."""
    exported, dtype = _arrays.export(name, array)
    kind = _arrays.framework(exported)
    result = (
        exported.numpy() if kind == "torch" else np.asarray(exported) if kind == "numpy" else np.from_dlpack(exported)
    )
    return result, dtype or _NAMES.get(result.dtype.name, result.dtype.name)


def _narrow(array: NDArray[Any], dtype: str) -> NDArray[Any]:
    """Under its own type of ml_dtypes, where it is one of those."""
    if dtype not in _ML_DTYPES:
        return array
    try:
        import ml_dtypes
    except ImportError:
        raise ValueError(f"dtypes: got {dtype}, expected ml_dtypes to be installed, or framework='torch'") from None
    return array.view(getattr(ml_dtypes, _ML_DTYPES[dtype]))


def _span(array: NDArray[Any]) -> NDArray[Any] | None:
    """The memory from an array's first to its last element as one dimension; None where strides are negative."""
    strides = [stride // array.itemsize for stride in array.strides]
    if array.size == 0 or min(strides, default=0) < 0:
        return None
    length = 1 + sum((extent - 1) * stride for extent, stride in zip(array.shape, strides, strict=True))
    return np.lib.stride_tricks.as_strided(array, (length,), (array.itemsize,))


class Numpy:
    """The battery's own memory: the kernel sees the buffers themselves."""

    on_host = True

    def bring(self, array: NDArray[Any], dtype: str) -> Any:
        return _narrow(array, dtype)

    def gradients(self, forward: Any, tensors: tuple[Any, Any, Any], dout: Any) -> tuple[Any, ...]:
        raise ValueError(
            "backward: got True, expected a function (dout, q, k, v, out, lse, **options) with numpy and cupy"
        )


class CuPy(Numpy):
    on_host = False

    def bring(self, array: NDArray[Any], dtype: str) -> Any:
        import cupy

        if dtype in _ML_DTYPES:
            raise ValueError(f"dtypes: got {dtype}, expected fp16, fp32 or fp64 with framework='cupy'")
        return cupy.asarray(array)


class Jax:
    on_host = False  # its arrays are its own

    def __init__(self, device: str | None) -> None:
        import jax

        self._device = jax.devices(device)[0] if device else None

    def bring(self, array: NDArray[Any], dtype: str) -> Any:
        import jax

        return jax.device_put(_narrow(array, dtype).copy(), self._device)

    def gradients(self, forward: Any, tensors: tuple[Any, Any, Any], dout: Any) -> tuple[Any, ...]:
        import jax

        _, pull_back = jax.vjp(forward, *tensors)
        return tuple(pull_back(dout))


class Torch:
    def __init__(self, device: str | None) -> None:
        import torch

        self._device = torch.device(device or "cpu")
        self.on_host = self._device.type == "cpu"

    def bring(self, array: NDArray[Any], dtype: str) -> Any:
        """With the strides it has, on the device too. NotImplementedError where the device has no room for that."""
        import torch

        span, bits = _span(array), _signed(array.dtype)
        strides = [stride // array.itemsize for stride in array.strides]
        types = {"bf16": torch.bfloat16, "fp8_e4m3": torch.float8_e4m3fn, "fp8_e5m2": torch.float8_e5m2}
        native = types.get(dtype) or getattr(torch, array.dtype.name)
        try:
            if span is None:
                return torch.from_numpy(array.copy().view(bits)).to(self._device).view(native)
            if self.on_host or span.nbytes < _MUCH:
                memory = torch.from_numpy(span.view(bits)).to(self._device)
                return memory.view(native).as_strided(array.shape, strides)
            if self._device.type == "cuda":
                torch.cuda.empty_cache()  # of the last such case
            # What lies between the elements stays what it was.
            memory = torch.empty(span.shape, dtype=getattr(torch, bits.name), device=self._device)
            memory.as_strided(array.shape, strides).copy_(torch.from_numpy(np.ascontiguousarray(array).view(bits)))
            return memory.view(native).as_strided(array.shape, strides)
        except torch.cuda.OutOfMemoryError as error:
            torch.cuda.empty_cache()
            raise NotImplementedError(
                f"no room on {self._device} for {span.nbytes if span is not None else 0:,} bytes"
            ) from error

    def gradients(self, forward: Any, tensors: tuple[Any, Any, Any], dout: Any) -> tuple[Any, ...]:
        import torch

        leaves = [tensor.requires_grad_() for tensor in tensors]
        with torch.enable_grad():
            out = forward(*leaves)
        return tuple(torch.autograd.grad(out, leaves, dout))


def _signed(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """PyTorch of old has no unsigned integers but bytes."""
    return np.dtype(np.int16) if dtype == np.uint16 else dtype


def adapter(framework: str, device: str | None) -> Any:
    if framework in ("numpy", "cupy"):
        if device is not None:
            raise ValueError(f"device: got {device!r}, expected None with framework={framework!r}")
        return Numpy() if framework == "numpy" else CuPy()
    if framework in ("torch", "jax"):
        try:
            return Torch(device) if framework == "torch" else Jax(device)
        except (RuntimeError, TypeError) as error:
            why = str(error).splitlines()[0]
            raise ValueError(f"device: got {device!r}, expected a device of {framework}'s ({why})") from error
    raise ValueError(f"framework: got {framework!r}, expected 'numpy', 'torch', 'jax' or 'cupy'")
