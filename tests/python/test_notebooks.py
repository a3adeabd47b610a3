"""Do the lessons run, as they are and with their exercises solved, and are they stripped of outputs?

A lesson's exercise is a cell with the tag "exercise" that holds the reader's attempt; its metadata "solution" is the
text of a right one. A cell with the tag "goal" is an expression that becomes true by it.
"""

import pathlib

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = pathlib.Path(__file__).resolve().parents[2]
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def tagged(notebook, tag):
    return [cell for cell in notebook.cells if tag in cell.metadata.get("tags", [])]


def run(notebook):
    """Executes it and returns whether every goal is met."""
    for cell in tagged(notebook, "goal"):
        goal = cell.source.strip().splitlines()[-1]
        cell.source += f"\nprint('GOAL', bool({goal}))"
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(ROOT / "notebooks")}}).execute()
    printed = [
        output.text.strip()
        for cell in tagged(notebook, "goal")
        for output in cell.outputs
        if output.output_type == "stream" and output.text.startswith("GOAL")
    ]
    return printed == ["GOAL True"] * len(tagged(notebook, "goal"))


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_the_exercise_is_unsolved_until_it_is_solved(lesson):
    assert not run(nbformat.read(lesson, as_version=4))
    solved = nbformat.read(lesson, as_version=4)
    for cell in tagged(solved, "exercise"):
        cell.source = cell.metadata["solution"]
    assert run(solved)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_nothing_but_the_lesson_is_in_the_file(lesson):
    notebook = nbformat.read(lesson, as_version=4)
    nbformat.validate(notebook)
    assert tagged(notebook, "exercise") and tagged(notebook, "goal")
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert not cell.outputs and cell.execution_count is None, cell.source
