"""Runs an experiment: settings, numbers, comparison, files."""

from __future__ import annotations

import csv
import datetime
import io
import json
import os
import platform
import shlex
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import attnlab
from attnlab.experiments import _compare, _plots
from attnlab.experiments._manifest import Experiment, Settings
from attnlab.experiments._paper import Paper
from attnlab.experiments._result import Result


@dataclass(frozen=True)
class Outcome:
    text: str  # what the command prints
    verdict: _compare.Verdict
    files: Sequence[Path]


def _date() -> str:
    """Today, or the day that SOURCE_DATE_EPOCH names (reproducible-builds.org)."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    now = datetime.datetime.now(datetime.UTC) if epoch is None else datetime.datetime.fromtimestamp(int(epoch), datetime.UTC)
    return now.date().isoformat()


def _machine() -> str:
    """The processor's name."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.machine()


def command_of(experiment: Experiment, changes: Mapping[str, str], quick: bool) -> str:
    words = ["attnlab", "experiment", experiment.name]
    for key, value in changes.items():
        words += ["--set", f"{key}={value}"]
    return shlex.join(words + (["--quick"] if quick else []))


def _csv(rows: Sequence[Sequence[str]]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(rows)
    return file.getvalue()


def _require_every_figure(experiment: Experiment, paper: Paper, result: Result) -> None:
    """With the paper's own settings a figure without a number of ours is a mistake in one of the files."""
    for quantity, figures in paper.figures.items():
        for row in figures:
            if row not in result.ours.get(quantity, {}):
                raise ValueError(f"{experiment.name}/paper.csv: got row '{row}' of {quantity}, which run.py does not compute")


def _require_folder(folder: Path) -> None:
    """Refuses before work starts what could not be written after it. Makes nothing."""
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise ValueError(f"out: got {folder}, expected a folder, or a place for one: {there} is none that can be written")


def run(
    experiment: Experiment,
    folder: Path,
    *,
    changes: Mapping[str, str] | None = None,
    quick: bool = False,
    plots: bool = True,
) -> Outcome:
    """Computes and draws first, then moves the files into the folder: a run that fails leaves what was there."""
    changes = changes or {}
    settings = experiment.settings(changes, quick)
    paper = experiment.paper_for(settings)
    _require_folder(folder)
    compute: Callable[[Settings, Paper], Result] = _plots.module_of(experiment, "run").run
    result = compute(settings, paper)
    if not changes:
        _require_every_figure(experiment, paper, result)
    comparisons = _compare.compare(experiment, paper, result)
    verdict = _compare.overall(comparisons)
    command, device, date = command_of(experiment, changes, quick), result.device or _machine(), _date()

    parts = [f"{experiment.title}\n", *(table.text() for table in result.tables if table.printed)]
    if experiment.quantities:
        parts.append(_compare.to_text(comparisons))
    parts += [result.notes] if result.notes else []
    parts.append(f"verdict: {verdict}\n")

    record: dict[str, Any] = {
        "experiment": experiment.name,
        "title": experiment.title,
        "paper": experiment.source,
        "settings": dict(settings),
        "command": command,
        "device": device,
        "date": date,
        "attnlab": attnlab.__version__,
        "verdict": verdict,
        "quantities": _compare.to_json(comparisons),
    }
    texts = {f"{table.name}.csv": table.csv() for table in result.tables}
    texts |= {f"{name}.json": json.dumps(document, indent=2) + "\n" for name, document in result.documents.items()}
    texts["comparison.csv"] = _csv(_compare.to_rows(comparisons))
    texts["comparison.json"] = json.dumps(record, indent=2) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".attnlab-", dir=folder) as staging:
        files = [Path(staging) / name for name in texts]
        for file, text in zip(files, texts.values(), strict=True):
            file.write_text(text)
        if plots and _plots.can_draw(folder):
            files += _plots.draw(experiment, result.documents, f"{command} · {device} · {date}", Path(staging))
        for file in files:
            os.replace(file, folder / file.name)
    return Outcome("\n".join(parts), verdict, [folder / file.name for file in files])
