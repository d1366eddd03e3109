#!/usr/bin/python3
"""Holds lines of src/, include/ and tests/ to 120 columns, comments among them, which clang-format leaves alone.

usage: tests/style/columns.py [REPOSITORY]     prints one line for each violation; exit code 1 when there is one

tests/style/reflow.py breaks comments in C anew.
"""
import os
import re
import sys

import c_text

MOST_COLUMNS = 120
TOPS = ("src", "include", "tests")
FILES = ("check", "CMakeLists.txt")
ENDS = (".c", ".h", ".in", ".py", ".txt", ".sh", ".sbatch")
DATA = re.compile(r"^tests/fuzz/(corpus|files)/")
SCRIPT = re.compile(r"^#!.*\b(bash|sh|python3)\b")


def is_script(root, path):
    if os.path.splitext(path)[1] or DATA.match(path):
        return False
    with open(os.path.join(root, path), "rb") as file:
        return SCRIPT.match(file.readline().decode("utf-8", "replace")) is not None


def sources(root):
    found = [path for path in c_text.paths(root, TOPS, "") if path.endswith(ENDS) or is_script(root, path)]
    found += [path for path in FILES if os.path.isfile(os.path.join(root, path))]
    return [path for path in found if not DATA.match(path)]


def check(root):
    """Violations in the repository at root, and the number of files looked at."""
    violations, files = [], sources(root)
    for path in files:
        for number, line in enumerate(c_text.read(root, path).split("\n"), 1):
            if len(line) > MOST_COLUMNS:
                violations.append(f"{path}:{number}: {len(line)} columns, more than {MOST_COLUMNS}")
    return violations, len(files)


if __name__ == "__main__":
    sys.exit(c_text.report("columns", *check(c_text.root(sys.argv)), "files"))
