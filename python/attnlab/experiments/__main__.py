"""python -m attnlab.experiments, which is what `attnlab experiment` runs."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from attnlab.experiments import _manifest, _plots, _runner


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="attnlab experiment", description="A paper's figure, computed again beside the paper's numbers")
    parser.add_argument("names", nargs="*", metavar="NAME", help="of the experiment, see --list")
    parser.add_argument("--list", action="store_true", help="the experiments and what they are about")
    parser.add_argument("--all", action="store_true", help="every experiment")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="another setting than the paper's")
    parser.add_argument("--out", default="out", metavar="DIR", help="results go to DIR/NAME [out]")
    parser.add_argument("--update", action="store_true", help="results go to the experiment's own results/")
    parser.add_argument("--quick", action="store_true", help="less work for the same figures")
    parser.add_argument("--no-plots", action="store_true", help="data only")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="experiments of your own")
    parser.add_argument("--draw", type=Path, metavar="DIR", help="only draw the plots again, from the JSON files in DIR")
    return parser


def _changes(pairs: Sequence[str]) -> dict[str, str]:
    changes = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not (key and equals and value):
            raise ValueError(f"--set: got {pair}, expected KEY=VALUE")
        changes[key] = value
    return changes


def _about(experiment: _manifest.Experiment) -> str:
    """One line, and one for each setting."""
    lines = [f"{experiment.name}: {experiment.title}"]
    for key, setting in experiment.declared.items():
        value = setting["value"]
        shown = ",".join(str(item) for item in value) if isinstance(value, list) else value
        lines.append(f"  {f'{key}={shown}':<24} {setting['about']}")
    return "\n".join(lines) + "\n"


def _draw(experiment: _manifest.Experiment, folder: Path) -> None:
    if _plots.can_draw(folder):
        documents = {file.stem: json.loads(file.read_text()) for file in folder.glob("*.json")}
        _plots.draw(experiment, documents, "", folder)


def _run(arguments: argparse.Namespace) -> None:
    known = _manifest.names(arguments.folder)
    if arguments.list:
        print("\n".join(_about(_manifest.load(name, arguments.folder)) for name in known), end="")
        return
    chosen = known if arguments.all else arguments.names
    if not chosen or arguments.all and arguments.names:
        got = "nothing" if not chosen else f"{' '.join(arguments.names)} and --all"
        raise ValueError(f"experiment: got {got}, expected --list, --all or one of {', '.join(known)}")
    experiments = [_manifest.load(name, arguments.folder) for name in chosen]
    if arguments.draw:
        for experiment in experiments:
            _draw(experiment, arguments.draw)
        return
    changes = _changes(arguments.set)
    for experiment in experiments:
        experiment.settings(changes, arguments.quick)  # refused before the first one runs
    verdicts = []
    for index, experiment in enumerate(experiments):
        folder = experiment.folder / "results" if arguments.update else Path(arguments.out) / experiment.name
        outcome = _runner.run(
            experiment, folder, changes=changes, quick=arguments.quick, plots=not arguments.no_plots
        )
        print(("\n" if index > 0 else "") + outcome.text, end="", flush=True)
        print(f"attnlab: {len(outcome.files)} files in {folder}", file=sys.stderr)
        verdicts.append([experiment.name, outcome.verdict])
    if arguments.all:
        width = max(len(name) for name, _ in verdicts)
        print("\n" + "".join(f"{name:<{width}}  {verdict}\n" for name, verdict in verdicts), end="")


def main(arguments: Sequence[str] | None = None) -> int:
    """0; 2 for what makes no sense or is not there, with one line on stderr."""
    try:
        _run(_parser().parse_args(arguments))
        sys.stdout.flush()
    except ValueError as error:
        print(f"attnlab: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"attnlab: {error.filename or 'stdout'}: {error.strerror or error}", file=sys.stderr)
        sys.stdout = None  # or the interpreter would flush, and fail, once more
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
