"""Tables of pages that a script of this folder makes. tests/docs.py has the form:

<!-- table 'NAME' of: COMMAND -->    and the table on the next line
"""

import re
import sys
from pathlib import Path

MARK = re.compile(r"(<!-- table '([^']*)' of: (\S+)[^>]*-->\n)((?:\|.*\n)*)")


def table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def print_tables(tables: dict[str, str]) -> None:
    sys.stdout.write("\n".join(f"## {name}\n\n{text}" for name, text in tables.items()))


def filled(page: str, script: str, tables: dict[str, str]) -> str:
    """The page with those tables in it that `script` makes."""

    def fill(found: re.Match[str]) -> str:
        mine = found[3] == script and found[2] in tables
        return found[1] + (tables[found[2]] if mine else found[4])

    return MARK.sub(fill, page)


def fill_page(path: Path, script: str, tables: dict[str, str], write: bool) -> bool:
    """Whether the page had the tables already."""
    old = path.read_text(encoding="utf-8")
    new = filled(old, script, tables)
    if write and new != old:
        path.write_text(new, encoding="utf-8")
    return new == old
