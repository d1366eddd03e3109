"""What the checks of style share: the C files of the repository, their text without comments, their functions."""
import dataclasses
import os
import re

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COMMENT_OR_STRING = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def paths(root, tops, ends):
    """Paths, relative to root, of the files below these folders that end so."""
    found = []
    for top in tops:
        for folder, _, names in os.walk(os.path.join(root, top)):
            found += [os.path.relpath(os.path.join(folder, name), root) for name in names if name.endswith(ends)]
    return sorted(found)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


def blank(match):
    """Spaces for a comment, quotes for a string: lines and columns stay where they are."""
    text = match.group()
    inner = re.sub(r"[^\n]", " ", text)
    return text[0] + inner[1:-1] + text[-1] if text[0] in "\"'" else inner


def without_comments(text):
    return COMMENT_OR_STRING.sub(blank, text)


@dataclasses.dataclass
class Function:
    name: str
    line: int  # of the first line of its signature, from 1
    lines: int  # from there to its closing brace
    parameters: int


def count_parameters(text):
    """Of a list between parentheses: commas outside of inner brackets."""
    if text.strip() in ("", "void"):
        return 0
    depth, commas = 0, 0
    for mark in text:
        depth += (mark in "([{") - (mark in ")]}")
        commas += mark == "," and depth == 0
    return commas + 1


def parameter_list(signature):
    """The name before the last parentheses that stand outside of all others, and what is between these."""
    signature = re.sub(r"__attribute__\s*\(\(.*?\)\)\s*", "", signature, flags=re.DOTALL)
    end = signature.rfind(")")
    depth, begin = 0, end
    while begin >= 0:
        depth += (signature[begin] == ")") - (signature[begin] == "(")
        if depth == 0:
            break
        begin -= 1
    name = re.search(r"(\w+)\s*$", signature[:begin])
    return (name.group(1) if name else "?"), signature[begin + 1 : end]


def functions(text):
    """Functions defined in C text of clang-format's: the body begins with a brace in the first column, and so it
    ends."""
    lines = without_comments(text).split("\n")
    found = []
    for number, line in enumerate(lines):
        if line.rstrip() != "{":
            continue
        first = number
        while first > 0 and lines[first - 1].strip() and not re.search(r"[;}]\s*$|^#|\\$", lines[first - 1]):
            first -= 1
        last = next((k for k in range(number, len(lines)) if lines[k].startswith("}")), len(lines) - 1)
        signature = "\n".join(lines[first:number])
        if ")" in signature:
            name, inside = parameter_list(signature)
            found.append(Function(name, first + 1, last - first + 1, count_parameters(inside)))
    return found


def root(arguments):
    return arguments[1] if len(arguments) > 1 else REPOSITORY


def report(check, violations, count, what):
    """Prints what a check has found; its exit code. To have looked at nothing is a failure."""
    for violation in violations:
        print(violation)
    print(f"{check}: {count} {what}, {len(violations)} violations")
    return 1 if violations or count == 0 else 0
