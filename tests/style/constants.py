#!/usr/bin/python3
"""Finds constants of one name and several values: macros, entries of enums and const variables of files, in src/ and
include/.

Constants within a function do not count. The files that compile a kernel for one instruction set are left out: that
they set the same names to different values is what they are for.

usage: tests/style/constants.py [REPOSITORY]     prints one line for each violation; exit code 1 when there is one
"""
import re
import sys

import c_text

TOPS = ("src", "include")
MACRO = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)[ \t]+((?:[^\n\\]|\\.|\\\n)+)$", re.MULTILINE)
ENUM = re.compile(r"^(?:typedef )?enum\b\s*\w*\s*\{([^}]*)\}", re.MULTILINE)
VARIABLE = re.compile(r"^(?:static\s+)?const\s+[\w\s]+?\b(\w+\s*=[^;{]+);", re.MULTILINE)
INSTRUCTION_SETS = re.compile(r"^src/kernel/tile_(avx\w*|bytes|generic|portable)\.[ch]$")


def without_spaces(value):
    return re.sub(r"\s+", "", value)


def split(text):
    """Parts between commas outside of brackets."""
    parts, depth = [""], 0
    for mark in text:
        depth += (mark in "([") - (mark in ")]")
        if mark == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += mark
    return parts


def comments_out(text):
    """Text without comments, with the strings that are values."""
    return c_text.COMMENT_OR_STRING.sub(lambda m: m.group() if m.group()[0] in "\"'" else c_text.blank(m), text)


def constants(text):
    """Pairs of name and value. An entry of an enum without a value has a place instead, which is nobody's decision."""
    text = comments_out(text)
    found = [(name, without_spaces(value)) for name, value in MACRO.findall(text)]
    for entries in ENUM.findall(text) + VARIABLE.findall(text):
        pairs = [entry.split("=", 1) for entry in split(entries) if "=" in entry]
        found += [(name.strip(), without_spaces(value)) for name, value in pairs]
    return found


def check(root):
    """Violations in the repository at root, and the number of constants looked at."""
    places = {}
    for path in c_text.paths(root, TOPS, (".c", ".h")):
        if not INSTRUCTION_SETS.match(path):
            for name, value in constants(c_text.read(root, path)):
                places.setdefault(name, {}).setdefault(value, path)
    violations = []
    for name, values in sorted(places.items()):
        if len(set(values.values())) > 1:
            violations.append(f"{name} is " + " and ".join(f"{value} in {path}" for value, path in values.items()))
    return violations, len(places)


if __name__ == "__main__":
    sys.exit(c_text.report("constants", *check(c_text.root(sys.argv)), "constants"))
