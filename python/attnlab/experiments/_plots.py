"""Plots of an experiment's documents: its plot.py draws, this gives them one look, a caption, and writes them."""

from __future__ import annotations

import functools
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from attnlab.experiments._files import write_whole
from attnlab.experiments._manifest import Experiment

# Okabe and Ito's colours: colour-blind readers tell them apart.
OURS, PAPER, GREEN, PURPLE, ORANGE = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00"
_STYLE: Any = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.axisbelow": True,
    "grid.color": "0.9",
    "legend.frameon": False,
    "figure.dpi": 160,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "attnlab",  # equal data, equal file
}


def module_of(experiment: Experiment, name: str) -> ModuleType:
    """The experiment's run.py or plot.py."""
    file = experiment.folder / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"attnlab_{experiment.name}_{name}", file)
    if spec is None or spec.loader is None or not file.exists():
        raise FileNotFoundError(f"{file}: no such file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def can_draw(folder: Path) -> bool:
    """Says on stderr what is missing, and that the data are in the folder all the same."""
    if importlib.util.find_spec("matplotlib") is not None:
        return True
    advice = f"{sys.executable} has no matplotlib (get it with: {sys.executable} -m pip install matplotlib)"
    print(f"attnlab: no plots: {advice}; the data is in {folder}", file=sys.stderr)
    return False


def draw(experiment: Experiment, documents: dict[str, Any], caption: str, folder: Path) -> list[Path]:
    """Writes <figure>.svg and <figure>.png for each figure that plot.py draws. Below each stands the source, which is the
    paper or what plot.py's source(documents) returns, and then the caption."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    module = module_of(experiment, "plot")
    source = module.source(documents) if hasattr(module, "source") else experiment.source
    caption = "\n".join(line for line in (source, caption) if line)
    written = []
    with plt.rc_context(_STYLE):
        for name, figure in module.draw(documents).items():
            lines = caption.count("\n") + 1
            room = (0.09 + 0.14 * lines) / figure.get_figheight()
            figure.set_layout_engine("constrained", rect=(0, room, 1, 1 - room))
            figure.text(0.01, 0.05 / figure.get_figheight(), caption, fontsize=6.5, color="0.4", va="bottom")
            for suffix, metadata in (("svg", {"Date": None}), ("png", {"Software": None})):
                file = folder / f"{name}.{suffix}"
                write_whole(file, functools.partial(figure.savefig, format=suffix, metadata=metadata))
                written.append(file)
            plt.close(figure)
    return written
