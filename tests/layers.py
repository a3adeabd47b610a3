#!/usr/bin/env python3
"""Do the include arrows point down? Takes a second and builds nothing.

ROOMS has a row for every folder with sources, from the bottom up: what it may include besides itself. "oracle" is
that folder alone, "oracle/" also the rooms inside it. A row may name only rooms above it, so there are no cycles. A
folder without a row belongs to the room around it. Every include in quotes is a path from the root, and public headers
do not include fmt or nlohmann-json.
"""

import re
import sys
from pathlib import Path

ROOMS = """
reference/core:
reference/softmax:       reference/core
reference/attention:     reference/core reference/softmax
reference/heads:         reference/core reference/attention
reference/kv:            reference/core reference/attention
reference/cards:         reference/core

os:                      reference/core
files:                   reference/core os

oracle:                  reference/
oracle/mistakes:         reference/ oracle
oracle/buffers:          reference/ oracle
oracle/cases:            reference/ oracle oracle/buffers
oracle/exact:            reference/ oracle oracle/buffers oracle/cases
oracle/battery:          reference/ oracle oracle/buffers oracle/cases oracle/exact

simulator/io:            reference/
simulator/device:        reference/core
simulator/memory:        reference/ simulator/io simulator/device

simulator/emulator:
simulator/emulator/builtins:      reference/core simulator/emulator
simulator/emulator/cuda_headers:  simulator/emulator simulator/emulator/builtins
simulator/emulator/ptx:           reference/core simulator/emulator simulator/emulator/builtins
simulator/emulator/translate:     reference/core os simulator/emulator simulator/emulator/cuda_headers simulator/emulator/ptx
simulator/emulator/report:        reference/core os simulator/emulator
simulator/emulator/machine:       reference/core os simulator/device simulator/emulator simulator/emulator/cuda_headers
                                  simulator/emulator/report
simulator/emulator/runtime:       os simulator/memory simulator/emulator simulator/emulator/cuda_headers
                                  simulator/emulator/report simulator/emulator/machine
simulator/emulator/api:           simulator/device simulator/emulator simulator/emulator/cuda_headers
                                  simulator/emulator/machine simulator/emulator/runtime
simulator/emulator/libraries:     simulator/emulator/cuda_headers simulator/emulator/ptx simulator/emulator/machine
                                  simulator/emulator/runtime simulator/emulator/api

cuda:                    reference/
cuda/golden:             reference/ oracle cuda
cuda/counters:           reference/core cuda

answers:                 reference/ os files oracle/ simulator/io simulator/device simulator/memory
answers/kernels:         reference/ os files oracle/ simulator/ cuda/ answers
answers/labs:            reference/ os oracle/ simulator/ answers

cli:                     reference/ os files oracle/ simulator/ cuda/ answers/
c_api:                   reference/core oracle
python/src:              reference/ files simulator/io simulator/device oracle/ cuda/golden answers
benchmarks:              reference/ oracle simulator/ cuda/counters
tests:                   reference/ os files oracle/ simulator/ cuda/ answers/ cli c_api
"""

SOURCES = {".h", ".cpp", ".cu", ".cuh", ".inc"}
# Here headers name each other as CUDA's do, and some have no ending.
CUDA_HEADERS = "simulator/emulator/cuda_headers"
# Programs as users write them: they include what lies beside them.
PROGRAMS = re.compile(r"(notebooks|labs|docs|benchmarks/peer|tests/package|tests/c_api|tests/.*/programs)/")
GENERATED = {"kernel_list.h"}  # by the build: the kernels' rows, for the registry
# What nvcc compiles by itself, without the build (cuda/counters/build.sh): fmt's compile-time checks are beyond it.
PLAIN = ("reference/attention/", "cuda/host/", "cuda/golden/", "cuda/single/", "cuda/device/")
PUBLIC = ("os/", "reference/", "files/", "oracle/", "simulator/", "c_api/")
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)', re.MULTILINE)


def read_rooms(table):
    """{room: the rooms it may include}, and what is wrong with the table."""
    rooms, problems = {}, []
    for row in re.split(r"\n(?=\S)", table.strip()):  # a row may go on in the next line
        room, _, names = row.partition(":")
        allowed = set()
        for name in names.split():
            found = {r for r in rooms if r == name or (name[-1] == "/" and (r + "/").startswith(name))}
            if not found:
                problems.append(f"tests/layers.py: {room} may include {name}, which no row above it has")
            allowed |= found
        rooms[room] = allowed
    return rooms, problems


def room_of(path, rooms):
    """The innermost room around a path; empty if there is none."""
    while path and path not in rooms:
        path = path.rpartition("/")[0]
    return path


def includes(root, path):
    """The file's includes, as (quote, name)."""
    return INCLUDE.findall((root / path).read_text(errors="replace"))


def problems_of(root, path, rooms):
    room = room_of(path, rooms)
    if not room:
        yield f"{path}: no row of tests/layers.py holds it"
        return
    for quote, name in includes(root, path):
        if path.startswith(PUBLIC) and path.endswith(".h") and name.startswith(("fmt/", "nlohmann/")):
            yield f"{path}: a public header includes {name}"
        if path.startswith(PLAIN) and name.startswith(("fmt/", "nlohmann/")):
            yield f"{path}: includes {name}, with which nvcc cannot compile it"
        if quote == "<" or name in GENERATED:
            continue
        target = room_of(name, rooms)
        if not (root / name).is_file() or not target:
            if room != CUDA_HEADERS:
                yield f'{path}: "{name}" is no path from the root to a file in a room'
        elif target != room and target not in rooms[room]:
            yield f'{path}: includes "{name}"; {room}/ may include {", ".join(sorted(rooms[room])) or "nothing else"}'


def sources(root):
    for top in sorted(p for p in root.iterdir() if p.is_dir() and p.name[0] != "." and p.name not in ("build", "out")):
        for path in sorted(top.rglob("*")):
            name = path.relative_to(root).as_posix()
            if path.is_file() and (path.suffix in SOURCES or name.startswith(CUDA_HEADERS)):
                yield name


def check(root, table):
    rooms, problems = read_rooms(table)
    problems += [f"tests/layers.py: {room}/ is no folder" for room in rooms if not (root / room).is_dir()]
    for path in sources(root):
        if not PROGRAMS.match(path):
            problems += problems_of(root, path, rooms)
    return problems


if __name__ == "__main__":
    found = check(Path(__file__).resolve().parent.parent, ROOMS)
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(bool(found))
