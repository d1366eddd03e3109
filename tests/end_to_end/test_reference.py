"""Documentation that is made from the tables of options and records is that of the program."""
import os
import re
import shutil
import subprocess
import sys

import pytest
from program import PROGRAM, REPOSITORY, brenier


def test_documentation_is_up_to_date():
    script = os.path.join(REPOSITORY, "tools/reference")
    done = subprocess.run([sys.executable, script, "--check", PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def documented():
    """Options of each command as docs/commands.md has them."""
    with open(os.path.join(REPOSITORY, "docs/commands.md"), encoding="utf-8") as file:
        parts = re.split(r"^## (\w+)$", file.read().split("\n## Options of every")[0], flags=re.MULTILINE)
    return {name: re.findall(r"^\| `(-\w+)", text, re.MULTILINE) for name, text in zip(parts[1::2], parts[2::2])}


def test_every_command_is_documented():
    usage = brenier("-help", ranks=1).stdout.split("Exit codes")[0]
    assert list(documented()) == re.findall(r"^  ([a-z]+) +\S", usage, re.MULTILINE)


@pytest.mark.parametrize("command", documented())
def test_help_has_every_option(command):
    shown = re.findall(r"^  (-\w+)", brenier(command, "-help", ranks=1).stdout, re.MULTILINE)
    options = documented()[command]
    assert shown[: len(options)] == options
    assert {"-log", "-options_file", "-log_view"} <= set(shown)


def test_defaults_are_those_of_the_table():
    text = " ".join(brenier("solve", "-help", ranks=1).stdout.split())
    for words in (
        "below; default 0.1 without -curves",
        "numbers; default 1 ",
        "stage; default 50 with curves, 200 with exact cells",
        "a fifth where -tol chooses the curves",
        "seen once; default 70% of the node's",
    ):
        assert words in text


@pytest.mark.skipif(not shutil.which("groff"), reason="no groff")
def test_man_page():
    """groff finds nothing to warn of."""
    page = os.path.join(REPOSITORY, "man/brenier.1")
    done = subprocess.run(["groff", "-man", "-Tascii", "-ww", page], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert "EXIT STATUS" in re.sub(".\x08", "", done.stdout)
