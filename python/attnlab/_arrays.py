"""Arrays of any framework, as the extension takes them: in the host's memory, by DLPack or the buffer protocol,
with the name of their type where numpy has none."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Types that numpy knows through ml_dtypes only, and PyTorch's that older versions do not export: the name that
# the extension knows, and the integer that has the bits.
_NARROW = {
    "bfloat16": ("bf16", "int16"),
    "float8_e4m3fn": ("fp8_e4m3", "uint8"),
    "float8_e5m2": ("fp8_e5m2", "uint8"),
}

Exported = tuple[Any, str]


def framework(array: Any) -> str:
    """'numpy', 'torch', 'jax', 'cupy' or the name of the package the array's class comes from."""
    package = type(array).__module__.partition(".")[0]
    return "jax" if package == "jaxlib" else package


def export(name: str, array: Any) -> Exported:
    """The array and its type's name, "" where the array says it itself. Copies only what another device holds."""
    kind = framework(array)
    if kind == "torch":
        array = array.detach()
        if array.device.type != "cpu":
            array = array.cpu()
        if array.is_conj() or array.is_neg():
            array = array.resolve_conj().resolve_neg()
        dtype = str(array.dtype).removeprefix("torch.")
        if dtype in _NARROW:
            import torch

            known, integer = _NARROW[dtype]
            return array.view(getattr(torch, integer)), known
        return array, ""
    if kind == "cupy":
        return array.get(), ""
    if kind == "jax" or not (isinstance(array, np.ndarray) or hasattr(array, "__dlpack__")):
        array = np.asarray(array)
    if isinstance(array, np.ndarray):
        if array.dtype.name in _NARROW:
            known, _ = _NARROW[array.dtype.name]
            return array.view(np.dtype(f"u{array.dtype.itemsize}")), known
        if array.dtype.kind != "f" or array.dtype.itemsize > 8:
            raise ValueError(
                f"{name}: got {array.dtype} elements, expected fp64, fp32, fp16, bf16, fp8_e4m3 or fp8_e5m2"
            )
        if not array.dtype.isnative:
            array = array.astype(array.dtype.newbyteorder("="))
        if any(stride % array.dtype.itemsize for stride in array.strides):  # a field of a record, say
            array = array.copy()
    return array, ""


def host(name: str, array: Any) -> NDArray[Any]:
    """A small array (lengths, slopes, a mask) as numpy's."""
    kind = framework(array)
    if kind == "torch":
        array = array.detach().cpu()
        array = array.float() if str(array.dtype) == "torch.bfloat16" else array
        return np.asarray(array.numpy())
    if kind == "cupy":
        return np.asarray(array.get())
    result = np.asarray(array)
    if result.dtype == object:
        raise ValueError(f"{name}: got {type(array).__name__}, expected numbers")
    return result


def integers(name: str, values: Any) -> list[int] | None:
    if values is None:
        return None
    array = host(name, values)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ValueError(f"{name}: got {array.dtype} of shape {array.shape}, expected a list of integers")
    return [int(value) for value in array]


def numbers(name: str, values: Any) -> list[float] | None:
    if values is None:
        return None
    array = host(name, values)
    if array.dtype.kind not in "fiu" and array.dtype.name not in _NARROW:
        raise ValueError(f"{name}: got {array.dtype} elements, expected numbers")
    return [float(value) for value in array.reshape(-1)]


def float32(name: str, values: Any) -> NDArray[np.float32] | None:
    """As float32, where every value is one."""
    if values is None:
        return None
    array = host(name, values)
    if array.dtype.kind not in "fiu" and array.dtype.name not in _NARROW:
        raise ValueError(f"{name}: got {array.dtype} elements, expected numbers")
    with np.errstate(over="ignore", invalid="ignore"):
        result = array.astype(np.float32)
        same = np.array_equal(result.astype(np.float64), array.astype(np.float64), equal_nan=True)
    if not same:
        raise ValueError(f"{name}: got {array.dtype} values that float32 does not hold, expected float32 or narrower")
    return result


def boolean(name: str, values: Any) -> NDArray[np.bool_] | None:
    if values is None:
        return None
    array = host(name, values)
    if array.dtype.kind not in "biu":
        raise ValueError(f"{name}: got {array.dtype} elements, expected bool (an additive mask is a bias)")
    return np.asarray(array, dtype=np.bool_)
