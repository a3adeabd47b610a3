"""The paper's figures beside ours, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from attnlab.experiments._manifest import Experiment, Quantity
from attnlab.experiments._paper import Figure, Paper
from attnlab.experiments._result import Result, aligned

# exact: every figure lies within the paper's own error. in shape: the ratios ours / paper of the rows differ by no more
# than the manifest's factor. not compared: the paper has no figure for these settings.
Verdict = Literal["exact", "in shape", "not reproduced", "not compared"]
_FROM_BEST: tuple[Verdict, ...] = ("exact", "in shape", "not reproduced")


@dataclass(frozen=True)
class Row:
    label: str
    paper: Figure
    ours: float | str

    @property
    def ratio(self) -> float | None:
        paper = self.paper.value
        if isinstance(paper, str) or isinstance(self.ours, str) or paper == 0:
            return None
        return self.ours / paper

    @property
    def exact(self) -> bool:
        paper = self.paper.value
        if isinstance(paper, str) or isinstance(self.ours, str):
            return paper == self.ours
        return abs(self.ours - paper) <= self.paper.error * (1 + 1e-9)


@dataclass(frozen=True)
class Comparison:
    quantity: Quantity
    rows: list[Row]

    @property
    def verdict(self) -> Verdict:
        if not self.rows:
            return "not compared"
        if all(row.exact for row in self.rows):
            return "exact"
        ratios = [row.ratio for row in self.rows if row.ratio is not None]
        others = [row for row in self.rows if row.ratio is None]
        same_shape = ratios and min(ratios) > 0 and max(ratios) <= self.quantity.shape * min(ratios)
        return "in shape" if same_shape and all(row.exact for row in others) else "not reproduced"


def compare(experiment: Experiment, paper: Paper, result: Result) -> dict[str, Comparison]:
    """By quantity. Rows are those that the paper and the run both have."""
    comparisons = {}
    for name, quantity in experiment.quantities.items():
        ours = result.ours.get(name, {})
        figures = paper.figures.get(name, {})
        rows = [Row(label, figures[label], ours[label]) for label in figures if label in ours]
        comparisons[name] = Comparison(quantity, rows)
    return comparisons


def overall(comparisons: dict[str, Comparison]) -> Verdict:
    """The worst of the quantities that the experiment claims."""
    verdicts = [c.verdict for c in comparisons.values() if c.quantity.claimed and c.verdict != "not compared"]
    return max(verdicts, key=_FROM_BEST.index) if verdicts else "not compared"


def _shown(value: float | str, decimals: int) -> str:
    """With one digit more than the paper prints, none where both are whole."""
    if isinstance(value, str):
        return value
    if decimals == 0 and value == int(value):
        return f"{value:,.0f}"
    return f"{value:.2g}" if 0 < abs(value) < 10.0 ** -(decimals + 1) else f"{value:,.{decimals + 1}f}"


def _ratio(ratio: float | None) -> str:
    if ratio is None:
        return ""
    return f"{ratio:.3f}" if ratio < 10 else f"{ratio:.1f}"


def to_text(comparisons: dict[str, Comparison]) -> str:
    """paper | ours | ratio, one part per quantity."""
    lines = [["", "paper", "ours", "ratio", ""]]
    for comparison in comparisons.values():
        if not comparison.rows:
            continue
        quantity = comparison.quantity
        lines.append([f"{quantity.title}, {quantity.unit}" if quantity.unit else quantity.title, "", "", "", ""])
        for index, row in enumerate(comparison.rows):
            paper = row.paper.value
            printed = f"{paper:,.{row.paper.decimals}f}" if isinstance(paper, float) else paper
            verdict = comparison.verdict if index == 0 else ""
            ours = _shown(row.ours, row.paper.decimals)
            lines.append([f"  {row.label}", printed, ours, _ratio(row.ratio), verdict])
    if len(lines) == 1:
        return "The paper has no figures for these settings.\n"
    widest = max(len(line[4]) for line in lines)
    return aligned([[*line[:4], line[4].ljust(widest)] for line in lines], rule=True)


def to_json(comparisons: dict[str, Comparison]) -> dict[str, Any]:
    return {
        name: {
            "title": comparison.quantity.title,
            "unit": comparison.quantity.unit,
            "claimed": comparison.quantity.claimed,
            "verdict": comparison.verdict,
            "rows": [
                {"row": row.label, "paper": row.paper.value, "error": row.paper.error, "ours": row.ours,
                 "ratio": row.ratio, "exact": row.exact}
                for row in comparison.rows
            ],
        }
        for name, comparison in comparisons.items()
    }  # fmt: skip


def to_rows(comparisons: dict[str, Comparison]) -> list[list[str]]:
    """comparison.csv."""
    rows = [["quantity", "row", "paper", "ours", "ratio", "verdict"]]
    for name, comparison in comparisons.items():
        for row in comparison.rows:
            ours = row.ours if isinstance(row.ours, str) else f"{row.ours:.10g}"
            ratio = "" if row.ratio is None else f"{row.ratio:.6g}"
            rows.append([name, row.label, row.paper.printed, ours, ratio, comparison.verdict])
    return rows
