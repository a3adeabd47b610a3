"""Experiments: a paper's figure computed again, with the paper's numbers beside ours and a verdict.

An experiment is a folder (docs/adding/experiment.md):

    experiment.json    title, settings, rows, what is compared and by which criterion (schema.json says what it may hold)
    paper.csv          the paper's figures
    run.py             run(settings, paper) -> Result: the numbers, computed with attnlab
    plot.py            draw(documents) -> {name: matplotlib figure}
    results/           what `attnlab experiment NAME --update` wrote

Run by `attnlab experiment NAME` or `python -m attnlab.experiments NAME`.
"""

from attnlab.experiments._manifest import Experiment, Settings, load, names
from attnlab.experiments._paper import Figure, Paper
from attnlab.experiments._result import Result, Table
from attnlab.experiments._runner import run
from attnlab.experiments._screen import progress
from attnlab.experiments._tensors import read_safetensors

__all__ = [
    "Experiment",
    "Figure",
    "Paper",
    "Result",
    "Settings",
    "Table",
    "load",
    "names",
    "progress",
    "read_safetensors",
    "run",
]
