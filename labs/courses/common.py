"""What the scripts of this folder share: the labs, and how a bad argument is refused."""

import argparse
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

LABS = Path(__file__).resolve().parent.parent


class Parser(argparse.ArgumentParser):
    """Refuses in one line, with exit code 2."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def choose(name: str, names: Iterable[str]) -> str | None:
    """The lab that is called so, or whose number this is: "05_flash", "05" or "5"."""
    for lab in sorted(names):
        number = lab.split("_")[0]
        if name in (lab, number) or number == "0" + name:
            return lab
    return None


def all_folders() -> list[Path]:
    return sorted(path.parent for path in LABS.glob("[0-9]*/grade.json") if re.match(r"\d", path.parent.name))


def folder_of(name: str, parser: Parser) -> Path:
    """A lab of this checkout, or a folder with a grade.json."""
    if (Path(name) / "grade.json").is_file():
        return Path(name).resolve()
    names = [folder.name for folder in all_folders()]
    lab = choose(name, names)
    if lab is None:
        parser.error(f"LAB: got {name}, expected a folder with a grade.json, or one of {', '.join(names)}")
    return LABS / lab


def read_lab(folder: Path, parser: Parser) -> dict:
    path = folder / "grade.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        parser.error(f"{path}: {' '.join(str(problem).split())}")


def handout_of(folder: Path, parser: Parser) -> Path:
    for name in ("handout.cu", "handout.cpp"):
        if (folder / name).is_file():
            return folder / name
    parser.error(f"{folder}: has no handout.cu and no handout.cpp")
