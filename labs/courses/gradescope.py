#!/usr/bin/env python3
"""A Gradescope autograder of a lab: a zip file to upload as it is.

    labs/courses/gradescope.py 05 --wheel attnlab-0.1.0-cp311-cp311-linux_x86_64.whl
    labs/courses/gradescope.py 05 --wheel FILE.whl --id name --out FILE.zip

The zip holds the wheel, setup.sh (installs it, once, when Gradescope makes the image) and run_autograder (grades one
submission). The same arguments give the same bytes.
"""

import json
import os
import re
import sys
import zipfile
from pathlib import Path

sys.dont_write_bytecode = True
from common import Parser, choose

PARTS = Path(__file__).resolve().parent / "gradescope"
LAB_FILE = re.compile(r"(?:^|/)labs/([^/]+)/([^/]+)$")
TEACHERS = ("solution.", "proof.txt", "tests.txt")
BEGIN = (1980, 1, 1, 0, 0, 0)  # of time, in zip files


def files_of_labs(wheel: zipfile.ZipFile) -> dict[str, dict[str, str]]:
    """By lab: where in the wheel each of its files is."""
    labs: dict[str, dict[str, str]] = {}
    for entry in wheel.namelist():
        if found := LAB_FILE.search(entry):
            labs.setdefault(found[1], {})[found[2]] = entry
    return {lab: files for lab, files in labs.items() if "grade.json" in files}


def settings(name: str, path: Path, student: str, parser: Parser) -> dict:
    """What run_autograder has to know of the lab."""
    try:
        with zipfile.ZipFile(path) as wheel:
            labs = files_of_labs(wheel)
            lab = choose(name, labs)
            if lab is None:
                parser.error(
                    f"LAB: got {name}, expected one of the wheel's: {', '.join(sorted(labs)) or 'it has none'}"
                )
            grade = json.loads(wheel.read(labs[lab]["grade.json"]))
    except (OSError, zipfile.BadZipFile, ValueError) as problem:
        parser.error(f"--wheel: {path} cannot be read: {' '.join(str(problem).split())}")
    files = sorted(labs[lab])
    if secrets := [file for file in files if file.startswith(TEACHERS)]:
        parser.error(f"--wheel: {path} holds {lab}/{secrets[0]}, expected a wheel without solutions")
    handouts = [file for file in files if file.startswith("handout.")]
    if len(handouts) != 1:
        parser.error(f"--wheel: {path} has {len(handouts)} handouts of {lab}, expected one")
    return {
        "lab": lab,
        "title": grade["title"]["en"],
        "handout": handouts[0],
        "given": [file for file in files if file != handouts[0]],
        "max_score": sum(prop["points"] for prop in grade["properties"]),
        "student": student,
    }


def write_zip(out: Path, files: dict[str, tuple[bytes, int]]) -> None:
    """Stored, in order, without dates: the same files make the same bytes. Complete, or not there."""
    unfinished = out.with_name(out.name + ".unfinished")
    try:
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_STORED) as archive:
            for name, (content, mode) in sorted(files.items()):
                entry = zipfile.ZipInfo(name, BEGIN)
                entry.create_system = 3  # Unix: the mode counts
                entry.external_attr = (0o100000 | mode) << 16
                archive.writestr(entry, content)
        os.replace(unfinished, out)
    finally:
        unfinished.unlink(missing_ok=True)


def main(arguments: list[str]) -> int:
    parser = Parser(prog="gradescope.py", description="A Gradescope autograder of a lab, as a zip file.")
    parser.add_argument("lab", metavar="LAB", help="name or number")
    parser.add_argument(
        "--wheel", required=True, type=Path, metavar="FILE", help="attnlab's wheel: ./lab release makes it"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="the zip file [gradescope_LAB.zip]")
    parser.add_argument(
        "--id",
        choices=["email", "name", "id"],
        default="email",
        help="what of a student the questions are drawn from; students say the same to --student [email]",
    )
    given = parser.parse_args(arguments)
    if not re.fullmatch(r"attnlab-[^/]+\.whl", given.wheel.name):
        parser.error(f"--wheel: got {given.wheel}, expected a file attnlab-*.whl")
    lab = settings(given.lab, given.wheel, given.id, parser)
    out = given.out or Path(f"gradescope_{lab['lab']}.zip")
    files = {
        given.wheel.name: (given.wheel.read_bytes(), 0o644),
        "lab.json": ((json.dumps(lab, indent=2, sort_keys=True) + "\n").encode(), 0o644),
        "setup.sh": ((PARTS / "setup.sh").read_bytes(), 0o755),
        "run_autograder": ((PARTS / "run_autograder").read_bytes(), 0o755),
    }
    try:
        write_zip(out, files)
    except OSError as problem:
        parser.error(f"--out: {out} cannot be written: {problem.strerror}")
    print(
        f"{out}: {lab['title']}, {lab['max_score']} points; students hand in {lab['handout']}, answers.txt"
        + (" and tests.txt" if "mutants.cpp" in lab["given"] else "")
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
