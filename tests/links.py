"""Do the links of the documents lead somewhere? tests/docs.py runs this over every page."""

import functools
import json
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent
# What a checkout has besides: builds, results, other people's code.
NOT_OURS = {"build", "out", "node_modules"}

LINK = re.compile(r"\]\(([^()\s]+)\)")
# `reference/attention/flash2.h`, `cuda/`: a path from the root, where it begins with one of its folders.
PATH = re.compile(r"`([\w.-]+/[\w./*-]*)`")
FENCED = re.compile(r"^```.*?^```$|^    [^\n]*$", re.DOTALL | re.MULTILINE)


def ours(path):
    parts = path.relative_to(ROOT).parts
    return not any(part in NOT_OURS or part.startswith(".") for part in parts)


def pages():
    """Those of the root last: they show tables of the others."""
    return sorted((path for path in ROOT.rglob("*.md") if ours(path)), key=lambda path: (path.parent == ROOT, path))


def notebooks():
    return sorted(path for path in ROOT.rglob("*.ipynb") if ours(path))


def anchor(heading):
    """GitHub's name of a heading."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
    return re.sub(r"[^\w\- ]", "", text.strip()).replace(" ", "-")


@functools.cache
def anchors(page):
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    return {anchor(heading) for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}


@functools.cache
def folders():
    return {path.name for path in ROOT.iterdir() if path.is_dir() and ours(path)}


def prose(document):
    text = document.read_text()
    if document.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return FENCED.sub("", text)


def broken_links(document):
    """A line for each link and each path in backticks that leads nowhere."""
    name, text, broken = document.relative_to(ROOT), prose(document), []
    for link in LINK.findall(text):
        if re.match(r"\w+:", link):
            continue
        path, _, heading = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        if not target.exists():
            broken.append(f"{name}: the link {link} leads nowhere")
        elif heading and target.suffix == ".md" and heading not in anchors(target):
            broken.append(f"{name}: {link}: no such heading")
    for path in PATH.findall(text):
        if path.split("/")[0] in folders() and not any(ROOT.glob(path.rstrip("/"))):
            broken.append(f"{name}: no such path: {path}")
    return broken
