#!/usr/bin/python3
"""Breaks comments in C and comments and docstrings in Python that pass 120 columns; what fits stays as it is.

usage: tests/style/reflow.py FILE...     rewrites the files, prints what it cannot break; run clang-format on C
                                         afterwards

Words that are too many go to the front of the next line where that is the same paragraph, else to a line of their own.
A comment behind code that is too long goes above it. Code stays the same but for spaces, and so do the words of the
comments: a file where that does not hold is left alone.
"""
import re
import sys

import c_text
from columns import MOST_COLUMNS

ITEM = re.compile(r"\s*(//|#)?\s*([-+.*@]\s|\d+\.\s|\w+:\s*$|usage:)")
TABLE = re.compile(r"^(\s*(?:/\*+|//|#)?\s*\S(?:.*?\S)?\s{2,})\S")
LEAD = re.compile(r"^\s*(/\*@?\s|//\s?|#\s)?\s*")
BEHIND_CODE = re.compile(r"^(\s*)(\S.*?\S)\s+(/\*((?!\*/).)*\*/|//.*)$")
CODE_ABOVE = re.compile(r"^\s*\}|^\s*#|\\$")


def hanging(line, after=""):
    """What a line begins with that goes on from this one: of an item, as much as the line after it, if that goes on."""
    own, deeper = (re.match(r"\s*", some).group() for some in (line, after))
    listed = re.match(r"\s*[-+.]\s", line) or TABLE.match(line)
    if listed and len(deeper) > len(own) + 1 and not ITEM.match(after) and after.strip() not in ("", "*/"):
        return deeper
    table = TABLE.match(line)
    if table:
        lead = re.match(r"^\s*(//|#)", line)
        begin = lead.group() if lead else ""
        return begin + " " * (len(table.group(1)) - len(begin))
    lead = LEAD.match(line).group()
    text = line[len(lead) :]
    lead = re.sub(r"/\*@?", lambda m: " " * len(m.group()), lead)
    return lead + "  " if re.match(r"[-+.]\s", text) else lead


def break_at(line):
    """Where the line can end; 0 when nowhere. A closing mark stays with a word."""
    floor = len(hanging(line)) + 1
    body = line[:-3] if line.endswith(" */") else line
    at = body.rfind(" ", floor, MOST_COLUMNS + 1)
    return max(at, 0)


def goes_on(line, lead):
    """Whether the next line is of the same paragraph."""
    return (
        line.startswith(lead)
        and line[len(lead) : len(lead) + 1].strip() != ""
        and not ITEM.match(line)
        and not TABLE.match(line)
        and not line.strip().startswith(("*/", '"""'))
    )


def inside(text, python):
    """For each line, from 1: "comment" where nothing else is on it, "behind" where code is before it, else nothing."""
    pattern = re.compile(r'""".*?"""|#[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL) if python else None
    kinds = {}
    for match in (pattern or c_text.COMMENT_OR_STRING).finditer(text):
        said = match.group()
        if not said.startswith(('"""', "#") if python else ("/*", "//")):
            continue
        first = text.count("\n", 0, match.start()) + 1
        last = text.count("\n", 0, match.end()) + 1
        before = text[text.rfind("\n", 0, match.start()) + 1 : match.start()].strip()
        after = text[match.end() : (text + "\n").find("\n", match.end())].strip()
        for number in range(first, last + 1):
            alone = not (number == first and before) and not (number == last and after)
            kinds[number] = "comment" if alone else "behind" if first == last and not after else ""
    return kinds


def move_above(lines, number):
    """A comment behind code onto lines of its own; False when it has to stay."""
    match = BEHIND_CODE.match(lines[number])
    if not match or CODE_ABOVE.search(match.group(2)) or (number and CODE_ABOVE.search(lines[number - 1][-1:])):
        return False
    lines[number : number + 1] = [match.group(1) + match.group(3), match.group(1) + match.group(2)]
    return True


def reflow(text, python=False):
    """The text with its comments broken, and the numbers of lines that are too long still."""
    kinds = inside(text, python)
    lines = text.split("\n")
    kind = [kinds.get(number, "") for number in range(1, len(lines) + 1)]
    number, left = 0, []
    while number < len(lines):
        line = lines[number]
        if len(line) > MOST_COLUMNS and kind[number] == "behind" and not python and move_above(lines, number):
            kind[number : number + 1] = ["comment", ""]
            continue
        at = break_at(line) if len(line) > MOST_COLUMNS and kind[number] == "comment" else 0
        if at:
            after = lines[number + 1] if number + 1 < len(lines) and kind[number + 1] == "comment" else ""
            lead, rest = hanging(line, after), line[at + 1 :].strip()
            lines[number] = line[:at].rstrip()
            following = number + 1 < len(lines) and kind[number + 1] == "comment" and not line.rstrip().endswith("*/")
            if following and goes_on(lines[number + 1], lead):
                lines[number + 1] = lead + rest + " " + lines[number + 1][len(lead) :]
            else:
                lines.insert(number + 1, lead + rest)
                kind.insert(number + 1, "comment")
        elif len(line) > MOST_COLUMNS:
            left.append(number + 1)
        number += 1
    return "\n".join(lines), left


def code_and_words(text, python):
    """What a reflow may not change: the code without spaces, the words of the comments in any place."""
    if python:
        return re.sub(r"[\s#]+", "", text)
    words = [m.group() for m in c_text.COMMENT_OR_STRING.finditer(text) if m.group()[0] == "/"]
    joined = re.sub(r"\s+", "", " ".join(words)).replace("//", "")
    return re.sub(r"\s+", "", c_text.without_comments(text)), joined


def main():
    for path in sys.argv[1:]:
        python = path.endswith(".py")
        text = c_text.read("", path)
        after, left = reflow(text, python)
        if code_and_words(text, python) != code_and_words(after, python):
            print(f"{path}: left alone, as it would change")
            continue
        for number in left:
            print(f"{path}:{number}: cannot be broken")
        if after != text:
            with open(path, "w", encoding="utf-8") as file:
                file.write(after)


if __name__ == "__main__":
    main()
