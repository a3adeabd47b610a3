#!/usr/bin/env python3
"""Which targets and which tests are these? For `./lab test`.

    tests/rooms.py NAME...    prints the targets to build on one line, and the regular expression for ctest on the next

NAME is a room (oracle), a folder or a file below one (reference/attention, oracle/check), or a room and a pattern of
GoogleTest's (oracle:Check.*). Exit code 2, and one line on stderr, where there is no such thing.
"""

import pathlib
import re
import sys

TESTS = pathlib.Path(__file__).resolve().parent

# Rooms that are no GoogleTest binary: targets, expression.
OTHERS = {
    "python": (["attnlab", "attnlab_python"], r"^python\."),
    "c_api": (["test_c_api"], r"^c_api"),
    "docs": (["attnlab"], r"^(docs|links)"),
    "layers": ([], r"^layers"),
    "format": ([], r"^format$"),
    "package": (["all"], r"^package$"),
}


def gtest_rooms() -> dict[str, pathlib.Path]:
    """The folder of every test binary, as tests/CMakeLists.txt declares them."""
    text = (TESTS / "CMakeLists.txt").read_text()
    found = re.findall(r"^attnlab_room_tests\((\w+)(?: UNOPTIMISED)?(?: FOLDER (\S+?))?[ )]", text, re.MULTILINE)
    return {room: TESTS / (folder or room) for room, folder in found}


def suites(files: list[pathlib.Path]) -> list[str]:
    names: set[str] = set()
    for file in files:
        names.update(re.findall(r"^\s*(?:TYPED_)?TEST(?:_F|_P)?\(\s*(\w+)", file.read_text(), re.MULTILINE))
    return sorted(names)


def selection(name: str) -> tuple[list[str], str] | None:
    if name in OTHERS:
        return OTHERS[name]
    rooms = gtest_rooms()
    place, _, pattern = name.partition(":")
    room, _, rest = place.strip("/").partition("/")
    path = (rooms[room] if room in rooms else TESTS / room) / rest
    # The room whose folder is the nearest above.
    above = [r for r, folder in rooms.items() if path == folder or folder in path.parents]
    if not above:
        return None
    room = max(above, key=lambda r: len(rooms[r].parts))
    if pattern:
        wanted = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
        return [f"test_{room}"], rf"^{room}\.{wanted}$"
    if path == rooms[room]:
        return [f"test_{room}"], rf"^{room}\."
    files = [*path.rglob("*_test.cpp"), *path.parent.glob(path.name + "_test.cpp")]
    if not files:
        return None
    return [f"test_{room}"], rf"^{room}\.([^.]*/)?({'|'.join(suites(files))})[/.<]"


def main() -> int:
    targets: list[str] = []
    expressions: list[str] = []
    for name in sys.argv[1:]:
        found = selection(name)
        if found is None:
            rooms = ", ".join(sorted([*gtest_rooms(), *OTHERS]))
            print(f"attnlab: no tests called '{name}'. Rooms: {rooms}; or a folder or file below one", file=sys.stderr)
            return 2
        targets += [t for t in found[0] if t not in targets]
        expressions.append(found[1])
    print(" ".join(targets))
    print("|".join(expressions))
    return 0


if __name__ == "__main__":
    sys.exit(main())
