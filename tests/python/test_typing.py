"""Is the package typed throughout, and are wrong calls type errors?"""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

RIGHT = """
import attnlab
import numpy as np

q = np.zeros((1, 1, 4, 8))
o, lse = attnlab.attention(q, q, q, causal=True, window=(3, None))
gradients = attnlab.attention(q, q, q, dout=q)
reveal_type(gradients.dq)
verdict: attnlab.Verdict = attnlab.check(q, q, q, o, lse, p_dtype="fp16", rows="sample:64")
report: attnlab.Report = attnlab.battery(lambda q, k, v: q, dtypes=["fp16"])
"""
WRONG = [
    "attnlab.attention(q, q, q, casual=True)",
    "attnlab.check(q, q, q, q, layout='hsd')",
    "attnlab.io(seqlen='4k')",
]


def mypy(*arguments):
    return subprocess.run([sys.executable, "-m", "mypy", *arguments], capture_output=True, text=True, cwd=ROOT)


def test_the_package_is_strict(tmp_path):
    run = mypy("--cache-dir", str(tmp_path))
    assert run.returncode == 0, run.stdout + run.stderr


def test_calls(tmp_path):
    file = tmp_path / "calls.py"
    file.write_text(RIGHT)
    run = mypy("--strict", "--cache-dir", str(tmp_path), str(file))
    assert run.returncode == 0 and "ndarray[" in run.stdout, run.stdout + run.stderr
    for call in WRONG:
        file.write_text(f"{RIGHT}\n{call}\n")
        assert mypy("--strict", "--cache-dir", str(tmp_path), str(file)).returncode == 1, call
