"""What an experiment's run.py returns."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Table:
    """Text in columns; the first column says what a row is about. Printed, and written as <name>.csv."""

    name: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""
    breaks: Sequence[int] = ()  # columns before which the printed table starts again, so that it is not too wide
    printed: bool = True

    def text(self) -> str:
        ends = [*self.breaks, len(self.columns)]
        parts, first = [], 1
        for end in ends:
            chosen = [0, *range(first, end)]
            parts.append(aligned([[line[c] for c in chosen] for line in [self.columns, *self.rows]], rule=True))
            first = end
        return (f"{self.title}\n\n" if self.title else "") + "\n".join(parts)

    def csv(self) -> str:
        file = io.StringIO()
        csv.writer(file, lineterminator="\n").writerows([self.columns, *self.rows])
        return file.getvalue()


@dataclass
class Result:
    ours: dict[str, dict[str, float | str]]  # by quantity and row; a text where the paper's figure may be one
    tables: Sequence[Table] = ()
    documents: dict[str, Any] = field(default_factory=dict)  # <name>.json of each; what plot.py draws
    notes: str = ""  # printed below the comparison
    device: str = ""  # what the numbers are for, in the plots' captions; "": the machine that ran


def aligned(lines: Sequence[Sequence[str]], rule: bool = False) -> str:
    """The first column to the left, the others to the right, two blanks between; a rule below the first line."""
    widths = [max(len(line[c]) for line in lines) for c in range(len(lines[0]))]
    shown = []
    for line in lines:
        cells = [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:]))]
        shown.append("  ".join(cells).rstrip())
    if rule:
        shown.insert(1, "-" * (sum(widths) + 2 * (len(widths) - 1)))
    return "\n".join(shown) + "\n"
