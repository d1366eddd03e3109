"""Machines apart, each with a network address and a memory of its own: the answers of one machine, to the bit."""
import os
import subprocess
import sys

import h5py
import numpy as np
import pytest
from problem import mixture
from program import PROGRAM, REPOSITORY, brenier
from test_ranks import assert_same_bits

sys.path.insert(0, f"{REPOSITORY}/tests/bench")
import machines  # noqa: E402

MACHINES = 3


def can_be_made():
    name = f"brenier-{os.getpid()}"
    try:
        made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
    subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
    return made


pytestmark = pytest.mark.skipif(not can_be_made(), reason="no network namespace can be made here")


def test_answers_of_one_machine(tmp_path):
    """A solve with all its phases, a measurement and samples; a source file that every machine reads."""
    apart, one = tmp_path / "apart", tmp_path / "one"
    commands = [("solve", "y.npy", "-o", "r.h5", "-tol", "0.15", "-log", "r.jsonl"),
                ("check", "r.h5", "-curves", "8192", "-log", "c.jsonl"),
                ("sample", "r.h5", "-n", "3000", "-o", "s.h5")]  # fmt: skip
    for folder in (apart, one):
        folder.mkdir()
        np.save(folder / "y.npy", mixture(400, 8, seed=7))
    for command in commands:
        brenier(*command, ranks=MACHINES, cwd=one)
    with machines.Machines(MACHINES, str(tmp_path)) as hosts:
        for command in commands:
            hosts.mpiexec(PROGRAM, *command, cwd=str(apart))
        assert hosts.sent().min() > 400 * 8 * 8 / MACHINES, "nothing was sent"
    for name in ("r.h5", "s.h5"):
        assert_same_bits([one / name, apart / name])
    with h5py.File(one / "r.h5") as a, h5py.File(apart / "r.h5") as b:
        assert a.attrs["rho"] == b.attrs["rho"]
