#!/usr/bin/env python3
"""What the grader says to common mistakes: the tables of labs/INSTRUCTOR.md, a lab each.

    labs/courses/common_mistakes.py PROGRAM                 grades the mistakes and prints the tables (minutes)
    labs/courses/common_mistakes.py PROGRAM --write         puts them into labs/INSTRUCTOR.md
    labs/courses/common_mistakes.py PROGRAM --lab 05 ...    of one lab

The mistakes are those of the lab's proof.txt: a few that cost little each, for these are the ones whose message matters.
PROGRAM is attnlab.
"""

import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

sys.dont_write_bytecode = True
from common import LABS, Parser, all_folders, folder_of, read_lab
from tables import fill_page, print_tables, table

SCRIPT = "labs/courses/common_mistakes.py"
STUDENT = "instructor"
MOST = 5
HEADER = re.compile(r"\[(honest|mistake|cheat|answer)\]\s*(\S*?)(?::\s*(.*))?$")


@dataclass
class Mistake:
    name: str
    loses: list[str]
    says: list[str] = field(default_factory=list)  # proof.txt's explanation
    edits: list[tuple[str, str]] = field(default_factory=list)

    def applied(self, text: str) -> str:
        for old, new in self.edits:
            if not old:
                text += new
                continue
            assert ("\n" + text).count("\n" + old) == 1, f"{self.name}: the text is not in the solution exactly once"
            at = ("\n" + text).index("\n" + old)
            text = text[:at] + new + text[at + len(old) :]
        return text


def read_mistakes(path: Path) -> list[Mistake]:
    """Those that are edits of the solution."""
    mistakes: list[Mistake] = []
    current: Mistake | None = None
    lines = iter(path.read_text(encoding="utf-8").splitlines(keepends=True))
    for line in lines:
        if line.startswith("["):
            current = None
            header = HEADER.match(line.strip())
            if header and header[1] == "mistake" and header[3]:
                current = Mistake(header[2], [name.strip() for name in header[3].split(",")])
                mistakes.append(current)
        elif line == "<<<<\n":
            parts = ["", ""]
            behind = 0
            for inner in lines:
                if inner == ">>>>\n":
                    break
                if inner == "====\n":
                    behind = 1
                else:
                    parts[behind] += inner
            if current:
                current.edits.append((parts[0], parts[1]))
        elif current and line.strip() and not current.edits:
            current.says.append(line.strip())
    return [mistake for mistake in mistakes if mistake.edits]


def chosen(mistakes: list[Mistake]) -> list[Mistake]:
    """Those that lose least first, each with another loss than those before."""
    found: list[Mistake] = []
    for mistake in sorted(mistakes, key=lambda one: len(one.loses)):
        if len(found) < MOST and all(mistake.loses[0] != other.loses[0] for other in found):
            found.append(mistake)
    return sorted(found, key=mistakes.index)


def graded(program: str, folder: Path, mistake: Mistake, parser: Parser) -> dict[str, dict]:
    solution = next(folder.glob("solution.*"))
    with tempfile.TemporaryDirectory() as work:
        source = Path(work) / ("handout" + solution.suffix)
        source.write_text(mistake.applied(solution.read_text(encoding="utf-8")), encoding="utf-8")
        words = [program, "grade", str(folder), str(source), "--student", STUDENT, "--json"]
        try:
            done = subprocess.run(words, check=False, capture_output=True, text=True)
        except OSError as problem:
            parser.error(f"PROGRAM: {program} cannot be run: {problem.strerror}")
    if done.returncode not in (0, 1):
        parser.error(f"{folder.name}, {mistake.name}: {done.stderr.strip()}")
    return {test["name"]: test for test in json.loads(done.stdout)["tests"]}


def code(text: str) -> str:
    """Without addresses, which are others in every run."""
    text = re.sub(r" at 0x[0-9a-f]+", "", text).replace("`", "'")
    return "<br>".join(f"`{line}`" for line in text.splitlines())


def rows_of(program: str, folder: Path, parser: Parser) -> list[list[str]]:
    rows = []
    for mistake in chosen(read_mistakes(folder / "proof.txt")):
        tests = graded(program, folder, mistake, parser)
        lost = [name for name in mistake.loses if tests[name]["score"] < tests[name]["max_score"]]
        if lost != mistake.loses:
            parser.error(
                f"{folder.name}, {mistake.name}: lost {', '.join(lost)}, proof.txt says {', '.join(mistake.loses)}"
            )
        what = mistake.name.replace("_", " ") + (": " + " ".join(mistake.says) if mistake.says else "")
        rows.append([what, ", ".join(lost), code(tests[lost[0]]["output"])])
    return rows


def main(arguments: list[str]) -> int:
    parser = Parser(prog="common_mistakes.py", description="What the grader says to common mistakes.")
    parser.add_argument("program", metavar="PROGRAM", help="attnlab")
    parser.add_argument("--lab", metavar="LAB", help="one lab alone")
    parser.add_argument("--write", action="store_true", help="into labs/INSTRUCTOR.md")
    given = parser.parse_args(arguments)
    folders = [folder_of(given.lab, parser)] if given.lab else all_folders()
    tables = {}
    for folder in folders:
        if not (folder / "proof.txt").is_file():
            print(f"{folder.name}: has no proof.txt", file=sys.stderr)
            continue
        read_lab(folder, parser)
        rows = rows_of(given.program, folder, parser)
        tables[folder.name] = table(["mistake", "loses", "the grader says, to the first of these"], rows)
        if given.write:
            fill_page(LABS / "INSTRUCTOR.md", SCRIPT, {folder.name: tables[folder.name]}, True)
    if not given.write:
        print_tables(tables)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
