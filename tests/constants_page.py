#!/usr/bin/python3
"""Holds docs/design/constants.md to the sources: every named number is on the page, with the value that it has.

usage: tests/constants_page.py [--where | --write] [REPOSITORY]
  --where  prints each constant with its value and the file that it is in
  --write  puts the values of the sources on the page, takes out names that are gone, and adds new ones at the end

Prints one line for each difference; exit code 1 when there is one. Constants go by their names: moving one to another
file changes nothing here. Named numbers are `const` numbers at the top of a file, and entries of an enum whose
names begin with BRENIER_ and that are given a number.
"""
import argparse
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGE = os.path.join("docs", "design", "constants.md")
NUMBER = r"(?:double|float|int|long|unsigned|size_t|u?int(?:8|16|32|64)_t|Petsc(?:Real|Int|Int64|LogDouble))"
PLAIN = r"[^;(){}\[\]]*"  # and what is in parentheses
STATIC = re.compile(rf"^(?:static )?const {NUMBER}\s+({PLAIN}(?:\([^;(){{}}]*\){PLAIN})*);", re.MULTILINE)
ENUM = re.compile(r"enum\s*\{([^{}]*)\}")
ENTRY = re.compile(r"\b(BRENIER_[A-Z0-9_]+)\s*=\s*([^,{}]+)")
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
ROW = re.compile(r"^\| `(\w+)` \| `([^`]+)` \|(.*)$")
UNKNOWN = "?"  # what a new constant does


def split(text):
    """Declarators, by the commas outside of parentheses."""
    return re.split(r",(?![^()]*\))", text)


def of_sources(root):
    """{(name, value): file} of every named number below src/."""
    found = {}
    for folder, _, names in os.walk(os.path.join(root, "src")):
        for name in sorted(n for n in names if n.endswith((".c", ".h"))):
            path = os.path.join(folder, name)
            with open(path, encoding="utf-8") as file:
                text = COMMENT.sub("", file.read())
            pairs = [d.split("=", 1) for m in STATIC.finditer(text) for d in split(m.group(1)) if "=" in d]
            pairs += [(e.group(1), e.group(2)) for m in ENUM.finditer(text) for e in ENTRY.finditer(m.group(1))]
            for constant, value in pairs:
                found[constant.strip(" *\n"), " ".join(value.split())] = os.path.relpath(path, root)
    return found


def of_page(lines):
    """(name, value): what is said of it, for every row of a table."""
    return {(m.group(1), m.group(2)): m.group(3) for m in map(ROW.match, lines) if m}


def differences(sources, page):
    for name, value in sorted(set(sources) - set(page)):
        yield f"{sources[name, value]}: {name} = {value} is not on {PAGE}: say there what it does (see --write)"
    for name, value in sorted(set(page) - set(sources)):
        yield f"{PAGE}: {name} is not {value} in the sources, or is gone"
    for name, said in sorted((n, s) for (n, _), s in page.items() if UNKNOWN == s.strip(" |")):
        yield f"{PAGE}: nothing is said of {name}"


def updated(lines, sources):
    """The page with the values of the sources; a name with one new value keeps what is said of it."""
    page, kept = of_page(lines), []
    new = {}
    for name, value in sorted(set(sources) - set(page)):
        new.setdefault(name, []).append(value)
    for line in lines:
        row = ROW.match(line)
        if row and (row.group(1), row.group(2)) not in sources:
            if not new.get(row.group(1)):
                continue
            line = f"| `{row.group(1)}` | `{new[row.group(1)].pop(0)}` |{row.group(3)}"
        kept.append(line)
    return kept + [f"| `{name}` | `{value}` | {UNKNOWN} |" for name, values in new.items() for value in values]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--where", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("repository", nargs="?", default=ROOT)
    given = parser.parse_args()
    sources = of_sources(given.repository)
    path = os.path.join(given.repository, PAGE)
    if given.where:
        for (name, value), file in sorted(sources.items()):
            print(f"{name} = {value}  {file}")
        return 0
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    if given.write:
        lines = updated(lines, sources)
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
    found = list(differences(sources, of_page(lines)))
    for line in found:
        print(line)
    print(f"constants: {len(sources)}, {len(found)} differences")
    return 1 if found or not sources else 0


if __name__ == "__main__":
    sys.exit(main())
