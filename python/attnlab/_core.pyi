"""The extension module: what the package's functions call. Arrays are pairs (array, name of its type or "")."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

version: str

def golden(arguments: Mapping[str, Any]) -> dict[str, NDArray[np.float64]]: ...
def check(
    arguments: Mapping[str, Any],
    declared: Mapping[str, Any],
    rows: str,
    seed: int,
    diagnose: bool,
    rules: bool,
) -> dict[str, Any]: ...
def battery(
    kernel: Callable[[dict[str, Any]], None],
    settings: Mapping[str, Any],
    declared: Mapping[str, Any],
    progress: Callable[[int, int, int], None] | None,
) -> dict[str, Any]: ...
def io(arguments: Mapping[str, Any]) -> str: ...
