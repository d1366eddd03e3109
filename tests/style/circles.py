#!/usr/bin/python3
"""Finds circles of files within a folder of src/: one uses what another defines, and this, if through others, the
first.

usage: tests/style/circles.py BUILD [REPOSITORY]     prints one line for each circle; exit code 1 when there is one

What a file defines and uses is read from its object file below the folder BUILD, by nm, so macros, names alike and
calls through a table of functions are seen as the linker sees them.
"""
import os
import re
import subprocess
import sys

import c_text

OBJECT = re.compile(r"CMakeFiles/[^/]+\.dir/(.+)/([^/]+\.c)\.o$")


def objects(build, root):
    """Object files by folder of src/: {"dual": {"scan.c": path}}. A build keeps those of sources that are gone."""
    found = {}
    for path in c_text.paths(build, ("src",), ".c.o"):
        match = OBJECT.search(path)
        if match and os.path.isfile(os.path.join(root, "src", *match.groups())):
            found.setdefault(match.group(1), {})[match.group(2)] = os.path.join(build, path)
    return found


def symbols(paths):
    """Of each object file the names that it defines for others, and the names that it lacks."""
    said = subprocess.run(["nm", "-g", "-P", "-A", *paths], capture_output=True, text=True, check=True).stdout
    found = {path: (set(), set()) for path in paths}
    for line in said.splitlines():
        path, _, words = line.partition(": ")
        name, kind = words.split()[:2]
        found[path][kind in "Uw"].add(name)
    return found


def arrows(files):
    """Which files of a folder a file uses, and by which name: {"a.c": {"b.c": "name"}}."""
    of_path = symbols(list(files.values()))
    found = {name: of_path[path] for name, path in files.items()}
    owner = {symbol: name for name, (defined, _) in found.items() for symbol in defined}
    return {
        name: {owner[symbol]: symbol for symbol in sorted(undefined) if owner.get(symbol, name) != name}
        for name, (_, undefined) in found.items()
    }


def shortest_circle(graph, start):
    """Files from start back to it, or nothing."""
    before, queue = {start: None}, [start]
    for current in queue:
        for other in sorted(graph[current]):
            if other == start:
                circle = [start]
                while current is not None:
                    circle.append(current)
                    current = before[current]
                return circle[::-1]
            if other not in before:
                before[other] = current
                queue.append(other)
    return []


def check(build, root):
    """The circles among the objects of a build, and the number of objects looked at."""
    violations, count = [], 0
    for folder, files in sorted(objects(build, root).items()):
        graph, told = arrows(files), set()
        count += len(files)
        for start in sorted(graph):
            circle = shortest_circle(graph, start)
            if circle and not told & set(circle):
                told |= set(circle)
                steps = [f"{one} uses {graph[one][two]} of {two}" for one, two in zip(circle, circle[1:])]
                violations.append(f"src/{folder}: " + ", ".join(steps))
    return violations, count


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: tests/style/circles.py BUILD [REPOSITORY]")
    sys.exit(c_text.report("circles", *check(sys.argv[1], c_text.root(sys.argv[1:])), "files"))
