"""paper.csv: the figures that an experiment is compared with."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_COLUMNS = ["quantity", "row", "paper", "error", "where"]


@dataclass(frozen=True)
class Figure:
    """One figure of the paper: a number as printed, or a text such as 'out of memory'."""

    printed: str
    error: float  # how far from it the true value may lie; half of its last digit where the file says nothing

    @property
    def value(self) -> float | str:
        return _number(self.printed)

    @property
    def decimals(self) -> int:
        return len(self.printed.partition(".")[2])


@dataclass(frozen=True)
class Paper:
    figures: dict[str, dict[str, Figure]]  # by quantity and row

    def only(self, quantities: Iterable[str]) -> Paper:
        return Paper({name: self.figures.get(name, {}) for name in quantities})

    def figure(self, quantity: str, row: str) -> Figure | None:
        return self.figures.get(quantity, {}).get(row)

    def number(self, quantity: str, row: str) -> float | None:
        """None where the paper has no number, or none that belongs to the settings of this run."""
        figure = self.figure(quantity, row)
        return figure.value if figure and isinstance(figure.value, float) else None


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def read_paper(file: Path, place: str, quantities: list[str]) -> Paper:
    """Columns quantity, row, paper, error, where; others may follow. Without the file there are no figures. Raises
    ValueError naming the line that makes no sense."""
    figures: dict[str, dict[str, Figure]] = {name: {} for name in quantities}
    if not file.exists():
        return Paper(figures)
    with file.open(newline="") as lines:
        reader = csv.DictReader(lines)
        if reader.fieldnames is None or list(reader.fieldnames[: len(_COLUMNS)]) != _COLUMNS:
            raise ValueError(f"{place}: got the columns {reader.fieldnames}, expected {', '.join(_COLUMNS)}")
        for line in reader:
            quantity, row, printed = line["quantity"], line["row"], line["paper"]
            here = f"{place}, line {reader.line_num}"
            if quantity not in figures:
                raise ValueError(f"{here}: got the quantity '{quantity}', expected one of {', '.join(quantities)}")
            if not row or not printed or row in figures[quantity]:
                raise ValueError(f"{here}: got row '{row}' with '{printed}', expected a row of its own and a figure")
            error = _number(line["error"]) if line["error"] else 0.5 * 10.0 ** -len(printed.partition(".")[2])
            if isinstance(error, str) or error < 0:
                raise ValueError(f"{here}: got the error '{line['error']}', expected a number of at least 0")
            figures[quantity][row] = Figure(printed, error)
    return Paper(figures)
