#!/usr/bin/env python3
"""The tables of the labs in labs/README.md and labs/README.zh.md, from each lab's grade.json.

labs/courses/map.py            prints them
labs/courses/map.py --write    puts them into the pages
labs/courses/map.py --check    exit code 1 where a page has another table
"""

import sys

sys.dont_write_bytecode = True
from common import LABS, Parser, all_folders, read_lab
from tables import fill_page, print_tables, table

SCRIPT = "labs/courses/map.py"
HEADERS = {"en": ["lab", "title", "minutes", "goal"], "zh": ["实验", "标题", "分钟", "目标"]}


def tables(parser: Parser) -> dict[str, str]:
    made = {}
    for language, readme in (("en", "README.md"), ("zh", "README.zh.md")):
        rows = []
        for folder in all_folders():
            lab = read_lab(folder, parser)
            rows.append(
                [
                    f"[{folder.name}]({folder.name}/{readme})",
                    lab["title"][language],
                    str(lab["minutes"]),
                    lab["goal"][language],
                ]
            )
        made[f"labs {language}"] = table(HEADERS[language], rows)
    return made


def main(arguments: list[str]) -> int:
    parser = Parser(prog="map.py", description="The tables of the labs in labs/README.md and labs/README.zh.md.")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--write", action="store_true", help="puts them into the pages")
    how.add_argument("--check", action="store_true", help="exit code 1 where a page has another table")
    given = parser.parse_args(arguments)
    made = tables(parser)
    if not given.write and not given.check:
        print_tables(made)
        return 0
    code = 0
    for name in ("README.md", "README.zh.md"):
        try:
            same = fill_page(LABS / name, SCRIPT, made, given.write)
        except OSError as problem:
            parser.error(f"{LABS / name}: {problem.strerror}")
        if not same:
            print(f"labs/{name}: {'written' if given.write else f'has other tables: {SCRIPT} --write'}")
            code = 1 if given.check else 0
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
