"""Blocks of code of the documentation, made small, and how a page of them is run.

A block tagged `sh`, `bash` or `python` is run; so is one without a tag whose first word is a command. One tagged `text`
or anything else is not, nor one behind an HTML comment that says why: `<!-- not run: needs a cluster -->`. Blocks of a
page run in order, in one folder, shells with the folder and the variables that the one before left. Lines that build,
install, submit jobs or train for minutes are passed over: other tests have them. Numbers that make a command long are
made small.
"""
import os
import re
import shlex
import sys
from dataclasses import dataclass

import bounded
from program import PROGRAM, REPOSITORY, SHARED_CORES

FENCE = re.compile(r"^( *)(```+)\s*(\S*)\s*$")
NOT_RUN = re.compile(r"^\s*<!--\s*not run:\s*(\S.*?)\s*-->\s*$")
COMMANDS = re.compile(r"(mpiexec|brenier|python3|analysis/\S+|tools/\S+|jobs/\S+|tests/\S+|(\.\.?/)+\S+|sbatch|srun|"
                      r"export|source|\.|mkdir|cd|cmake|[A-Z_]+=\S*)(\s|$)")  # fmt: skip
PASSED_OVER = re.compile(r"(\./quickstart|\./check|cmake|ctest|ninja|make|git|sudo|apt|apt-get|pip|sbatch|srun|salloc|"
                         r"tools/install-dependencies|tests/\S+|jobs/\S+|(\.\./)*analysis/aeot/run|wget|curl)(\s|$)")
ASSIGNMENTS = re.compile(r"^(\s*[A-Za-z_]\w*=\S*\s+)*")
SMALL = (  # option, most or least of its value
    (re.compile(r"(?<=\s-tol )\S+"), max, 0.6),
    (re.compile(r"(?<=\s-tol=)\S+"), max, 0.6),
    (re.compile(r"(?<=\s-curves )\S+"), min, 2000),
    (re.compile(r"(?<=\s-n )\d\S*"), min, 300),
    (re.compile(r"(?<=\s-dim )\S+"), min, 8),
)
SECONDS = 300  # of one block


@dataclass
class Block:
    page: str
    line: int  # of its first line of code, from 1
    kind: str  # "sh", "python", or nothing when it is not run
    code: str
    why: str = ""  # it is not run

    def __str__(self):
        return f"{self.page}:{self.line}"


def kind_of(tag, code):
    if tag in ("sh", "bash", "python"):
        return "python" if tag == "python" else "sh"
    return "sh" if not tag and COMMANDS.match(first_command(code)) else ""


def first_command(code):
    return next((line.strip() for line in code.split("\n") if line.strip() and not line.strip().startswith("#")), "")


def blocks(page, text):
    """All blocks of a page; ValueError when one does not end."""
    found, lines, number, why = [], text.split("\n"), 0, ""
    while number < len(lines):
        fence, note = FENCE.match(lines[number]), NOT_RUN.match(lines[number])
        if fence:
            indent, mark, tag = fence.groups()
            end = next((k for k in range(number + 1, len(lines)) if lines[k].strip() == mark), None)
            if end is None:
                raise ValueError(f"{page}:{number + 1}: this block does not end")
            code = "\n".join(line.removeprefix(indent) for line in lines[number + 1 : end]) + "\n"
            found.append(Block(page, number + 2, "" if why else kind_of(tag, code), code, why))
            number, why = end, ""
        elif note:
            why = note.group(1)
        elif lines[number].strip():
            why = ""
        number += 1
    return found


def commands(code):
    """Lines of a shell with those that go on joined."""
    return re.sub(r"\\\n\s*", " ", code).split("\n")


def small(line):
    for pattern, limit, most in SMALL:
        line = pattern.sub(lambda match, limit=limit, most=most: f"{limit(float(match.group()), most):g}", line)
    return line


def shell(code, stand_ins):
    """What is run of a block of a shell. stand_ins: words and what stands in for them here."""
    made = []
    for line in commands(code):
        if PASSED_OVER.match(line[ASSIGNMENTS.match(line).end() :].lstrip()):
            continue
        for word, instead in stand_ins.items():
            line = line.replace(word, instead)
        made.append(small(line))
    return "\n".join(made)


class Page:
    """A folder in which the blocks of a page are run."""

    def __init__(self, folder, prelude=None, stand_ins=None, start="."):
        """prelude: Python before that of the page; stand_ins: as for shell(); start: where in the folder it begins."""
        self.folder, self.state = str(folder), os.path.join(folder, ".state")
        self.stand_ins = stand_ins or {}
        self.python = prelude or ""
        os.makedirs(os.path.join(folder, start), exist_ok=True)
        tools = os.path.join(folder, ".bin")
        os.mkdir(tools)
        os.symlink(sys.executable, os.path.join(tools, "python3"))
        os.makedirs(os.path.join(folder, "build", "release", "bin"))
        for place in (tools, os.path.join(folder, "build", "release", "bin")):
            os.symlink(os.path.abspath(PROGRAM), os.path.join(place, "brenier"))
        for name in ("analysis", "tools", "jobs", "docs", "examples"):
            if os.path.isdir(os.path.join(REPOSITORY, name)):
                os.symlink(os.path.join(REPOSITORY, name), os.path.join(folder, name))
        with open(self.state, "w", encoding="utf-8") as file:
            file.write(f". {shlex.quote(REPOSITORY)}/tools/mpi-environment.sh\nexport PATH={shlex.quote(tools)}:$PATH\n"
                       f"export PYTHONPATH={shlex.quote(os.path.join(REPOSITORY, 'analysis'))}\n"  # import brenier
                       f"cd {shlex.quote(os.path.join(self.folder, start))}\n")  # fmt: skip

    def shell(self, code):
        return bounded.run(["bash", "-c", f". {shlex.quote(self.state)}\nset -e\n{code}"], SECONDS, cwd=self.folder,
                           env={**os.environ, **SHARED_CORES, "BRENIER_RANKS": "2"})  # fmt: skip

    def add(self, block):
        """Has the next program begin with a block of Python."""
        self.python += block.code + "\n"

    def run(self, block):
        """What a block has done, as from subprocess.run(); the text that was run is its `args`."""
        if block.kind == "python":
            self.add(block)
            with open(os.path.join(self.folder, ".block.py"), "w", encoding="utf-8") as file:
                file.write(self.python)
            code = f"python3 {shlex.quote(self.folder)}/.block.py"
            done = self.shell(code)
            done.args = self.python
            return done
        code = shell(block.code, self.stand_ins)
        keep = f"{{ export -p; echo cd \"'$PWD'\"; }} >{shlex.quote(self.state)}"
        done = self.shell(f"{code}\n{keep}")
        done.args = code
        return done
