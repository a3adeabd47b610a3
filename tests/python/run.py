"""run.py FILE [package]...: pytest on one file. Exit code 77, which ctest counts as skipped, where a package that the
file needs is not installed."""

import importlib.util
import pathlib
import sys

file, *packages = sys.argv[1:]
missing = [package for package in ["pytest", *packages] if importlib.util.find_spec(package) is None]
if missing:
    print(f"skipped: {pathlib.Path(sys.executable)} has no {', '.join(missing)} (requirements.txt lists them)")
    sys.exit(77)

import pytest

code = pytest.main(["-q", "-rs", "-p", "no:cacheprovider", file])
sys.exit(77 if code == pytest.ExitCode.NO_TESTS_COLLECTED else code)
