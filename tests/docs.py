#!/usr/bin/env python3
"""Do the documents show what the program prints and what the sources say, and do their links lead somewhere?

    tests/docs.py PROGRAM            compares; exit code 1 when something is out of date
    tests/docs.py PROGRAM --write    puts what the commands print into the documents
    tests/docs.py --fill COMMAND     puts tables that COMMAND printed elsewhere, read from standard input, into them
    --all                            runs the commands of slow tables as well (minutes)

A comment on the line above a block or a table says where it comes from:

    <!-- output of: attnlab kv --model llama3-70b -->    a fenced block: what the program, run in the root, prints
    <!-- from reference/attention/flash2.h -->           a fenced block: lines of that file (compared only)
    <!-- table 'summary' of: attnlab witness --markdown -->    the table that the command prints under '## summary'
    <!-- table 'summary' of: docs/results/counters.md -->      the table of this name in another document
    <!-- findings of: FOLDER -->    a table with `program.cu:12: kind: message` in its last column: what `attnlab emulate`
                                    finds in that program of the folder, without addresses and threads
    <!-- picture of: docs/pictures/witnesses.py attnlab -->    the SVG of the image below is what the command prints
    <!-- README.md says: '805 of 805' -->    anywhere in a line: that file has this text, and the line its numbers
                                             (a | in a table is written \\|)

Remarks follow a semicolon. Of a block: "exit code 1", "from the line '  findings'", "before the line 'outside'" (the words
that the line begins with), and "but for rounding": numbers such as 4.1e-07 and "12 of 1024 heads" may differ, since they
depend on the machine. Of a table: "slow", which is compared with --all only, and "by hand", which needs a GPU or measures
times and is never compared. FOLDER in a command is a temporary folder. A command that does not begin with `attnlab` is a
Python script of the tree; the word `attnlab` among its arguments is the program.

Output that depends on the machine otherwise (times) belongs in a block without such a comment.
"""

import argparse
import difflib
import functools
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

from links import ROOT, broken_links, notebooks, pages

BLOCK = re.compile(r"<!-- output of: (.*?)(?:;(.*?))? -->\n```(\w*)\n(.*?)```\n", re.DOTALL)
EXCERPT = re.compile(r"<!-- from (\S+) -->\n```(\w*)\n(.*?)```\n", re.DOTALL)
TABLE = re.compile(r"<!-- table '(.*?)' of: (.*?)(?:; (slow|by hand))? -->\n((?:\|.*\n)*)")
PICTURE = re.compile(r"<!-- picture of: (.*?) -->\n!\[[^\]]*\]\((\S+\.svg)\)")
FINDINGS = re.compile(r"<!-- findings of: (\S+) -->\n((?:\|.*\n)+)")
FINDING = re.compile(r"`((\w+\.cu):\d+: ([\w-]+): [^`]*)` \|$", re.MULTILINE)
SAID = re.compile(r"^(.*)<!-- (\S+) says: '(.*?)' -->", re.MULTILINE)
PRINTED_TABLE = re.compile(r"^## (.*)\n\n((?:\|.*\n)+)", re.MULTILINE)
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@functools.cache
def run(program, command):
    with tempfile.TemporaryDirectory() as folder:
        words = [{"FOLDER": folder, "attnlab": str(program)}.get(word, word) for word in shlex.split(command)]
        if words[0] != str(program):
            words = [sys.executable, *words]
        return subprocess.run(words, capture_output=True, text=True, cwd=ROOT)


def printed(program, command, remark=""):
    result = run(program, command)
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
    for line in run(program, f"attnlab emulate --threads 1 {folder}/{name}").stdout.splitlines():
        if match := re.match(rf"\s*{re.escape(folder)}/({re.escape(name)}:\d+: {kind}: .*)", line):
            text = re.sub(r"0x[0-9a-f]{5,}", "0x...", match[1])
            return re.sub(r" \((block \(.*|\w+|[\d,]+ times)\)$", "", text)
    return f"{name}: nothing of the kind {kind} found"


def table_in(text, name, source):
    """The table of this name: under its heading in what a command printed, under its comment in a document."""
    tables = dict(PRINTED_TABLE.findall(text)) | {match[1]: match[4] for match in TABLE.finditer(text)}
    assert name in tables, f"{source} has no table '{name}', only {', '.join(tables) or 'none'}"
    return tables[name]


