#!/usr/bin/env python3
"""Does layers.py find the arrows that it is there for? Small trees with one planted fault each."""

import tempfile
import unittest
from pathlib import Path

from layers import check

ROOMS = """
low:
low/inner:  low
middle:     low/
cli:        low middle
"""


def problems(files, table=ROOMS):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, text in {"low/a.h": "", "low/inner/b.h": "", "middle/c.h": "", "cli/d.cpp": "", **files}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        return check(root, table)


class Layers(unittest.TestCase):
    def expect(self, message, files, table=ROOMS):
        found = problems(files, table)
        self.assertEqual(len(found), 1, found)
        self.assertIn(message, found[0])

    def test_arrows_that_point_down_are_right(self):
        self.assertEqual(problems({"middle/c.h": '#include "low/inner/b.h"\n#include <vector>\n'}), [])
        self.assertEqual(problems({"low/deeper/e.h": '#include "low/a.h"\n'}), [])  # a part of low

    def test_an_arrow_up_fails(self):
        self.expect('low/a.h: includes "middle/c.h"', {"low/a.h": '#include "middle/c.h"\n'})

    def test_an_arrow_into_a_room_inside_fails(self):
        self.expect('low/a.h: includes "low/inner/b.h"', {"low/a.h": '  # include "low/inner/b.h"\n'})
        self.expect('cli/ may include low, middle', {"cli/d.cpp": '#include "low/inner/b.h"\n'})

    def test_a_path_that_does_not_begin_at_the_root_fails(self):
        self.expect("no path from the root", {"low/inner/b.h": '#include "a.h"\n', "low/inner/a.h": ""})

    def test_a_room_without_a_row_fails(self):
        self.expect("attic/e.cpp: no row", {"attic/e.cpp": '#include "low/a.h"\n'})

    def test_a_row_without_a_folder_fails(self):
        self.expect("attic/ is no folder", {}, ROOMS + "attic: low\n")

    def test_a_row_that_names_a_later_one_fails(self):  # this is how a cycle would begin
        self.expect("low may include middle, which no row above it has", {}, ROOMS.replace("low:", "low: middle", 1))

    def test_json_in_a_public_header_fails(self):
        table = ROOMS + "files: low\n"
        self.expect("a public header includes nlohmann/json.hpp", {"files/e.h": "#include <nlohmann/json.hpp>\n"}, table)
        self.assertEqual(problems({"files/e.cpp": "#include <nlohmann/json.hpp>\n"}, table), [])


if __name__ == "__main__":
    unittest.main()
