#!/usr/bin/env python3
"""The long checks, and the page that keeps their last results. For `./lab check --full` and `./lab test --all`.

    tests/checks.py check|test TREE    runs every check of the kind, TREE being the build tree of ./lab; writes its
                                       table into docs/results/checks.md; exit code 1 when one failed

A check is a row of CHECKS: what it says, and a shell command that is run in the root of the sources.
"""

import datetime
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "results" / "checks.md"
CLANG = "-DCMAKE_C_COMPILER=clang-14 -DCMAKE_CXX_COMPILER=clang++-14 -DCMAKE_EXPORT_COMPILE_COMMANDS=ON"

CHECKS = {
    "check": [
        ("format, include arrows, documents", "ctest --test-dir {tree} --output-on-failure -R '^(format$|layers|docs|rooms)'"),
        (
            "ASan and UBSan: files, translator, PTX, answers, commands",
            "cmake --preset asan && cmake --build build/asan --target test_files test_emulator test_ptx test_answers test_cli && "
            "ctest --test-dir build/asan --output-on-failure -j {jobs} -R '^(files|emulator|ptx|answers|cli)\\.'",
        ),
        (
            "clang++ builds everything, without precompiled headers",
            f"cmake -S . -B build/clang -G Ninja -DCMAKE_BUILD_TYPE=Release {CLANG} && "
            "cmake --build build/clang --target all benchmarks/all",
        ),
        (
            "clang-tidy (.clang-tidy)",
            "run-clang-tidy-14 -quiet -j {jobs} -p build/clang "
            "'/(reference|oracle|simulator|cuda|files|answers|cli|c_api|tests)/.*\\.cpp$'",
        ),
    ],
    "test": [
        ("every test, long forms (ATTNLAB_LONG)", "ATTNLAB_LONG=1 ctest --test-dir {tree} --output-on-failure -j {jobs}"),
        ("the whole zoo of mistakes", "{tree}/attnlab zoo --full"),
        ("battery of a kernel on the emulator, options too", "{tree}/attnlab battery --kernel flash2-04 --backend emulator --window --softcap --alibi"),
    ],
}


def run(kind: str, tree: str) -> bool:
    """Runs the checks, prints each result, and puts their table into the page."""
    rows: list[str] = []
    passed = True
    for title, command in CHECKS[kind]:
        print(f"attnlab: {title}", file=sys.stderr, flush=True)
        start = time.monotonic()
        done = subprocess.run(command.format(tree=tree, jobs=os.cpu_count()), shell=True, cwd=ROOT)
        seconds = time.monotonic() - start
        result = "passed" if done.returncode == 0 else f"**failed** (exit code {done.returncode})"
        print(f"attnlab: {title}: {result}", file=sys.stderr, flush=True)
        passed = passed and done.returncode == 0
        rows.append(f"| {title} | {result} | {seconds / 60:.1f} min |")
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True).stdout
    date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
    head = f"Last run: {date}, commit {commit.strip() or 'unknown'}, {os.cpu_count()} cores.\n\n| check | result | time |\n|---|---|---|\n"
    page = PAGE.read_text()
    start_mark, end_mark = f"<!-- {kind}: written by the command -->\n", f"<!-- end of {kind} -->"
    before, _, rest = page.partition(start_mark)
    _, _, after = rest.partition(end_mark)
    PAGE.write_text(before + start_mark + head + "\n".join(rows) + "\n" + end_mark + after)
    return passed


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in CHECKS:
        sys.exit(__doc__)
    sys.exit(0 if run(sys.argv[1], sys.argv[2]) else 1)
