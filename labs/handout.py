#!/usr/bin/env python3
"""The handouts of the labs, made from their solutions.

    labs/handout.py            writes labs/NN_name/handout.* anew
    labs/handout.py --check    exit code 1 where one is not what its solution makes

A region of a solution from a line `// solution: what to write` to `// end` becomes `// YOUR CODE: what to write`; its
lines that begin with `// handout: ` stay, without these words, so that a handout compiles.
"""

import re
import sys
from pathlib import Path

BEGIN = re.compile(r"^(\s*)// solution: (.*)$")
END = re.compile(r"^\s*// end$")
KEPT = re.compile(r"^(\s*)// handout: (.*)$")


def handout(solution, name):
    lines, inside = [], None
    for number, line in enumerate(solution.splitlines(), 1):
        if begin := BEGIN.match(line):
            if inside:
                sys.exit(f"{name}:{number}: a region begins within the one of line {inside}")
            inside = number
            lines.append(f"{begin[1]}// YOUR CODE: {begin[2]}")
        elif END.match(line):
            if not inside:
                sys.exit(f"{name}:{number}: `// end` without a region")
            inside = None
        elif not inside:
            lines.append(line)
        elif kept := KEPT.match(line):
            lines.append(kept[1] + kept[2])
    if inside:
        sys.exit(f"{name}:{inside}: the region has no `// end`")
    return "\n".join(lines) + "\n"


def main(arguments):
    if arguments not in ([], ["--check"]):
        sys.exit(__doc__)
    labs = Path(__file__).resolve().parent
    stale = []
    for solution in sorted(labs.glob("[0-9]*/solution.*")):
        path = solution.with_name("handout" + solution.suffix)
        text = handout(solution.read_text(), solution.relative_to(labs.parent))
        if path.exists() and path.read_text() == text:
            continue
        stale.append(path.relative_to(labs.parent))
        if not arguments:
            path.write_text(text)
    for path in stale:
        print(f"{path}: {'not what its solution makes: labs/handout.py' if arguments else 'written'}")
    return 1 if stale and arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
