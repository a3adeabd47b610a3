#!/usr/bin/env python3
"""The Gradescope autograder of a lab, built and run in a temporary tree.

    tests/labs/gradescope_test.py [ATTNLAB] [unittest's arguments]

ATTNLAB, the program (build/release/attnlab unless said), stands on PATH in place of the wheel.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "labs/courses/gradescope.py"
LAB = "01_online_softmax"
WHEEL = "attnlab-0.1.0-cp311-cp311-linux_x86_64.whl"
STUDENTS = ["README.md", "handout.cpp", "lab.h", "grade.json", "mutants.cpp"]
program = ROOT / "build/release/attnlab"


def make_wheel(folder: pathlib.Path, more: tuple[str, ...] = ()) -> pathlib.Path:
    """What of a wheel gradescope.py looks at."""
    wheel = folder / WHEEL
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("attnlab/_program/bin/attnlab", "the program")
        for name in [*STUDENTS, *more]:
            if (ROOT / "labs" / LAB / name).exists():
                archive.write(ROOT / "labs" / LAB / name, f"attnlab/_program/share/attnlab/labs/{LAB}/{name}")
    return wheel


def build(*arguments: str | pathlib.Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, *arguments], check=False, capture_output=True, text=True)


class Temporary(unittest.TestCase):
    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)
        self.folder.chmod(0o755)


class Build(Temporary):
    def test_the_same_arguments_make_the_same_bytes(self) -> None:
        wheel = make_wheel(self.folder)
        for name in ["a.zip", "b.zip"]:
            done = build("1", "--wheel", wheel, "--out", self.folder / name)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("handout.cpp, answers.txt and tests.txt", done.stdout)
        self.assertEqual((self.folder / "a.zip").read_bytes(), (self.folder / "b.zip").read_bytes())
        with zipfile.ZipFile(self.folder / "a.zip") as archive:
            self.assertEqual(archive.namelist(), [WHEEL, "lab.json", "run_autograder", "setup.sh"])
            self.assertEqual(archive.getinfo("setup.sh").external_attr >> 16 & 0o777, 0o755)
            self.assertEqual(archive.getinfo("run_autograder").external_attr >> 16 & 0o777, 0o755)
            self.assertEqual(archive.read(WHEEL), wheel.read_bytes())

    def test_bad_arguments(self) -> None:
        wheel = make_wheel(self.folder)
        with_solution = self.folder / "with"
        with_solution.mkdir()
        (self.folder / "attnlab-text.whl").write_text("no zip")
        cases = {
            "--wheel": [["1"]],
            "required": [[]],
            "one of the wheel's: 01_online_softmax": [["7", "--wheel", wheel]],
            "cannot be read": [
                ["1", "--wheel", self.folder / "attnlab-none.whl"],
                ["1", "--wheel", self.folder / "attnlab-text.whl"],
            ],
            "attnlab-*.whl": [["1", "--wheel", SCRIPT]],
            "without solutions": [
                ["1", "--wheel", make_wheel(with_solution, ("solution.cpp",))],
                ["1", "--wheel", make_wheel(with_solution, ("proof.txt",))],
            ],
            "cannot be written": [["1", "--wheel", wheel, "--out", self.folder / "none/a.zip"]],
        }
        for expected, calls in cases.items():
            for call in calls:
                done = build(*call)
                self.assertEqual(done.returncode, 2, call)
                self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
                self.assertIn(expected, done.stderr)
        self.assertEqual([path.name for path in self.folder.glob("*.unfinished")], [])


class Run(Temporary):
    def setUp(self) -> None:
        super().setUp()
        self.root = self.folder / "autograder"
        (self.root / "submission").mkdir(parents=True)
        (self.root / "results").mkdir()
        out = self.folder / "a.zip"
        done = build("1", "--wheel", make_wheel(self.folder), "--out", out)
        self.assertEqual(done.returncode, 0, done.stderr)
        with zipfile.ZipFile(out) as archive:
            archive.extractall(self.root / "source")
        shutil.copy(self.root / "source/run_autograder", self.root)
        self.users: object = [
            {"email": "Zoe@example.com", "id": 12, "name": "Zoe"},
            {"email": "Ada@example.com", "id": 34, "name": "Ada Li"},
        ]
        self.path = [str(program.parent)]

    def hand_in(self, name: str, text: str | pathlib.Path) -> None:
        path = self.root / "submission" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text if isinstance(text, str) else text.read_text())

    def grade(self) -> dict:
        (self.root / "submission_metadata.json").write_text(json.dumps({"id": 1, "users": self.users}))
        environment = {
            **os.environ,
            "AUTOGRADER_ROOT": str(self.root),
            "PATH": os.pathsep.join([*self.path, os.environ["PATH"]]),
        }
        done = subprocess.run(
            [sys.executable, self.root / "run_autograder"], check=False, capture_output=True, text=True, env=environment
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertNotIn("Traceback", done.stdout)
        self.said = done.stdout
        result = json.loads((self.root / "results/results.json").read_text())
        self.assertEqual((result["visibility"], result["stdout_visibility"]), ("visible", "hidden"))
        self.assertEqual(result["score"], sum(test["score"] for test in result["tests"]))
        self.assertEqual(sum(test["max_score"] for test in result["tests"]), 100)
        return result

    def refused(self) -> str:
        result = self.grade()
        self.assertEqual(result["score"], 0)
        self.assertEqual([test["name"] for test in result["tests"]], ["submission"])
        self.assertEqual(result["tests"][0]["output"].count("\n"), 0)
        return result["tests"][0]["output"]

    def lost(self, result: dict) -> set[str]:
        return {test["name"].split(":")[0] for test in result["tests"] if test["status"] == "failed"}

    def test_a_whole_folder_is_graded(self) -> None:
        lab = ROOT / "labs" / LAB
        self.hand_in("lab 1/my work.cpp", lab / "solution.cpp")
        self.hand_in("lab 1/lab.h", lab / "lab.h")
        self.hand_in("lab 1/tests.txt", lab / "tests.txt")
        self.hand_in("lab 1/answers.txt", "reads_safe = 1\n")
        self.hand_in("__MACOSX/lab 1/._my work.cpp", "")
        result = self.grade()
        self.assertEqual(self.lost(result), {"questions"}, result)
        self.assertIn('"ada@example.com"', result["output"])

    @unittest.skipUnless(
        all(path.stat().st_mode & 0o001 for path in program.parents), "nobody may not read the program"
    )
    def test_without_a_sandbox(self) -> None:
        fake = self.folder / "fake"
        fake.mkdir()
        (fake / "bwrap").write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
        (fake / "bwrap").chmod(0o755)
        self.path.insert(0, str(fake))
        self.hand_in("handout.cpp", ROOT / "labs" / LAB / "solution.cpp")
        result = self.grade()
        self.assertEqual(self.lost(result), {"questions", "tests"}, result)
        self.assertIn("NO SANDBOX", self.said)
        self.assertNotIn("SANDBOX", json.dumps(result))

    def test_a_program_that_does_not_compile(self) -> None:
        self.hand_in("handout.cpp", '#include "lab.h"\nnonsense\n')
        result = self.grade()
        self.assertEqual(result["score"], 0)
        self.assertIn("does not name a type", result["tests"][0]["output"])

    def test_no_file_and_several(self) -> None:
        self.assertIn("no .cpp file: no file.", self.refused())
        self.hand_in("handout.cu", "")
        self.assertIn("no .cpp file: handout.cu.", self.refused())
        self.hand_in("a.cpp", "")
        self.hand_in("mutants.cpp", "")  # the lab's own
        self.hand_in("b.cpp", "")
        self.assertIn("2 .cpp files: a.cpp, b.cpp.", self.refused())

    def test_what_the_grader_refuses(self) -> None:
        self.hand_in("handout.cpp", "//" * 200_000)
        self.assertEqual(self.refused(), "handout.cpp: has more than 256 KiB")

    def test_a_slip_in_the_answers(self) -> None:
        self.hand_in("handout.cpp", ROOT / "labs" / LAB / "solution.cpp")
        self.hand_in("answers.txt", "forty-two\n")
        result = self.grade()
        self.assertEqual(self.lost(result), {"questions", "tests"}, result)
        self.assertIn("answers.txt line 1: expected name = number", json.dumps(result))

    def test_what_is_the_staffs(self) -> None:
        self.hand_in("handout.cpp", ROOT / "labs" / LAB / "handout.cpp")
        self.users = [{"id": 12}]
        self.assertIn("nothing of the student's email", self.refused())
        self.users = 3
        self.assertEqual(self.refused(), "The autograder failed. Please tell the course staff.")
        self.assertIn("TypeError", self.said)
        (self.root / "source/lab.json").unlink()
        self.assertEqual(self.refused(), "The autograder failed. Please tell the course staff.")


if __name__ == "__main__":
    if len(sys.argv) > 1 and os.access(sys.argv[1], os.X_OK):
        program = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
