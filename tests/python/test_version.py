"""Is the package's version the one place's, CMakeLists.txt?"""

import re
from pathlib import Path

import attnlab


def test_version() -> None:
    text = (Path(__file__).parents[2] / "CMakeLists.txt").read_text()
    assert attnlab.__version__ == re.search(r"project\(attnlab VERSION ([0-9.]+)", text).group(1)
