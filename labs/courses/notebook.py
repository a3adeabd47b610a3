#!/usr/bin/env python3
"""A lab as a notebook.

    labs/courses/notebook.py 05 --out flash.ipynb

The student's file is a cell that begins with %%writefile. The last cells run `attnlab grade` and give the points, one
cell for each property.

nbgrader: put the notebook into source/ASSIGNMENT/ and generate the assignment. Every property is an autograded test
of its own; partial points count. Otter Assign has other marks: around the cell of the handout raw cells with
`# BEGIN SOLUTION` and `# END SOLUTION`, around those of the points `# BEGIN TESTS` and `# END TESTS`, and
`assert points(NAME) == MAX` in each, for Otter looks at exceptions only.
"""

import json
import os
import re
import sys
from pathlib import Path

sys.dont_write_bytecode = True
from common import Parser, folder_of, handout_of, read_lab

# nbgrader replaces a region of each solution cell, and a cell without one as a whole. Here it is in a comment.
REGION = """\
/* This comment is nbgrader's: leave it at the end.
BEGIN SOLUTION
END SOLUTION
*/"""

SET_UP = """\
# Once, where attnlab is not installed: its wheel, a compiler and the sandbox.
# %pip install attnlab-0.1.0-....whl
# !apt-get install -y g++ binutils bubblewrap
STUDENT = "anyone"  # what your course calls you, such as your e-mail address: your questions are drawn from it"""

START = """\
# The lab's other files, and your questions.
import pathlib
import shutil
import subprocess

shutil.rmtree("given", ignore_errors=True)
subprocess.run(["attnlab", "grade", "{lab}", "--start", "given", "--student", STUDENT], check=True, capture_output=True)
for path in sorted(pathlib.Path("given").iterdir()):
    if path.name not in ("README.md", "README.zh.md", "answers.txt", "{handout}"):
        shutil.copy(path, path.name)
        print(path.name)
if pathlib.Path("given/answers.txt").exists():
    print(pathlib.Path("given/answers.txt").read_text())"""

GRADE = """\
# Grades the files that the cells above have written.
import json
import subprocess


def grade(*options):
    words = ["attnlab", "grade", "{lab}", "{handout}", "--student", STUDENT, "--json", *options]
    done = subprocess.run(words, capture_output=True, text=True)
    answer = json.loads(done.stdout)
    if answer.get("error", {{}}).get("argument") == "bwrap" and not options:
        print("There is no sandbox here: the program runs in this notebook's container.")
        return grade("--no-sandbox")
    assert done.returncode in (0, 1), done.stderr
    return answer


def points(name):
    test = tests[name]
    if test["score"] < test["max_score"]:
        print(test["output"])
    assert test["score"] > 0, test["title"]
    return test["score"]


graded = grade()
tests = {{test["name"]: test for test in graded["tests"]}}
print(graded["score"], "of", graded["max_score"], "points")"""


def cell(name: str, kind: str, source: str, **nbgrader: object) -> dict:
    made: dict = {"cell_type": kind, "id": name, "metadata": {}, "source": source.splitlines(keepends=True)}
    if kind == "code":
        made |= {"execution_count": None, "outputs": []}
    if nbgrader:
        made["metadata"]["nbgrader"] = {
            "grade": False,
            "grade_id": name,
            "locked": True,
            "schema_version": 3,
            "solution": False,
            "task": False,
        } | nbgrader
    return made


def text_of(folder: Path, lab: dict) -> str:
    """The README, whose links into the repository lead nowhere from here: their words stay."""
    readme = folder / "README.md"
    if not readme.is_file():
        return f"# {lab['title']['en']}\n\n{lab['goal']['en']}. About {lab['minutes']} minutes.\n"
    return re.sub(r"\[([^\]]*)\]\((?!https?:)[^)]*\)", r"\1", readme.read_text(encoding="utf-8"))


def notebook(folder: Path, lab: dict, handout: Path) -> dict:
    names = {"lab": folder.name, "handout": handout.name}
    written = handout.read_text(encoding="utf-8").rstrip("\n")
    cells = [
        cell("text", "markdown", text_of(folder, lab), locked=True),
        cell("student", "code", SET_UP),
        cell("start", "code", START.format(**names), locked=True),
    ]
    if questions := lab.get("questions"):
        lines = "".join(f"{question['name']} =\n" for question in questions)
        cells.append(cell("answers", "code", f"%%writefile answers.txt\n{lines.rstrip()}"))
    cells.append(
        cell("handout", "code", f"%%writefile {handout.name}\n{written}\n{REGION}", solution=True, locked=False)
    )
    if any(prop["kind"] == "tests" for prop in lab["properties"]):
        cells.append(cell("tests", "code", "%%writefile tests.txt\n# up to 5 rows of numbers, a row in a line"))
    if handout.suffix == ".cu":
        cells.append(cell("try", "code", f"!attnlab emulate {handout.name}"))
    else:
        cells.append(cell("try", "code", f"!g++ -std=c++17 -g -Wall -Wextra {handout.name} -o handout && ./handout"))
    cells.append(cell("grade", "code", GRADE.format(**names), locked=True))
    for prop in lab["properties"]:
        source = f'# {prop["points"]} points: {prop["title"]["en"]}\npoints("{prop["name"]}")'
        cells.append(cell(f"points-{prop['name']}", "code", source, grade=True, points=prop["points"]))
    return {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def main(arguments: list[str]) -> int:
    parser = Parser(prog="notebook.py", description="A lab as a notebook, for nbgrader or for itself.")
    parser.add_argument("lab", metavar="LAB", help="name, number or folder")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="the notebook")
    given = parser.parse_args(arguments)
    if given.out.suffix != ".ipynb":
        parser.error(f"--out: got {given.out}, expected a file *.ipynb")
    folder = folder_of(given.lab, parser)
    made = notebook(folder, read_lab(folder, parser), handout_of(folder, parser))
    unfinished = given.out.with_name(given.out.name + ".unfinished")
    try:
        unfinished.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        os.replace(unfinished, given.out)
    except OSError as problem:
        parser.error(f"--out: {given.out} cannot be written: {problem.strerror}")
    print(f"{given.out}: {len(made['cells'])} cells")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
