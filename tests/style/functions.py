#!/usr/bin/python3
"""Holds every function in C to at most 50 lines, its signature and its braces among them, and to at most 8 parameters.

usage: tests/style/functions.py [REPOSITORY]     prints one line for each violation; exit code 1 when there is one
"""
import sys

import c_text

MOST_LINES = 50
MOST_PARAMETERS = 8
TOPS = ("src", "include", "tests")


def check(root):
    """Violations in the repository at root, and the number of functions looked at."""
    violations, count = [], 0
    for path in c_text.paths(root, TOPS, (".c", ".h")):
        for function in c_text.functions(c_text.read(root, path)):
            count += 1
            where = f"{path}:{function.line}: {function.name}() has"
            if function.lines > MOST_LINES:
                violations.append(f"{where} {function.lines} lines, more than {MOST_LINES}")
            if function.parameters > MOST_PARAMETERS:
                violations.append(f"{where} {function.parameters} parameters, more than {MOST_PARAMETERS}")
    return violations, count


if __name__ == "__main__":
    sys.exit(c_text.report("functions", *check(c_text.root(sys.argv)), "functions"))
