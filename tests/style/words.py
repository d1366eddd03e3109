#!/usr/bin/python3
"""Finds words that the project no longer uses, by tests/style/retired_words.txt, and says what to write instead.

usage: tests/style/words.py [REPOSITORY]     prints one line for each violation; exit code 1 when there is one

A line of the list is a regular expression, a tab, and what to write instead. It stands for whole words, in any case;
a space of it is also the end of a line, with the mark of a comment behind it. Names in files keep what they are called:
a word alone between quotes, or between backquotes. docs/devlog/ keeps its words.
"""
import os
import re
import sys

import c_text

LIST = "tests/style/retired_words.txt"
TOPS = ("src", "include", "docs", "jobs", "analysis", "examples")
FILES = ("README.md", "INSTALL", "CONTRIBUTING.md", "quickstart")
DATA = (".png", ".pdf", ".jsonl", ".bib", ".h5", ".npy", ".gz", ".pyc")
HISTORY = re.compile(r"^docs/devlog/")
NAME = re.compile(r"([\"`])(?:[a-z] |/)?$")  # before it; a letter for the type of an entry of the log
GAP = r"(?:[ \t]+|[ \t]*\n[ \t]*(?:(?://+|\*|#+|>|\|)[ \t]*)?)"


def retired(text):
    """Pattern and remedy of each line of a list; ValueError on a line that is neither that nor a comment."""
    words = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        pattern, tab, instead = line.partition("\t")
        if not tab or not instead.strip():
            raise ValueError(f"{LIST}:{number}: needed is a regular expression, a tab, and what to write instead")
        try:
            words.append((re.compile(rf"\b(?:{pattern.strip().replace(' ', GAP)})\b", re.IGNORECASE), instead.strip()))
        except re.error as error:
            raise ValueError(f"{LIST}:{number}: {error}") from error
    return words


def texts(root):
    found = [path for path in c_text.paths(root, TOPS, "") if not path.endswith(DATA) and not HISTORY.match(path)]
    return found + [path for path in FILES if os.path.isfile(os.path.join(root, path))]


def find(text, words):
    """Line, words and remedy of each use of a retired word, in the order of the text."""
    found = []
    for pattern, instead in words:
        for match in pattern.finditer(text):
            name = NAME.search(text, max(match.start() - 3, 0), match.start())
            if name and text[match.end() :].startswith(name.group(1)):
                continue
            found.append((text.count("\n", 0, match.start()) + 1, re.sub(r"\s+", " ", match.group()), instead))
    return sorted(found)


def check(root):
    """Violations in the repository at root, and the number of files looked at. The list is this repository's own."""
    words = retired(c_text.read(root if os.path.exists(os.path.join(root, LIST)) else c_text.REPOSITORY, LIST))
    violations, files = [], texts(root)
    for path in files:
        for line, said, instead in find(c_text.read(root, path), words):
            violations.append(f"{path}:{line}: '{said}': write {instead}")
    return violations, len(files)


if __name__ == "__main__":
    sys.exit(c_text.report("words", *check(c_text.root(sys.argv)), "files"))
