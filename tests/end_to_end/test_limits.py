"""A solve ends when it is told to, whatever it does: within its time limit, a tenth and 5 seconds, or after a
signal."""
import os
import signal
import subprocess
import time

import bounded
import numpy as np
import pytest
from brenier_files import last_event, read_log, read_result
from problem import mixture
from program import PROGRAM, REPOSITORY, SHARED_CORES
from restart import SHELL, STOPPED

pytestmark = pytest.mark.alone
TOLERANCE = 6
LARGE = (24000, 32)  # its start alone takes longer than the limits here
# mpiexec starts its ranks and the loader their libraries: a busy machine may take seconds for what is not the run's
SLACK = float(os.environ.get("BRENIER_TEST_SLACK", "3"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("limits")
    np.save(place / "large.npy", mixture(*LARGE, seed=1))
    np.save(place / "few.npy", np.random.default_rng(7).standard_normal((8, 5)))
    np.save(place / "line.npy", np.random.default_rng(8).standard_normal((1000, 1)))
    return place


class Solve:
    """A solve in the background; on one rank without mpiexec, which loses signals before it has started."""

    def __init__(self, folder, where, points, *options, ranks=2):
        environment = {**os.environ, **SHARED_CORES, "BRENIER_RANKS": str(ranks)}
        shell = SHELL if ranks > 1 else '. "$0/tools/mpi-environment.sh"; exec "$@"'
        command = ["bash", "-c", shell, REPOSITORY, PROGRAM, "solve", folder / points, "-o", "r.h5", *options]
        self.where, self.begun = where, time.monotonic()
        self.process = bounded.start(command, env=environment, cwd=where, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT)  # fmt: skip

    def end(self):
        """Exit code, what was said, seconds since the start."""
        said = bounded.finish(self.process)[0]
        return self.process.returncode, said, time.monotonic() - self.begun


def expect_result(where, status):
    result = read_result(where / "r.h5")
    assert result.status == status
    for name in ("/heights", "/mass", "/mass_error"):
        assert np.all(np.isfinite(result[name]))
    assert abs(result["/mass"].sum() - 1) < 1e-9
    return result


@pytest.mark.parametrize("seconds", [0.001, 0.5, 1.5, 4])
@pytest.mark.parametrize("checkpoint", [False, True])
def test_limit_in_the_start(folder, tmp_path, seconds, checkpoint):
    options = ("-checkpoint", "run.ckpt") if checkpoint else ()
    code, said, took = Solve(folder, tmp_path, "large.npy", "-max_time", seconds, *options).end()
    assert code == (STOPPED if checkpoint else TOLERANCE), said
    assert took < 1.1 * seconds + 5 + SLACK, said
    if checkpoint:
        assert "stopped (time limit); the same command continues" in said and (tmp_path / "run.ckpt").exists()
    else:
        expect_result(tmp_path, "stopped: time limit")


@pytest.mark.parametrize("seconds", [1, 3])
def test_limit_before_a_measurement_that_would_not_end(folder, tmp_path, seconds):
    options = ("-tol", 0.0005, "-max_time", seconds, "-log", "log")
    code, said, took = Solve(folder, tmp_path, "few.npy", *options).end()
    assert code == TOLERANCE and took < 1.1 * seconds + 5 + SLACK, said
    assert "planned held-out curves, so the intervals are wider" in said
    shortened = last_event(read_log(tmp_path / "log"), "shortened")
    result = expect_result(tmp_path, "stopped: time limit")
    assert 64 <= shortened["curves"] == result.held_out_curves < shortened["planned"]
    assert result.rho_low <= result.rho <= result.rho_high


def test_limit_that_the_tolerance_meets(folder, tmp_path):
    code, said, _ = Solve(folder, tmp_path, "few.npy", "-tol", 0.3, "-max_time", 60).end()
    assert code == 0, said
    expect_result(tmp_path, "converged")


def test_one_dimension_is_solved_in_any_case(folder, tmp_path):
    code, said, _ = Solve(folder, tmp_path, "line.npy", "-max_time", 0.001).end()
    assert code == 0, said
    assert expect_result(tmp_path, "converged").rho < 1e-6


@pytest.mark.parametrize("checkpoint", [False, True])
@pytest.mark.parametrize("ranks, wait", [(1, 0.3), (1, 0.5), (2, 1.5)])
def test_signal_at_once(folder, tmp_path, ranks, wait, checkpoint):
    options = ("-checkpoint", "run.ckpt") if checkpoint else ()
    solve = Solve(folder, tmp_path, "large.npy", *options, ranks=ranks)
    time.sleep(wait)
    solve.process.send_signal(signal.SIGUSR1)
    code, said, took = solve.end()
    assert code == (STOPPED if checkpoint else TOLERANCE), said
    assert took < 15 + SLACK, said
    if not checkpoint:
        expect_result(tmp_path, "stopped: signal")


def test_signal_before_the_libraries_have_started(folder, tmp_path):
    """What is caught early is acted upon: the first safe point is in the start."""
    solve = Solve(folder, tmp_path, "large.npy", ranks=1)
    deadline = time.monotonic() + 60
    while "/brenier solve" not in bounded.command_line(solve.process.pid):  # still the shell
        assert time.monotonic() < deadline
        time.sleep(0.001)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        status = open(f"/proc/{solve.process.pid}/status").read()
        caught = int(next(line for line in status.splitlines() if line.startswith("SigCgt")).split()[1], 16)
        if caught >> (signal.SIGUSR1 - 1) & 1:
            break
    solve.process.send_signal(signal.SIGUSR1)
    code, said, _ = solve.end()
    assert code == TOLERANCE, said
    expect_result(tmp_path, "stopped: signal")


def test_continued_and_stopped_before_the_sample_is_read(folder, tmp_path):
    options = ("-tol", 0.002, "-checkpoint", "run.ckpt", "-checkpoint_interval", 0)
    solve = Solve(folder, tmp_path, "few.npy", *options)
    for line in bounded.lines(solve.process):
        if "checkpoint:" in line and "in a stage" in subprocess.run(
            ["h5dump", "-a", "status", tmp_path / "run.ckpt"], capture_output=True, text=True, check=False
        ).stdout:  # fmt: skip
            break
    solve.process.send_signal(signal.SIGUSR1)
    assert solve.end()[0] == STOPPED
    before = (tmp_path / "run.ckpt").read_bytes()
    code, said, _ = Solve(folder, tmp_path, "few.npy", *options, "-max_time", 0.001).end()
    assert code == STOPPED, said
    assert "nothing to add" in said and (tmp_path / "run.ckpt").read_bytes() == before
    code, said, _ = Solve(folder, tmp_path, "few.npy", *options, "-max_time", 2).end()
    assert code in (0, STOPPED) and "continues from run.ckpt" in said, said
