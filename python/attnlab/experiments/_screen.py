"""What is shown while an experiment runs."""

from __future__ import annotations

import sys


def progress(text: str, done: int, of: int) -> None:
    """A share on stderr, where that is a terminal; the last call, with done = of, takes the line away."""
    if not sys.stderr.isatty():
        return
    line = f"attnlab: {text}: {100 * done // max(1, of)} %"
    print("\r" + (line if done < of else " " * len(line) + "\r"), end="", file=sys.stderr, flush=True)
