"""experiment.json: an experiment's settings, rows and quantities, checked before anything runs."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attnlab.experiments import _schema
from attnlab.experiments._paper import Paper, read_paper

_SUFFIXES = {"k": 2**10, "M": 2**20, "G": 2**30}


class Settings(Mapping[str, Any]):
    """The settings of one run, by key or as attributes, and `rows`, the rows of experiment.json."""

    def __init__(self, values: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], folder: Path) -> None:
        self._values = dict(values)
        self.rows = rows
        self.folder = folder  # of the experiment, for data beside run.py

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __getattr__(self, key: str) -> Any:
        try:
            return self.__dict__["_values"][key]
        except KeyError:
            raise AttributeError(key) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


@dataclass(frozen=True)
class Quantity:
    """What is compared with the paper, a number per row."""

    title: str
    unit: str
    claimed: bool = True  # counts for the experiment's verdict
    shape: float = 1.0  # the largest spread of ours / paper over the rows that is still 'in shape'
    depends_on: tuple[str, ...] | None = None  # keys of paper_settings; None: all of them


@dataclass(frozen=True)
class Experiment:
    name: str
    folder: Path
    title: str
    source: str  # the paper, or ""
    declared: Mapping[str, Mapping[str, Any]]  # of each setting: value, about, least, most, one_of, quick
    rows: Sequence[Mapping[str, Any]]
    paper_settings: Mapping[str, Any]  # what the paper's figures were measured with
    quantities: Mapping[str, Quantity]
    paper: Paper

    def settings(self, changes: Mapping[str, str] | None = None, quick: bool = False) -> Settings:
        """Raises ValueError for a key that does not exist and for a value that makes no sense."""
        values = {key: setting["value"] for key, setting in self.declared.items()}
        if quick:
            values |= {key: setting["quick"] for key, setting in self.declared.items() if "quick" in setting}
        for key, text in (changes or {}).items():
            if key not in self.declared:
                known = ", ".join(self.declared) or "none: it has no settings"
                raise ValueError(f"{key}: got a setting that {self.name} does not have, expected one of {known}")
            values[key] = _parsed(key, text, self.declared[key])
        return Settings(values, self.rows, self.folder)

    def paper_for(self, settings: Settings) -> Paper:
        """The paper's figures that belong to these settings."""
        differs = {key for key, value in self.paper_settings.items() if settings[key] != value}
        kept = []
        for name, quantity in self.quantities.items():
            depends_on = self.paper_settings if quantity.depends_on is None else quantity.depends_on
            if not differs.intersection(depends_on):
                kept.append(name)
        return self.paper.only(kept)


def _expectation(setting: Mapping[str, Any]) -> str:
    value = setting["value"]
    if "one_of" in setting:
        return "one of " + ", ".join(setting["one_of"])
    kind = {bool: "true or false", int: "an integer", float: "a number", str: "text", list: "numbers separated by commas"}
    bounds = [f"{word} {setting[key]}" for key, word in (("least", "at least"), ("most", "at most")) if key in setting]
    return kind[type(value)] + (", " if isinstance(value, list) and bounds else " of " if bounds else "") + " and ".join(bounds)


def _number(text: str, whole: bool) -> int | float:
    """'64', '8k' or, where the setting is none of integers, '0.5'."""
    factor = _SUFFIXES.get(text[-1:], 1)
    digits = text[:-1] if factor > 1 else text
    number = int(digits) * factor if whole else float(digits) * factor
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _check(key: str, value: Any, shown: Any, setting: Mapping[str, Any]) -> None:
    """The value's own limits, for each element of a list."""
    expected = f"{key}: got {shown}, expected {_expectation(setting)}"
    own = setting["value"]
    if isinstance(own, list) and not (isinstance(value, list) and value):
        raise ValueError(expected)
    example = own[0] if isinstance(own, list) else own
    for item in value if isinstance(value, list) else [value]:
        number = isinstance(example, (int, float)) and not isinstance(example, bool)
        if isinstance(item, bool) != isinstance(example, bool) or isinstance(item, str) != isinstance(example, str):
            raise ValueError(expected)
        if number and not isinstance(item, int if isinstance(example, int) else (int, float)):
            raise ValueError(expected)
        if number and not setting.get("least", item) <= item <= setting.get("most", item):
            raise ValueError(expected)
        if item not in setting.get("one_of", [item]):
            raise ValueError(expected)


def _parsed(key: str, text: str, setting: Mapping[str, Any]) -> Any:
    own = setting["value"]
    value: Any = text
    try:
        if isinstance(own, bool):
            value = {"true": True, "false": False}[text]
        elif isinstance(own, (int, float)):
            value = _number(text, isinstance(own, int))
        elif isinstance(own, list):
            value = [_number(item, isinstance(own[0], int)) for item in text.split(",")]
    except (KeyError, ValueError):
        raise ValueError(f"{key}: got {text}, expected {_expectation(setting)}") from None
    _check(key, value, text, setting)
    return value


def experiments_folder() -> Path:
    """experiments/ of $ATTNLAB_DATA, else of the data that the package carries."""
    chosen = os.environ.get("ATTNLAB_DATA")
    root = Path(chosen) if chosen else Path(__file__).parents[1] / "_program/share/attnlab"
    return root / "experiments"


def names(folder: Path | None = None) -> list[str]:
    """Of the experiments in a folder, in alphabetical order."""
    folder = experiments_folder() if folder is None else folder
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder of experiments")
    return sorted(path.parent.name for path in folder.glob("*/experiment.json"))


def _read(file: Path, place: str) -> Any:
    try:
        manifest = json.loads(file.read_text())
    except ValueError as error:
        raise ValueError(f"{place}: got no JSON ({error}), expected an experiment") from None
    _schema.validate(manifest, json.loads((Path(__file__).parent / "schema.json").read_text()), place)
    return manifest


def load(name: str, folder: Path | None = None) -> Experiment:
    """Raises ValueError for an unknown name and for a manifest that does not fit schema.json."""
    root = experiments_folder() if folder is None else folder
    known = names(root)
    if name not in known:
        raise ValueError(f"experiment: got {name}, expected one of {', '.join(known) or f'none: {root} is empty'}")
    file = root / name / "experiment.json"
    place = f"{name}/experiment.json"
    try:
        manifest = _read(file, place)
    except RecursionError:
        raise ValueError(f"{place}: got brackets in brackets without end, expected an experiment") from None
    for key, setting in manifest["settings"].items():
        for field in ("value", "quick"):
            if field in setting:
                _check(f"{place}: settings.{key}.{field}", setting[field], json.dumps(setting[field]), setting)
    quantities = {
        key: Quantity(**{**fields, "depends_on": tuple(fields["depends_on"])} if "depends_on" in fields else fields)
        for key, fields in manifest["quantities"].items()
    }
    paper_settings = manifest.get("paper_settings", {})
    for keys, known_keys, where in [
        (paper_settings, manifest["settings"], "paper_settings"),
        *((q.depends_on or (), paper_settings, f"quantities.{key}.depends_on") for key, q in quantities.items()),
    ]:
        for key in keys:
            if key not in known_keys:
                raise ValueError(f"{place}: {where}: got the unknown key '{key}', expected {', '.join(known_keys)}")
    return Experiment(
        name,
        root / name,
        manifest["title"],
        manifest.get("paper", ""),
        manifest["settings"],
        manifest.get("rows", []),
        paper_settings,
        quantities,
        read_paper(root / name / "paper.csv", f"{name}/paper.csv", list(quantities)),
    )
