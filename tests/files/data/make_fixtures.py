"""Makes the files of this folder with the libraries that define the formats.

    python3 -m venv venv && venv/bin/pip install numpy==2.4.6 ml_dtypes==0.6.0 safetensors==0.8.0
    venv/bin/python make_fixtures.py

Element i of every array is (7 i - 20) / 16 for floating-point types, 3 i - 4 for signed and 3 i for unsigned integers
and i % 3 == 0 for bool, in row-major order, so that the tests know what to expect.
"""

from pathlib import Path

import ml_dtypes
import numpy as np
from numpy.lib import format as npy_format
from safetensors.numpy import save_file

HERE = Path(__file__).parent
SHAPE = (2, 3, 4)

FLOATS = {"f64": np.float64, "f32": np.float32, "f16": np.float16}
ML_FLOATS = {"bf16": ml_dtypes.bfloat16, "e4m3": ml_dtypes.float8_e4m3fn, "e5m2": ml_dtypes.float8_e5m2}
INTEGERS = {"i64": np.int64, "i32": np.int32, "i16": np.int16, "i8": np.int8,
            "u64": np.uint64, "u32": np.uint32, "u16": np.uint16, "u8": np.uint8}  # fmt: skip


def array(dtype, shape=SHAPE):
    i = np.arange(np.prod(shape, dtype=int))
    dtype = np.dtype(dtype)
    if dtype == np.bool_:
        values = i % 3 == 0
    elif dtype.kind == "i":
        values = 3 * i - 4
    elif dtype.kind == "u":
        values = 3 * i
    else:
        values = (7 * i - 20) / 16
    return values.astype(dtype).reshape(shape)


def main():
    plain = {key: array(dtype) for key, dtype in {**FLOATS, **INTEGERS, "bool": np.bool_}.items()}
    np.savez(HERE / "stored.npz", **plain)
    np.savez_compressed(HERE / "deflated.npz", long=array(np.float32, (40, 50)), fortran=np.asfortranarray(array("f2")))
    save_file({**plain, **{key: array(dtype) for key, dtype in ML_FLOATS.items()}},
              HERE / "all_types.safetensors", metadata={"made by": "safetensors", "π": "3.14"})  # fmt: skip

    np.save(HERE / "fortran.npy", np.asfortranarray(array("f4")))
    np.save(HERE / "scalar.npy", array("f8", ()))
    np.save(HERE / "vector.npy", array("i4", (5,)))
    np.save(HERE / "empty.npy", array("f4", (0, 3)))
    for version in (2, 3):
        with open(HERE / f"version{version}.npy", "wb") as file:
            npy_format.write_array(file, array("f4"), version=(version, 0))

    for key, dtype in ML_FLOATS.items():
        np.save(HERE / f"{key}.npy", array(dtype))  # '<V2', '<V1' and '<f1'

    np.save(HERE / "big_endian.npy", array(">f4"))
    np.save(HERE / "complex.npy", array("f4").astype("c8"))
    np.save(HERE / "structured.npy", np.zeros(3, dtype=[("a", "f4"), ("b", "i4")]))
    np.save(HERE / "text.npy", np.array(["q", "k"]))


if __name__ == "__main__":
    main()
