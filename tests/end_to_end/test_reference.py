"""Documentation and help that are made from the tables of options and records are those of the program."""
import os
import re
import shutil
import subprocess
import sys

import h5py
import numpy as np
import pytest
from program import PROGRAM, REPOSITORY, brenier

USAGE = 2
LINES, COLUMNS = 50, 100  # of a screen, which -help must not exceed
COMMON = {"-log", "-help", "-version"}
COMMON_ADVANCED = {"-options_file", "-log_view"}


def test_documentation_is_up_to_date():
    script = os.path.join(REPOSITORY, "tools/reference")
    done = subprocess.run([sys.executable, script, "--check", PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def documented():
    """Of each command in docs/reference/commands.md, its options: pairs of the name and whether it is advanced."""
    with open(os.path.join(REPOSITORY, "docs/reference/commands.md"), encoding="utf-8") as file:
        parts = re.split(r"^## (\w+)$", file.read().split("\n## Options of every")[0], flags=re.MULTILINE)
    options = {name: re.findall(r"^\| `(-\w+)[^`]*`( \*)? \|", text, re.MULTILINE)
               for name, text in zip(parts[1::2], parts[2::2])}  # fmt: skip
    return {name: [(option, bool(star)) for option, star in found] for name, found in options.items()}


def pages():
    return ["brenier", *(f"brenier-{command}" for command in documented())]


def answer(*words):
    return brenier(*words, ranks=1).stdout


def options_in(text):
    return re.findall(r"^  (-\w+)", text, re.MULTILINE)


def test_every_command_is_documented():
    usage = answer("-help").split("Exit codes")[0]
    assert list(documented()) == re.findall(r"^  ([a-z]+) +\S", usage, re.MULTILINE)


@pytest.mark.parametrize("command", documented())
def test_help_has_what_is_not_advanced(command):
    shown = options_in(answer(command, "-help"))
    assert shown == [option for option, advanced in documented()[command] if not advanced] + options_in_order(COMMON)


def options_in_order(names):
    return [name for name in ("-log", "-options_file", "-log_view", "-help", "-version") if name in names]


@pytest.mark.parametrize("command", documented())
def test_help_all_has_every_option(command):
    shown = options_in(answer(command, "-help", "all"))
    assert shown == [option for option, _ in documented()[command]] + options_in_order(COMMON | COMMON_ADVANCED)


@pytest.mark.parametrize("words", [["-help"], *([command, "-help"] for command in documented())], ids=" ".join)
def test_help_fits_a_screen(words):
    lines = answer(*words).splitlines()
    assert len(lines) <= LINES and max(map(len, lines)) <= COLUMNS


@pytest.mark.parametrize("command", documented())
def test_help_all_has_no_long_line(command):
    assert max(map(len, answer(command, "-help", "all").splitlines())) <= COLUMNS


def test_defaults_are_those_of_the_table():
    text = " ".join(answer("solve", "-help", "all").split())
    for words in (
        "below RHO; default 0.1 without -curves",
        "numbers; default 1 ",
        "stage; default 50 with curves, 200 with exact cells",
        "a fifth where -tol chooses the curves",
        "draws fresh curves; default 70% of the node's",
        "older name: -check_curves",
    ):
        assert words in text


def test_older_names(tmp_path):
    """An older name of an option does what the name does; both at once are refused."""
    np.save(tmp_path / "y.npy", np.random.default_rng(1).standard_normal((20, 4)))
    run = ("solve", "y.npy", "-o", "r.h5", "-curves", 200)
    for name in ("-held_out_curves", "-check_curves"):
        brenier(*run, name, 128, ranks=1, cwd=tmp_path)
        with h5py.File(tmp_path / "r.h5") as file:
            assert "128" in str(file["provenance"].attrs["options"]) and file.attrs["held_out_curves"] == 128
    done = brenier(*run, "-held_out_curves", 128, "-check_curves", 128, ranks=1, code=USAGE, cwd=tmp_path)
    assert "-check_curves is the older name of option -held_out_curves" in done.stderr


@pytest.mark.skipif(not shutil.which("groff"), reason="no groff")
@pytest.mark.parametrize("name", pages())
def test_man_page(name):
    """groff finds nothing to warn of."""
    page = os.path.join(REPOSITORY, f"man/{name}.1")
    done = subprocess.run(["groff", "-man", "-Tascii", "-ww", page], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr
    text = re.sub(".\x08", "", re.sub("\x1b\\[[0-9;]*m", "", done.stdout))
    headings = re.findall(r"^[A-Z][A-Z ]+$", text, re.MULTILINE)
    expected = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "SEE ALSO"]
    assert [heading for heading in headings if heading in expected] == expected
    if name != "brenier":
        assert "FILES" in headings and "EXAMPLES" in headings and f"mpiexec -n RANKS {name.replace('-', ' ')}" in text


def test_no_other_man_page():
    assert sorted(os.listdir(os.path.join(REPOSITORY, "man"))) == sorted(f"{name}.1" for name in pages())
