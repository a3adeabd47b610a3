#!/usr/bin/env python3
"""Do the documents show what the program prints and what the sources say?

    tests/docs.py PROGRAM            compares; exit code 1 when a block is out of date
    tests/docs.py PROGRAM --write    puts the program's output and the sources' lines into the documents

Two kinds of fenced blocks are looked after, each announced by a comment on the line above its fence:

    <!-- output of: attnlab kv --model llama3-70b -->    what the program, run in the root, prints to the letter
    <!-- from reference/attention/flash2.h -->           lines of that file (compared only)

A command may fail, and its beginning be left out: "<!-- output of: attnlab ...; exit code 1, from the line
'  findings' -->".

Output that depends on the machine (times, rounding) belongs in a block without such a comment.
"""

import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"<!-- (output of|from):? (.*?)(?:;(.*?))? -->\n```(\w*)\n(.*?)```\n", re.DOTALL)


def printed(program, command, remark):
    name, *arguments = shlex.split(command)
    assert name == "attnlab", command
    run = subprocess.run([program, *arguments], capture_output=True, text=True, cwd=ROOT)
    code = re.search(r"exit code (\d+)", remark)
    assert run.returncode == (int(code[1]) if code else 0), f"{command}: exit code {run.returncode}: {run.stderr}"
    first = re.search(r"from the line '(.*?)'", remark)
    return run.stdout[run.stdout.index("\n" + first[1] + "\n") + 1 :] if first else run.stdout


def main():
    program, write = pathlib.Path(sys.argv[1]).resolve(), "--write" in sys.argv[2:]
    stale = 0

    def current(match):
        nonlocal stale
        kind, what, remark, language, old = match.groups()
        if kind == "from":
            if old not in (ROOT / what).read_text():
                print(f"{document.relative_to(ROOT)}: no longer the text of {what}")
                stale += 1
            return match.group()
        new = printed(program, what, remark or "")
        if new != old:
            print(f"{document.relative_to(ROOT)}: {'renewed' if write else 'out of date'}: {what}")
            stale += not write
        return match.group().replace(f"```{language}\n{old}```", f"```{language}\n{new}```")

    blocks = 0
    for document in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = document.read_text()
        blocks += len(BLOCK.findall(text))
        renewed = BLOCK.sub(current, text)
        if write and renewed != text:
            document.write_text(renewed)
    print(f"{blocks} blocks, {stale} out of date")
    sys.exit(stale > 0 or blocks == 0)


if __name__ == "__main__":
    main()
