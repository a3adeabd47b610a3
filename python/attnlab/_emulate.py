"""attnlab.emulate: a CUDA program on the CPU."""

from __future__ import annotations

import html as html_text
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attnlab._program import program

_PATH_LENGTH = 4096


class CompileError(Exception):
    """The source is not accepted; the compiler's messages."""


class Emulation(Mapping[str, Any]):
    """What a program did: the report of `attnlab emulate --json` as a mapping, and what was printed. True where
    the program ended with exit code 0 and there are no findings."""

    def __init__(self, report: dict[str, Any], output: str, page: str, exit_code: int) -> None:
        self._report = report
        self.output = output  # what the program printed, on either stream
        self.page = page  # the report as a page of HTML
        self.exit_code = exit_code  # the program's; 1 where that is 0 and there are findings

    @property
    def kernels(self) -> list[dict[str, Any]]:
        """One a launch, with its counters under Nsight Compute's names in 'metrics', and by line in 'lines'."""
        kernels: list[dict[str, Any]] = self._report["kernels"]
        return kernels

    @property
    def findings(self) -> list[dict[str, Any]]:
        """Races, addresses out of bounds, ...: 'kind', 'file', 'line', 'message', 'count', 'kernel'."""
        own: list[dict[str, Any]] = self._report["findings"]
        return [finding for kernel in self.kernels for finding in kernel["findings"]] + own

    def metric(self, name: str, kernel: str | None = None) -> int:
        """The sum of a counter over all launches, or over those of one kernel."""
        return sum(k["metrics"].get(name, 0) for k in self.kernels if kernel in (None, k["name"]))

    def __getitem__(self, key: str) -> Any:
        return self._report[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._report)

    def __len__(self) -> int:
        return len(self._report)

    def __bool__(self) -> bool:
        return self.exit_code == 0

    def __str__(self) -> str:
        launches = [f"{k['name']}: grid {_by(k['grid'])}, block {_by(k['block'])} on {k['gpu']}" for k in self.kernels]
        found = [f"{f['file']}:{f['line']}: {f['kind']}: {f['message']} ({f['count']} times)" for f in self.findings]
        return "\n".join([*launches, *(found or ["no findings"])])

    def __repr__(self) -> str:
        return f"<Emulation: {len(self.kernels)} launches, {len(self.findings)} findings, exit code {self.exit_code}>"

    def _repr_html_(self) -> str:
        style = "width:100%;height:420px;border:1px solid #ccc"
        return f"<iframe style='{style}' srcdoc='{html_text.escape(self.page)}'></iframe>"


def _by(extents: Sequence[int]) -> str:
    return " x ".join(str(n) for n in extents)


def _is_text(source: str | os.PathLike[str]) -> bool:
    return isinstance(source, str) and ("\n" in source or len(source) > _PATH_LENGTH)


def emulate(
    source: str | os.PathLike[str],
    *,
    args: Sequence[str | os.PathLike[str]] = (),
    gpu: str = "h200",
    include: Sequence[str | os.PathLike[str]] = (),
    define: Mapping[str, object] | Sequence[str] = (),
    options: Sequence[str] = (),
    seed: int | None = None,
    threads: int | None = None,
    timeout: float | None = None,
) -> Emulation:
    """Compiles a CUDA program for this machine's CPU, runs it, and reports what its kernels did.

    source is a path, or the program's text (anything with a line break). args are the program's arguments, options
    the compiler's, as `attnlab cc` takes them. Another seed is another order of warps and lanes. Raises CompileError
    with the compiler's messages, and subprocess.TimeoutExpired after `timeout` seconds.
    """
    if not isinstance(source, (str, os.PathLike)) or source == "":
        raise ValueError(f"source: got {source!r}, expected CUDA text or the path of a file")
    if timeout is not None and not (isinstance(timeout, (int, float)) and timeout > 0):
        raise ValueError(f"timeout: got {timeout!r}, expected seconds, more than 0, or None")
    for name, words in {"args": args, "include": include, "define": define, "options": options}.items():
        if isinstance(words, str) or not isinstance(words, (Sequence, Mapping)):
            raise ValueError(f"{name}: got {words!r}, expected a list")
    with tempfile.TemporaryDirectory(prefix="attnlab-") as folder:
        if _is_text(source):
            file = Path(folder) / "kernel.cu"
            file.write_text(str(source))
        else:
            file = Path(source)
            if not file.is_file():
                raise FileNotFoundError(f"{file}: no such CUDA file")
        page = Path(folder) / "report.html"
        command: list[str | os.PathLike[str]] = [program(), "emulate", file, f"--gpu={gpu}", "--json", f"--html={page}"]
        command += [f"-I{path}" for path in include]
        names = [f"{name}={value}" for name, value in define.items()] if isinstance(define, Mapping) else define
        command += [f"-D{name}" for name in names] + list(options)
        command += [f"--seed={seed}"] if seed is not None else []
        command += [f"--threads={threads}"] if threads is not None else []
        command += ["--", *args]
        exit_code, out, said = _run(command, timeout)
        report = json.loads(out) if out.lstrip().startswith("{") else {}
        if "error" in report or not report:
            _raise(said.strip())
        return Emulation(report, said, page.read_text(), exit_code)


def _run(command: list[str | os.PathLike[str]], timeout: float | None) -> tuple[int, str, str]:
    """Asked to end, the program takes its kernel and its temporary files with it; killed, it could not."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace"
    ) as process:
        try:
            out, said = process.communicate(timeout=timeout)
        except BaseException:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
            raise
    return process.returncode, out, said


def _raise(message: str) -> None:
    lines = message.splitlines()
    if len(lines) == 1 and message.startswith("attnlab: ") and ": got " in message:
        raise ValueError(message.removeprefix("attnlab: "))
    raise CompileError(message)
