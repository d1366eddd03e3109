#!/usr/bin/python3
"""Holds sources, scripts and pages to 120 columns: comments, which clang-format leaves alone, and texts.

Tables of a page and its blocks of code are as wide as what they show. Pages that a script writes are left out.

usage: tests/style/columns.py [REPOSITORY]     prints one line for each violation; exit code 1 when there is one

tests/style/reflow.py breaks comments in C anew.
"""
import os
import re
import sys

import c_text

MOST_COLUMNS = 120
TOPS = ("src", "include", "tests", "analysis", "docs", "examples", "jobs", "tools")
FILES = ("check", "quickstart", "CMakeLists.txt", "INSTALL", "README.md", "CONTRIBUTING.md", "CHANGELOG.md")
ENDS = (".c", ".h", ".in", ".py", ".txt", ".sh", ".sbatch", ".md")
DATA = re.compile(r"^tests/fuzz/(corpus|files)/|^docs/reference/(api/|commands\.md)|^docs/benchmarks\.md")
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


def lines(path, text):
    """Lines with their numbers; of a page only its sentences."""
    code = False
    for number, line in enumerate(text.split("\n"), 1):
        if path.endswith(".md"):
            if line.lstrip().startswith("```"):
                code = not code
            if code or line.startswith("|"):
                continue
        yield number, line


def check(root):
    """Violations in the repository at root, and the number of files looked at."""
    violations, files = [], sources(root)
    for path in files:
        for number, line in lines(path, c_text.read(root, path)):
            if len(line) > MOST_COLUMNS:
                violations.append(f"{path}:{number}: {len(line)} columns, more than {MOST_COLUMNS}")
    return violations, len(files)


if __name__ == "__main__":
    sys.exit(c_text.report("columns", *check(c_text.root(sys.argv)), "files"))
