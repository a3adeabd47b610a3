#!/usr/bin/env python3
"""Does `./lab test NAME` find what NAME says, every test file among it?"""

import pathlib
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
import rooms


class Rooms(unittest.TestCase):
    def test_every_test_file_can_be_asked_for(self) -> None:
        files = sorted(rooms.TESTS.rglob("*_test.cpp"))
        self.assertGreater(len(files), 100)
        for file in files:
            name = str(file.relative_to(rooms.TESTS)).removesuffix("_test.cpp")
            found = rooms.selection(name)
            self.assertIsNotNone(found, name)
            self.assertNotIn("()", found[1], f"{name}: no suite found")

    def test_a_room_a_folder_a_file_a_pattern(self) -> None:
        self.assertEqual(rooms.selection("oracle"), (["test_oracle"], r"^oracle\."))
        self.assertEqual(rooms.selection("emulator/ptx"), rooms.selection("simulator/emulator/ptx"))
        self.assertEqual(rooms.selection("emulator/ptx/syntax"), (["test_ptx"], r"^ptx\.([^.]*/)?(Syntax)[/.<]"))
        self.assertEqual(rooms.selection("oracle:Check.*"), (["test_oracle"], r"^oracle\.Check\..*$"))

    def test_what_there_is_not(self) -> None:
        for name in ["oracles", "oracle/nope", "attention", ""]:
            self.assertIsNone(rooms.selection(name), name)
        script = pathlib.Path(rooms.__file__)
        said = subprocess.run([sys.executable, script, "oracles"], capture_output=True, text=True)
        self.assertEqual(said.returncode, 2)
        self.assertEqual(said.stderr.count("\n"), 1)
        self.assertIn("oracle, os, package", said.stderr)


if __name__ == "__main__":
    unittest.main()
