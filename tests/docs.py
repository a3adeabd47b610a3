#!/usr/bin/env python3
"""Do the documents show what the program prints and what the sources say?

    tests/docs.py PROGRAM            compares; exit code 1 when a block is out of date
    tests/docs.py PROGRAM --write    puts the program's output and the sources' lines into the documents

Two kinds of fenced blocks and two of tables are looked after, each announced by a comment on the line above:

    <!-- output of: attnlab kv --model llama3-70b -->    what the program, run in the root, prints to the letter
    <!-- from reference/attention/flash2.h -->           lines of that file (compared only)

    <!-- findings of: tests/simulator/emulator/runtime/planted_bugs -->    a table with `program.cu:12: kind: message` in its last column:
                                                     what `attnlab emulate` finds in that program of the folder,
                                                     addresses and threads left out

    <!-- rows of: docs/results/oracle.md, between 'summary' and 'end of summary' -->    a table of another document that
                                                     stands between comments of these words

A command may fail, and its beginning or end be left out: "<!-- output of: attnlab ...; exit code 1, from the line
'  findings', before the line 'outside kernels' -->"; the words are those that the line begins with. With "but for rounding" numbers such as 4.1e-07 and "12 of 1024
heads" may differ: they depend on the machine. FOLDER in a command is a temporary folder.

Output that depends on the machine otherwise (times) belongs in a block without such a comment.
"""

import difflib
import functools
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"<!-- (output of|from):? (.*?)(?:;(.*?))? -->\n```(\w*)\n(.*?)```\n", re.DOTALL)
TABLE = re.compile(r"<!-- findings of: (\S+) -->\n((?:\|.*\n)+)")
ROWS = re.compile(r"<!-- rows of: (\S+), between '(.*?)' and '(.*?)' -->\n((?:\|.*\n)+)")
FINDING = re.compile(r"`((\w+\.cu):\d+: ([\w-]+): [^`]*)` \|$", re.MULTILINE)


@functools.cache
def run(program, arguments):
    with tempfile.TemporaryDirectory() as folder:
        words = [folder if word == "FOLDER" else word for word in arguments]
        return subprocess.run([program, *words], capture_output=True, text=True, cwd=ROOT)


def printed(program, command, remark):
    name, *arguments = shlex.split(command)
    assert name == "attnlab", command
    result = run(program, tuple(arguments))
    code = re.search(r"exit code (\d+)", remark)
    assert result.returncode == (int(code[1]) if code else 0), f"{command}: exit code {result.returncode}: {result.stderr}"
    text = result.stdout
    if first := re.search(r"from the line '(.*?)'", remark):
        text = text[("\n" + text).index("\n" + first[1]) :]
    if last := re.search(r"before the line '(.*?)'", remark):
        text = text[: text.index("\n" + last[1])].rstrip("\n") + "\n"
    return text


def without_rounding(text):
    return re.sub(r"\d+ of (\d+) heads", r"N of \1 heads", re.sub(r"\d\.\d+e[-+]\d+", "X", text))


def finding(program, folder, name, kind):
    """The first finding of this kind in a program, as the table shows it."""
    output = run(program, ("emulate", "--threads", "1", f"{folder}/{name}")).stdout
    for line in output.splitlines():
        if match := re.match(rf"\s*{re.escape(folder)}/({re.escape(name)}:\d+: {kind}: .*)", line):
            text = re.sub(r"0x[0-9a-f]{5,}", "0x...", match[1])
            return re.sub(r" \((block \(.*|\w+|[\d,]+ times)\)$", "", text)
    return f"{name}: nothing of the kind {kind} found"


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
        remark = remark or ""
        new = printed(program, what, remark)
        if "but for rounding" in remark and without_rounding(new) == without_rounding(old):
            return match.group()
        if new != old:
            print(f"{document.relative_to(ROOT)}: {'renewed' if write else 'out of date'}: {what}")
            lines = difflib.unified_diff(old.splitlines(), new.splitlines(), "document", "program", n=0, lineterm="")
            print("\n".join(f"    {line}" for line in lines))
            stale += not write
        return match.group().replace(f"```{language}\n{old}```", f"```{language}\n{new}```")

    def current_table(match):
        nonlocal stale
        folder = match[1]

        def current_finding(found):
            nonlocal stale
            new = finding(program, folder, found[2], found[3])
            if new != found[1]:
                print(f"{document.relative_to(ROOT)}: {'renewed' if write else 'out of date'}: {found[1]}")
                stale += not write
            return f"`{new}` |"

        return match.group().replace(match[2], FINDING.sub(current_finding, match[2]))

    def current_rows(match):
        nonlocal stale
        source, first, last, old = match.groups()
        new = (ROOT / source).read_text().split(f"<!-- {first} -->\n")[1].split(f"<!-- {last} -->\n")[0]
        if new != old:
            print(f"{document.relative_to(ROOT)}: {'renewed' if write else 'out of date'}: rows of {source}")
            stale += not write
        return match.group().replace(old, new)

    blocks = 0
    for document in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = document.read_text()
        blocks += len(BLOCK.findall(text)) + len(TABLE.findall(text)) + len(ROWS.findall(text))
        renewed = ROWS.sub(current_rows, TABLE.sub(current_table, BLOCK.sub(current, text)))
        if write and renewed != text:
            document.write_text(renewed)
    print(f"{blocks} blocks, {stale} out of date")
    sys.exit(stale > 0 or blocks == 0)


if __name__ == "__main__":
    main()
