#!/usr/bin/python3
"""Holds links to what is there: relative links and anchors of Markdown pages, and pages of docs/ named elsewhere.

usage: tests/style/links.py [REPOSITORY]     prints one line for each violation; exit code 1 when there is one

An anchor is a heading of the page, by GitHub's rule, or an id in HTML. Links to other hosts are not followed. What is
in blocks of code is no link, but a page of docs/ that they name has to exist, too. Pages that keep what was true at
their time (CHANGELOG.md, docs/devlog/) may name pages that are gone.
"""
import os
import re
import sys
import urllib.parse

import c_text

NOT_OURS = ("build", "out")  # folders of builds and of what programs have written
NAMING = ("src", "include", "analysis", "jobs", "man", "tools", "tests", "docs", "examples")
NAMING_FILES = ("quickstart", "check", "INSTALL", "README.md", "CONTRIBUTING.md", "CMakeLists.txt", "CITATION.cff")
HISTORY = re.compile(r"^(CHANGELOG\.md$|docs/devlog/)")
NOT_NAMING = re.compile(r"^tests/(style|fuzz/corpus|fuzz/files)/")  # the first makes pages up, the others are no text

FENCE = re.compile(r"^ {0,3}(```+|~~~+)")
HEADING = re.compile(r"^ {0,3}#{1,6}\s+(.*?)\s*#*\s*$")
ID = re.compile(r"<\w+\s[^>]*\b(?:id|name)=[\"']([^\"']+)[\"']")
INLINE = re.compile(r"!?\[(?:[^\[\]]|\[[^\[\]]*\](?:\([^()]*\))?)*\]\(\s*<?([^()<>\s]*(?:\([^()]*\)[^()<>\s]*)*)>?"
                    r"(?:\s+[\"'][^)]*)?\s*\)")  # fmt: skip
INNER_IMAGE = re.compile(r"!\[[^\[\]]*\]\(\s*<?([^()<>\s]+)>?[^()]*\)")
DEFINITION = re.compile(r"^ {0,3}\[[^\]]+\]:\s*<?([^<>\s]+)>?", re.MULTILINE)
HTML = re.compile(r"<(?:a|img)\s[^>]*\b(?:href|src)=[\"']([^\"']+)[\"']")
SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)
NAMED = re.compile(r"(?<![\w/:.-])docs/[\w./-]*[\w/](?:#[\w-]+)?")


def without_code(text):
    """The text with blocks and spans of code blanked; lines and columns stay where they are."""
    lines, fence = [], ""
    for line in text.split("\n"):
        mark = FENCE.match(line)
        if fence:
            if mark and mark.group(1).startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
            lines.append("")
        elif mark:
            fence = mark.group(1)
            lines.append("")
        else:
            lines.append(line)
    return re.sub(r"(`+)[^`\n](?:[^\n]*?[^`\n])??\1(?!`)", lambda m: " " * len(m.group()), "\n".join(lines))


def slug(heading):
    """The anchor of a heading on GitHub, before repetitions are counted."""
    heading = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    heading = re.sub(r"<[^>]*>", "", heading)
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(text):
    found, fence = set(), ""
    for line in text.split("\n"):
        mark = FENCE.match(line)
        if mark and (not fence or mark.group(1).startswith(fence)):
            fence = "" if fence else mark.group(1)
        heading = HEADING.match(line)
        if heading and not fence:
            name, count = slug(heading.group(1)), 0
            while name + (f"-{count}" if count else "") in found:
                count += 1
            found.add(name + (f"-{count}" if count else ""))
    return found | set(ID.findall(text))


def pages(root):
    """Markdown files of the repository, relative to its root."""
    found = []
    for folder, inner, names in os.walk(root):
        inner[:] = [name for name in inner if not name.startswith(".") and not
                    (folder == root and name.startswith(NOT_OURS))]  # fmt: skip
        found += [os.path.relpath(os.path.join(folder, name), root) for name in names if name.endswith(".md")]
    return sorted(found)


def targets(text):
    """Line and target of each link."""
    text = without_code(text)
    for pattern in (INLINE, INNER_IMAGE, DEFINITION, HTML):
        for match in pattern.finditer(text):
            if pattern is not INNER_IMAGE or text[match.start() - 1] == "[":  # others INLINE has found
                yield text.count("\n", 0, match.start()) + 1, match.group(1)


class Repository:
    def __init__(self, root):
        self.root = root
        self.known = {}

    def wrong(self, path, anchor):
        """What is wrong about a path below the root and an anchor on it; nothing when both are there."""
        if path.startswith("..") or not os.path.exists(os.path.join(self.root, path)):
            return f"{path} does not exist"
        if not anchor or not path.endswith(".md"):
            return ""
        if path not in self.known:
            self.known[path] = anchors(c_text.read(self.root, path))
        return "" if anchor in self.known[path] else f"{path} has no heading #{anchor}"

    def links_of(self, page):
        for line, target in targets(c_text.read(self.root, page)):
            if SCHEME.match(target) or target.startswith("//"):
                continue
            path, _, anchor = urllib.parse.unquote(target).partition("#")
            path = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
            yield line, self.wrong(path, anchor)

    def names_of(self, path):
        try:
            text = c_text.read(self.root, path)
        except UnicodeDecodeError:
            return
        if path.endswith(".md"):  # targets of links have been looked at
            text = re.sub(r"\]\([^()\n]*\)", "]", text)
        for match in NAMED.finditer(text):
            name, _, anchor = match.group().partition("#")
            yield text.count("\n", 0, match.start()) + 1, self.wrong(name, anchor)


def naming(root):
    """Files that name pages in their text."""
    found = [path for path in c_text.paths(root, NAMING, "") if "__pycache__" not in path]
    found += [path for path in NAMING_FILES if os.path.isfile(os.path.join(root, path))]
    return [path for path in found if not HISTORY.match(path) and not NOT_NAMING.match(path)]


def check(root):
    """Violations in the repository at root, and the number of links and names looked at."""
    repository, violations, count = Repository(root), [], 0
    looked_at = [(page, repository.links_of(page)) for page in pages(root)]
    looked_at += [(path, repository.names_of(path)) for path in naming(root)]
    for path, found in looked_at:
        for line, wrong in found:
            count += 1
            if wrong:
                violations.append(f"{path}:{line}: {wrong}")
    return list(dict.fromkeys(violations)), count


if __name__ == "__main__":
    sys.exit(c_text.report("links", *check(c_text.root(sys.argv)), "links"))
