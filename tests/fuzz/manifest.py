#!/usr/bin/env python3
"""The fuzzer of experiment.json: may refuse an input by ValueError, and nothing else.

    tests/fuzz/manifest.py [LIBFUZZER ARGUMENTS...] FOLDER...    by atheris, libFuzzer for Python
    tests/fuzz/manifest.py --replay FOLDER...                    every file of the folders once
"""

import pathlib
import shutil
import sys
from contextlib import nullcontext

REPLAY = sys.argv[1:2] == ["--replay"]
if not REPLAY:
    import atheris
with nullcontext() if REPLAY else atheris.instrument_imports(include=["attnlab.experiments"]):
    from attnlab import experiments

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "fuzz" / "manifest"  # stays: libFuzzer ends without Python's exit handlers
FILE = FOLDER / "x" / "experiment.json"


def parse(data: bytes) -> None:
    FILE.write_bytes(data)
    try:
        experiment = experiments.load("x", FOLDER)
        experiment.settings({key: "1" for key in experiment.declared})
    except ValueError:
        pass


def main() -> None:
    FILE.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "experiments" / "kv_cache" / "paper.csv", FILE.parent)
    if REPLAY:
        for file in sorted(path for folder in sys.argv[2:] for path in pathlib.Path(folder).iterdir()):
            print(file, flush=True)
            parse(file.read_bytes())
        return
    atheris.Setup(sys.argv, parse)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
