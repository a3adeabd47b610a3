#!/usr/bin/env python3
"""The long checks, and the page that keeps their last results. For `./lab check --full` and `./lab test --all`.

    tests/checks.py check|test TREE [NAME...]    runs every check of the kind, or those named, TREE being the build tree
                                                 of ./lab; after each one its row of docs/results/checks.md is written;
                                                 exit code 1 when one failed

A check is a row of CHECKS: its name, what it says, and a shell command that is run in the root of the sources. Names
with a hyphen are a group: fuzz stands for fuzz-npy and the others, one per row of tests/fuzz/parsers.csv, each
ATTNLAB_FUZZ_SECONDS long (600).
"""

import csv
import datetime
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "results" / "checks.md"
# Not optimised: these builds are read, not run.
CLANG = (
    "-DCMAKE_C_COMPILER=clang-14 -DCMAKE_CXX_COMPILER=clang++-14 -DCMAKE_EXPORT_COMPILE_COMMANDS=ON "
    "-DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG=-O0"
)
HEAD = ["| check | result | time | date, commit, cores |", "|---|---|---|---|"]


def fuzzers() -> list[tuple[str, str, str]]:
    """A row per parser. What a run finds is in build/fuzz/: inputs that reach new code in corpus/, crashes beside it."""
    seconds = os.environ.get("ATTNLAB_FUZZ_SECONDS", "600")
    if not seconds.isdigit() or int(seconds) == 0:
        sys.exit(f"attnlab: ATTNLAB_FUZZ_SECONDS: got '{seconds}', expected seconds, 1 or more")
    python = f"PYTHONPATH={{tree}}/python {sys.executable}"
    atheris = f"{sys.executable} -m pip install --quiet --disable-pip-version-check atheris"
    cmake = "cmake --preset fuzz -DATTNLAB_QUICK_BUILD=ON && cmake --build build/fuzz --target"
    limits = f"-max_total_time={seconds} -max_len=8192 -timeout=20 -rss_limit_mb=2048 -verbosity=0 -print_final_stats=1"
    rows = []
    with open(ROOT / "tests" / "fuzz" / "parsers.csv", newline="") as table:
        for row in csv.DictReader(table):
            parser = row["parser"]
            if row["library"] == "python":
                build, program = atheris, f"{python} tests/fuzz/{parser}.py"
            else:
                build, program = f"{cmake} fuzz_{parser}", f"build/fuzz/tests/fuzz/fuzz_{parser}"
            command = (
                f"mkdir -p build/fuzz/corpus/{parser} && {build} && {program} {limits} "
                f"-artifact_prefix=build/fuzz/{parser}- build/fuzz/corpus/{parser} tests/fuzz/corpus/{parser}"
            )
            rows.append((f"fuzz-{parser}", f"fuzzing: {row['reads']}", command))
    return rows


CHECKS = {
    "check": [
        ("quick", "format, include arrows, documents", "ctest --test-dir {tree} --output-on-failure -R '^(format$|layers|docs|rooms)'"),
        (
            "asan",
            "ASan and UBSan: os, files, translator, PTX, answers",
            "cmake --preset asan -DATTNLAB_QUICK_BUILD=ON "
            "-DATTNLAB_SANITIZE_TARGETS='files|os|emulator|translat|answers|cli|ptx|test_headers' && "
            "cmake --build build/asan --target test_os test_files test_emulator test_ptx test_answers && "
            "ctest --test-dir build/asan --output-on-failure -j {jobs} -R '^(os|files|emulator|ptx|answers)\\.'",
        ),
        (
            "clang",
            "clang++ builds everything, without precompiled headers",
            f"cmake -S . -B build/clang -G Ninja {CLANG} && "
            "cmake --build build/clang --target all benchmarks/all",
        ),
        (
            "tidy",
            "clang-tidy (.clang-tidy), all but the tests",
            f"cmake -S . -B build/clang -G Ninja {CLANG} && "
            "run-clang-tidy-14 -quiet -j {jobs} -p build/clang "
            "\"$PWD/(os|reference|oracle|simulator|cuda|files|answers|cli|c_api)/.*\\.cpp$\"",
        ),
    ],
    "test": [
        ("long", "every test, long forms (ATTNLAB_LONG)", "ATTNLAB_LONG=1 ctest --test-dir {tree} --output-on-failure -j {jobs}"),
        ("zoo", "the whole zoo of mistakes", "{tree}/attnlab zoo --full"),
        (
            "battery",
            "battery of a kernel on the emulator, options too",
            "{tree}/attnlab battery --kernel flash2-04 --backend emulator --window --softcap --alibi",
        ),
        *fuzzers(),
    ],
}


def commit() -> str:
    """The commit, and -dirty where more than the page of results differs from it."""
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    page = f":!{PAGE.relative_to(ROOT)}"
    changed = subprocess.run(["git", "diff", "--quiet", "HEAD", "--", ".", page], cwd=ROOT, capture_output=True)
    return (done.stdout.strip() or "unknown") + ("-dirty" if changed.returncode == 1 else "")


def write_row(kind: str, title: str, row: str) -> None:
    """Puts the row in its place in the page's table; the others stay. What never ran says so."""
    start_mark, end_mark = f"<!-- {kind}: written by the command -->\n", f"<!-- end of {kind} -->"
    before, _, rest = PAGE.read_text().partition(start_mark)
    table, _, after = rest.partition(end_mark)
    rows = {line.split("|")[1].strip(): line for line in table.splitlines() if line.startswith("| ")}
    rows[title] = row
    lines = [rows.get(known, f"| {known} | not run yet | | |") for _, known, _ in CHECKS[kind]]
    PAGE.write_text(before + start_mark + "\n".join(HEAD + lines) + "\n" + end_mark + after)


def run(kind: str, tree: str, names: list[str]) -> bool:
    known = [name for name, _, _ in CHECKS[kind]]
    groups = {name: name.partition("-")[0] for name in known}
    for name in names:
        if name not in known and name not in groups.values():
            expected = ", ".join(dict.fromkeys([*known, *groups.values()]))
            print(f"attnlab: check: got '{name}', expected {expected}", file=sys.stderr)
            sys.exit(2)
    passed = True
    for name, title, command in CHECKS[kind]:
        if names and name not in names and groups[name] not in names:
            continue
        print(f"attnlab: {title}", file=sys.stderr, flush=True)
        start = time.monotonic()
        done = subprocess.run(command.format(tree=tree, jobs=os.cpu_count()), shell=True, cwd=ROOT)
        minutes = (time.monotonic() - start) / 60
        result = "passed" if done.returncode == 0 else f"**failed** (exit code {done.returncode})"
        print(f"attnlab: {title}: {result}", file=sys.stderr, flush=True)
        passed = passed and done.returncode == 0
        date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
        write_row(kind, title, f"| {title} | {result} | {minutes:.1f} min | {date}, {commit()}, {os.cpu_count()} |")
    return passed


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in CHECKS:
        sys.exit(__doc__)
    sys.exit(0 if run(sys.argv[1], sys.argv[2], sys.argv[3:]) else 1)
