"""Runs this lesson's kernels: each problem as a folder of files, which the program of harness.cuh reads."""

from __future__ import annotations

import tempfile
from pathlib import Path

import attnlab
import numpy as np

HERE = Path(__file__).resolve().parent


class Problem:
    """Random q, k and v of [1, heads, seqlen, 32], and the right answer."""

    def __init__(self, queries: int, keys: int, causal: bool = False, heads: int = 2, seed: int = 0) -> None:
        draw = np.random.default_rng(seed).standard_normal
        self.q = draw((1, heads, queries, 32), dtype=np.float32)
        self.k, self.v = (draw((1, heads, keys, 32), dtype=np.float32) for _ in range(2))
        self.causal = causal
        self.right = attnlab.attention(self.q, self.k, self.v, causal=causal).o

    def __str__(self) -> str:
        return f"{self.q.shape[2]} queries x {self.k.shape[2]} keys{', causal' if self.causal else ''}"


def run(source: str, *problems: Problem) -> list[tuple[np.ndarray, np.ndarray]]:
    """(o, lse) of a kernel, given as text, on each problem. Raises where the emulator finds a race, an address out of
    bounds or anything else that no kernel may do."""
    with tempfile.TemporaryDirectory() as place:
        folders = []
        for n, problem in enumerate(problems):
            folder = Path(place) / str(n)
            folder.mkdir()
            for name in "qkv":
                getattr(problem, name).tofile(folder / f"{name}.f32")
            _, heads, queries, _ = problem.q.shape
            (folder / "problem.txt").write_text(f"{heads} {queries} {problem.k.shape[2]} {int(problem.causal)}")
            folders.append(folder)
        emulation = attnlab.emulate(source, args=folders, include=[HERE])
        if not emulation:
            raise RuntimeError(f"{emulation}\n{emulation.output}")
        return [
            (
                np.fromfile(folder / "o.f32", np.float32).reshape(problem.q.shape),
                np.fromfile(folder / "lse.f32", np.float32).reshape(problem.q.shape[:3]),
            )
            for folder, problem in zip(folders, problems, strict=True)
        ]
