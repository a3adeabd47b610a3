"""Does `pip install .` make a package that works where only it is installed: its tag, its types, its program, CUDA
without a GPU; and does `pip uninstall` leave nothing?

The wheel is made of this build tree (cmake/attnlab_built_wheel.cmake): nothing is compiled a second time.
"""

import concurrent.futures
import json
import math
import os
import pathlib
import re
import subprocess
import sys
import venv
import zipfile

import attnlab
import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TREE = pathlib.Path(attnlab.__file__).parents[2]
MEGABYTE = 1 << 20

USE = """
import pathlib, sys
import attnlab, numpy as np
from attnlab.testing import assert_correct

assert pathlib.Path(attnlab.__file__).is_relative_to(sys.prefix), attnlab.__file__
q, k, v = (np.random.default_rng(0).standard_normal((1, 2, 40, 16)).astype(np.float32) for _ in range(3))
assert_correct(attnlab.attention(q, k, v, causal=True).o.astype(np.float32), q, k, v, causal=True)
assert not attnlab.check(q, k, v, q)
assert attnlab.io("flash2", seqlen=256, device="h200")["hbm_bytes"] > 0
run = attnlab.emulate('''
__global__ void set(int* x) { x[threadIdx.x] = 1; }
int main() { int* x; cudaMalloc(&x, 128); set<<<1, 32>>>(x); cudaFree(x); }
''')
assert run and run.metric("l1tex__t_sectors_pipe_lsu_mem_global_op_st.sum") == 4, str(run)
"""


def called(*command, **options):
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "ATTNLAB_DATA")}
    run = subprocess.run(command, capture_output=True, text=True, env=environment, **options)
    assert run.returncode == 0, f"{command}\n{run.stdout}\n{run.stderr}"
    return run.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "--no-index"]
    called(*pip, "--wheel-dir", folder, f"--config-settings=cmake.define.ATTNLAB_BUILT={TREE}", ROOT)
    (file,) = folder.glob("*.whl")
    return file


def test_the_wheels_tag_size_and_contents(wheel):
    version = "cp{}{}".format(*sys.version_info)
    tag = "cp312-abi3" if (TREE / "python/attnlab/_core.abi3.so").exists() else f"{version}-{version}"
    assert f"-{tag}-linux_" in wheel.name
    assert wheel.stat().st_size < 40 * MEGABYTE
    names = zipfile.ZipFile(wheel).namelist()
    modules = {path.name for path in (ROOT / "python/attnlab").glob("*.py*")}
    own = {name.removeprefix("attnlab/") for name in names if name.startswith("attnlab/") and name.count("/") == 1}
    assert own > modules | {"py.typed", "_core.pyi"}
    assert {"attnlab/experiments/__main__.py", "attnlab/experiments/schema.json"} < set(names)
    assert not [name for name in names if name.endswith(".pyc") or not name.startswith(("attnlab/", "attnlab-"))]


def fresh_environment(folder):
    """A virtual environment that has NumPy and nothing else; its packages' folder."""
    venv.create(folder / "venv", with_pip=False)
    (site,) = (folder / "venv").glob("lib/python*/site-packages")
    for package in pathlib.Path(np.__file__).parents[1].glob("numpy*"):
        (site / package.name).symlink_to(package)
    return site


def answers_of(lab, numbers_of):
    """Answers to a lab's questions, by the formulas of its proof.txt."""
    lines = re.findall(r"^\[answer\] (\w+) = (.*)$", (lab / "proof.txt").read_text(), re.MULTILINE)
    names = {"ceil": math.ceil, "min": min, "max": max}
    return "".join(f"{name} = {round(eval(formula, names | numbers_of[name]))}\n" for name, formula in lines)


def test_labs_are_graded_without_a_checkout(wheel, tmp_path):
    fresh_environment(tmp_path)
    command = tmp_path / "venv/bin/attnlab"
    pip = [sys.executable, "-m", "pip", "--python", tmp_path / "venv/bin/python"]
    called(*pip, "install", "--no-index", "--no-deps", wheel)
    installed = [path.name for path in tmp_path.glob("venv/lib/python*/site-packages/attnlab/**/labs/*/*")]
    assert {"handout.cu", "handout.cpp", "lab.h", "grade.json", "README.md"} < set(installed)
    assert not {"solution.cu", "solution.cpp", "proof.txt", "tests.txt"} & set(installed)

    def grade(lab):
        start = tmp_path / lab.name
        called(command, "grade", lab.name, "--start", start, cwd=tmp_path)
        questions = json.loads(called(command, "grade", lab.name, "--questions", "--json", cwd=tmp_path))
        (solution,) = lab.glob("solution.*")
        answers = start / "right.txt"
        answers.write_text(answers_of(lab, {q["name"]: q["numbers"] for q in questions}))
        more = ["--answers", answers] + (["--tests", lab / "tests.txt"] if (lab / "tests.txt").exists() else [])
        return [
            subprocess.run([command, "grade", lab.name, *words, "--json"], capture_output=True, text=True, cwd=tmp_path)
            for words in ([start / ("handout" + solution.suffix)], [solution, *more])
        ]

    labs = sorted(path.parent for path in ROOT.glob("labs/*/grade.json"))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for lab, (below, full) in zip(labs, pool.map(grade, labs), strict=True):
            assert below.returncode == 1, f"{lab}: {below.stdout}{below.stderr}"
            assert json.loads(below.stdout)["score"] < json.loads(below.stdout)["max_score"], lab
            assert full.returncode == 0, f"{lab}: {full.stdout}{full.stderr}"
            assert json.loads(full.stdout)["score"] == 100, lab
    assert len(labs) >= 6


def test_it_works_alone_and_goes_without_a_trace(wheel, tmp_path):
    site = fresh_environment(tmp_path)
    python, command = tmp_path / "venv/bin/python", tmp_path / "venv/bin/attnlab"
    before = sorted(path.name for path in site.iterdir())
    pip = [sys.executable, "-m", "pip", "--python", python]
    called(*pip, "install", "--no-index", "--no-deps", wheel)
    called(python, "-B", "-c", USE, cwd=tmp_path)
    assert "flash2" in called(command, "list", cwd=tmp_path)
    assert "verdict: exact" in called(command, "experiment", "fa1_table21", "--no-plots", cwd=tmp_path)
    called(*pip, "uninstall", "--yes", "attnlab")
    assert sorted(path.name for path in site.iterdir()) == before and not command.exists()
