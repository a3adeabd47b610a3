#!/usr/bin/env python3
"""The scripts of labs/courses that grade nothing: the notebook, the tables, GitHub Classroom's report."""

import base64
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
COURSES = ROOT / "labs/courses"
sys.path.insert(0, str(COURSES))
import common
import common_mistakes
import tables


def run(script: str, *arguments: str | pathlib.Path, text: str = "") -> subprocess.CompletedProcess[str]:
    words = [sys.executable, COURSES / script, *arguments]
    return subprocess.run(words, check=False, capture_output=True, text=True, input=text)


class Notebook(unittest.TestCase):
    def test_each_lab(self) -> None:
        labs = common.all_folders()
        self.assertEqual(len(labs), 6)
        for lab in labs:
            with tempfile.TemporaryDirectory() as folder:
                out = pathlib.Path(folder) / "lab.ipynb"
                done = run("notebook.py", lab.name, "--out", out)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(list(pathlib.Path(folder).iterdir()), [out])
                cells = json.loads(out.read_text())["cells"]
            ids = [cell["id"] for cell in cells]
            self.assertEqual(len(ids), len(set(ids)))
            for cell in cells:
                self.assertRegex(cell["id"], r"^[a-zA-Z0-9_-]{1,64}$")
                if cell["cell_type"] == "code" and not "".join(cell["source"]).startswith(("%%", "!")):
                    compile("".join(cell["source"]), cell["id"], "exec")
            marks = {cell["id"]: cell["metadata"].get("nbgrader", {}) for cell in cells}
            self.assertEqual(sum(mark["points"] for mark in marks.values() if mark.get("grade")), 100, lab.name)
            self.assertEqual([name for name, mark in marks.items() if mark.get("solution")], ["handout"])
            source = "".join(next(cell for cell in cells if cell["id"] == "handout")["source"])
            handout = next(lab.glob("handout.*"))
            self.assertTrue(source.startswith(f"%%writefile {handout.name}\n{handout.read_text()}"))
            # nbgrader takes these lines out and puts a stub there: within a comment.
            comment = source[source.rindex("/*") :]
            self.assertRegex(comment, r"\nBEGIN SOLUTION\nEND SOLUTION\n\*/$")

    def test_bad_arguments(self) -> None:
        for arguments in [[], ["9", "--out", "x.ipynb"], ["1", "--out", "x.txt"], ["1", "--out", "/nope/x.ipynb"]]:
            done = run("notebook.py", *arguments)
            self.assertEqual((done.returncode, done.stderr.count("\n")), (2, 1), done.stderr)


class Tables(unittest.TestCase):
    def test_pages_have_the_map(self) -> None:
        done = run("map.py", "--check")
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_only_its_own_are_filled(self) -> None:
        page = "<!-- table 'a' of: me.py -->\n| old |\nx\n<!-- table 'a' of: other.py; slow -->\n| old |\n"
        filled = tables.filled(page, "me.py", {"a": "| new |\n"})
        self.assertEqual(filled, page.replace("| old |", "| new |", 1))
        self.assertEqual(tables.table(["h"], [["a|b"]]), "| h |\n| --- |\n| a\\|b |\n")

    def test_every_mistake_is_an_edit_of_its_solution(self) -> None:
        for lab in common.all_folders():
            solution = next(lab.glob("solution.*")).read_text()
            mistakes = common_mistakes.read_mistakes(lab / "proof.txt")
            self.assertGreater(len(mistakes), 15, lab.name)
            for mistake in mistakes:
                self.assertNotEqual(mistake.applied(solution), solution, mistake.name)
            self.assertEqual(len(common_mistakes.chosen(mistakes)), common_mistakes.MOST)

    def test_the_teachers_page_has_a_table_for_each_lab(self) -> None:
        page = (ROOT / "labs/INSTRUCTOR.md").read_text()
        found = {mark[2] for mark in tables.MARK.finditer(page) if mark[4]}
        self.assertEqual(found, {lab.name for lab in common.all_folders()})


class Classroom(unittest.TestCase):
    def report(self, text: str) -> dict:
        done = run("github-classroom/report.py", text=text)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(done.stdout.startswith("result="))
        return json.loads(base64.b64decode(done.stdout.removeprefix("result=")))

    def test_points(self) -> None:
        test = {"name": "values", "title": "It is right", "max_score": 30, "output": "y[0] is 1"}
        grade = {"score": 40, "max_score": 60, "tests": [test | {"score": 30}, test | {"score": 10}]}
        report = self.report(json.dumps(grade))
        self.assertEqual((report["status"], report["max_score"]), ("fail", 60))
        self.assertEqual([(t["status"], t["score"]) for t in report["tests"]], [("pass", 30), ("fail", 10)])

    def test_refusals(self) -> None:
        refusal = {"error": {"argument": "handout.cu", "got": "cannot be read", "expected": "a file"}}
        for text in [json.dumps(refusal), "", "nonsense"]:
            report = self.report(text)
            self.assertEqual((report["status"], report["tests"][0]["score"]), ("error", 0))


if __name__ == "__main__":
    unittest.main()
