"""Do the examples of docs/python.md run, and print what they say they print?

Blocks of one document share their names, in order. A block that imports torch or triton is run where that is installed,
and where a GPU is, if it needs one. What a block prints stands in the ```text block right behind it, where there is one;
"..." there stands for anything.
"""

import contextlib
import doctest
import importlib.util
import io
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"```python\n(.*?)```\n(?:\n?```text\n(.*?)```)?", re.DOTALL)
DOCUMENTS = [ROOT / "docs" / "python.md"]


def missing(code):
    for package in re.findall(r"^(?:import|from) (torch|triton|jax|cupy)\b", code, re.MULTILINE):
        if importlib.util.find_spec(package) is None:
            return package
    if '"cuda"' in code:
        if importlib.util.find_spec("torch") is None or not importlib.import_module("torch").cuda.is_available():
            return "a GPU"
    return None


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_examples(document, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = BLOCK.findall(document.read_text())
    assert blocks
    names = {"__name__": "__main__"}
    left_out = []
    for number, (code, expected) in enumerate(blocks):
        if needed := missing(code):
            left_out.append(needed)
            continue
        file = tmp_path / f"block_{number}.py"  # triton reads the text of its kernels
        file.write_text(code)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, str(file), "exec"), names)
        if expected:
            flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
            assert doctest.OutputChecker().check_output(expected, printed.getvalue(), flags), printed.getvalue()
    print(f"{len(blocks) - len(left_out)} of {len(blocks)} blocks run; not here: {sorted(set(left_out))}")
