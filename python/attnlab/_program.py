"""The attnlab program that the package carries."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def program() -> Path:
    """Raises FileNotFoundError where the package was built without it."""
    path = Path(__file__).parent / "_program" / "bin" / "attnlab"
    if not path.exists():
        raise FileNotFoundError(f"{path}: this build of the package is without the attnlab program")
    return path


def main() -> None:
    """The command `attnlab`."""
    os.environ.setdefault("ATTNLAB_PYTHON", sys.executable)  # for what the program runs in Python
    os.execv(program(), ["attnlab", *sys.argv[1:]])
