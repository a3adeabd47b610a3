"""The oracle's answer: right or wrong, by how much, where, and why."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from attnlab import _picture


class Place(NamedTuple):
    """One element of an output."""

    batch: int
    head: int
    row: int
    col: int


@dataclass(frozen=True)
class Element:
    tensor: str
    at: Place
    got: float
    expected: float
    budget: float
    error_over_budget: float


@dataclass(frozen=True)
class TensorVerdict:
    """One output. histogram: elements by error/budget, exact ones first, then by powers of two from 2^-12; the
    last holds everything from 4 on."""

    name: str
    right: bool
    checked: int
    wrong: int
    nonfinite_mismatch: int
    max_error_over_budget: float
    worst: Element
    histogram: list[int]
    max_row_rms: float
    row_rms_limit: float
    worst_row: Place
    cosine_over_budget: float
    bias_over_budget: float


@dataclass(frozen=True, eq=False)
class DamageMap:
    """share[strip, r, c]: how much of a cell of row_step rows and col_step columns is wrong, 0 to 1. A strip is
    a head of a batch entry."""

    tensor: str
    row_step: int
    col_step: int
    text: str
    share: NDArray[np.float32]


@dataclass(frozen=True)
class Diagnosis:
    """A known mistake that reproduces the output within the budget."""

    mistake: str
    explanation: str
    max_error_over_budget: float


@dataclass(frozen=True)
class RuleResult:
    """What another project's acceptance rule says of the same output."""

    rule: str
    passes: bool
    detail: str


@dataclass(frozen=True, eq=False, repr=False)
class Verdict:
    """What attnlab.check found; true where the outputs are right."""

    right: bool
    kernel_class: str
    golden: str  # what computed the golden values: "cpu" or the GPU's name
    max_error_over_budget: float
    tensors: dict[str, TensorVerdict]
    damage: list[DamageMap]
    diagnosis: list[Diagnosis]
    rules: list[RuleResult]
    rows_checked: int
    rows_total: int
    coverage: str
    _text: str
    _json: str

    def __bool__(self) -> bool:
        return self.right

    def __str__(self) -> str:
        return self._text.rstrip("\n")

    def __repr__(self) -> str:
        return f"<Verdict: {'right' if self.right else 'wrong'}, error/budget {self.max_error_over_budget:.3g}>"

    @property
    def worst(self) -> Element:
        """The element furthest beyond its budget, of the worst output."""
        return max(self.tensors.values(), key=_badness).worst

    def json(self) -> str:
        """The verdict as a JSON object; the same as `attnlab check --json`."""
        return self._json

    def _repr_html_(self) -> str:
        colour = "#2da44e" if self.right else "#cf222e"
        pictures = "".join(
            f"<div style='margin:6px 0'>{html.escape(f'{m.tensor}: {m.text}')}<br>{_picture.strips(m.share)}</div>"
            for m in self.damage
        )
        text = f"<pre>{html.escape(str(self))}</pre>"
        return f"<div style='border-left:4px solid {colour};padding-left:10px'>{text}{pictures}</div>"


def _badness(tensor: TensorVerdict) -> tuple[bool, float]:
    error = tensor.max_error_over_budget
    return not tensor.right, np.inf if np.isnan(error) else error


def _tensor(found: dict[str, Any]) -> TensorVerdict:
    worst = found["worst"]
    element = Element(tensor=found["name"], **{**worst, "at": Place(*worst["at"])})
    return TensorVerdict(**{**found, "worst": element, "worst_row": Place(*found["worst_row"])})


def verdict_of(found: dict[str, Any]) -> Verdict:
    """From the extension's dictionary."""
    return Verdict(
        right=found["right"],
        kernel_class=found["kernel_class"],
        golden=found["golden"],
        max_error_over_budget=found["max_error_over_budget"],
        tensors={tensor["name"]: _tensor(tensor) for tensor in found["tensors"]},
        damage=[DamageMap(**damage) for damage in found["damage"]],
        diagnosis=[Diagnosis(**diagnosis) for diagnosis in found["diagnosis"]],
        rules=[RuleResult(**rule) for rule in found["rules"]],
        rows_checked=found["rows_checked"],
        rows_total=found["rows_total"],
        coverage=found["coverage"],
        _text=found["text"],
        _json=found["json"],
    )