class Checker:
    """Renews the text of one document after the other; `problems` are what a person has to renew."""

    def __init__(self, program, all_tables, write):
        self.program, self.all_tables, self.write, self.blocks, self.problems = program, all_tables, write, 0, []

    def renewed(self, document):
        self.document, text = document, document.read_text()
        for pattern, renew in (
            (BLOCK, self.block),
            (EXCERPT, self.excerpt),
            (TABLE, self.table),
            (FINDINGS, self.findings),
            (SAID, self.said),
            (PICTURE, self.picture),
        ):
            self.blocks += len(pattern.findall(text))
            text = pattern.sub(renew, text)
        return text

    def block(self, match):
        command, remark, language, old = match.groups(default="")
        new = printed(self.program, command, remark)
        if "but for rounding" in remark and without_rounding(new) == without_rounding(old):
            new = old
        return match.group().replace(f"```{language}\n{old}```", f"```{language}\n{new}```")

    def excerpt(self, match):
        if match[3] not in (ROOT / match[1]).read_text():
            self.problems.append(f"no longer the text of {match[1]}")
        return match.group()

    def table(self, match):
        name, source, remark, old = match.groups()
        if remark == "by hand" or (remark == "slow" and not self.all_tables):
            return match.group()
        text = (ROOT / source).read_text() if source.endswith(".md") else printed(self.program, source)
        return match.group().removesuffix(old) + table_in(text, name, source)

    def findings(self, match):
        new = lambda found: f"`{finding(self.program, match[1], found[2], found[3])}` |"
        return match.group().replace(match[2], FINDING.sub(new, match[2]))

    def picture(self, match):
        path, new = self.document.parent / match[2], printed(self.program, match[1])
        if self.write:
            path.write_text(new)
        elif path.read_text() != new:
            self.problems.append(f"{match[2]} is not what {match[1]} prints")
        return match.group()

    def said(self, match):
        line, source, words = match[1], match[2], match[3].replace("\\|", "|")
        numbers = {number.replace(",", "") for number in NUMBER.findall(re.sub("<!--.*?-->", "", line))}
        missing = [number for number in NUMBER.findall(words) if number.replace(",", "") not in numbers]
        if words not in (ROOT / source).read_text():
            self.problems.append(f"{source} does not say '{words}'")
        elif missing:
            self.problems.append(f"{source} says '{words}', but the line lacks {', '.join(missing)}")
        return match.group()


def fill(command):
    """Puts the tables of standard input into every document that names this command."""
    text, filled = sys.stdin.read(), 0

    def table(match):
        nonlocal filled
        name, source, _, old = match.groups()
        if source != command:
            return match.group()
        filled += 1
        return match.group().removesuffix(old) + table_in(text, name, source)

    for document in pages():
        old = document.read_text()
        if (new := TABLE.sub(table, old)) != old:
            document.write_text(new)
    print(f"{filled} tables of {command}")
    return filled == 0


def compare(program, all_tables, write):
    checker, stale = Checker(program, all_tables, write), 0
    for document in pages():
        name, old = document.relative_to(ROOT), document.read_text()
        new = checker.renewed(document)
        problems = [f"{name}: {problem}" for problem in checker.problems]
        checker.problems.clear()
        if new != old and write:
            document.write_text(new)
            print(f"{name}: renewed")
        elif new != old:
            lines = difflib.unified_diff(old.splitlines(), new.splitlines(), str(name), "now", n=0, lineterm="")
            problems.append("\n".join([f"{name}: out of date", *(f"    {line}" for line in lines)]))
        stale += len(problems)
        print("".join(problem + "\n" for problem in problems), end="")
    for problem in (problem for document in [*pages(), *notebooks()] for problem in broken_links(document)):
        stale += 1
        print(problem)
    print(f"{checker.blocks} blocks, {stale} problems")
    return stale > 0 or checker.blocks == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", nargs="?", type=pathlib.Path)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--fill", metavar="COMMAND")
    options = parser.parse_args()
    if options.fill:
        sys.exit(fill(options.fill))
    if options.program is None:
        parser.error("PROGRAM or --fill COMMAND is missing")
    sys.exit(compare(options.program.resolve(), options.all, options.write))


if __name__ == "__main__":
    main()
