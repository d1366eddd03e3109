"""What the shell or a job script leaves a run: the size of files, memory, processor time, descriptors, stack; each is a
sentence."""
import os
import signal
import subprocess
import time

import bounded
import numpy as np
import pytest
from alone import SHELL, alone, expect_sentence
from brenier_files import read_result
from problem import mixture
from program import PROGRAM, REPOSITORY

DONE, IO, TOLERANCE, RESOURCE, STOPPED = 0, 4, 6, 7, 85
SMALL = ("solve", "small.npy", "-curves", 300, "-o", "r.h5")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("resources")
    np.save(folder / "small.npy", np.random.default_rng(1).standard_normal((40, 3)))
    np.save(folder / "long.npy", mixture(2000, 40, seed=1))
    np.lib.format.open_memmap(folder / "large.npy", mode="w+", dtype="f4",
                              shape=(4000000, 64))  # a hole: takes no space
    alone(*SMALL, cwd=folder, code=DONE)
    os.rename(folder / "r.h5", folder / "result.h5")
    return folder


@pytest.fixture
def folder(made, tmp_path):
    for name in os.listdir(made):
        os.symlink(made / name, tmp_path / name)
    return tmp_path


def listing(folder):
    return {name for name in os.listdir(folder) if not os.path.islink(folder / name)}


@pytest.mark.parametrize("limits, code, words", [
    ("ulimit -f 1;", IO, ["size of a file", "1 KiB", "ulimit -f"]),
    ("ulimit -f 100;", IO, ["size of a file", "100 KiB", "ulimit -f"]),
    ("ulimit -n 20;", RESOURCE, ["open files", "20", "ulimit -n"]),
    ("ulimit -s 128;", RESOURCE, ["stack", "128 KiB", "ulimit -s"]),
    ("ulimit -v 200000;", RESOURCE, ["bytes", "200000 KiB", "ulimit -v"]),
    ("ulimit -v 400000;", RESOURCE, ["bytes", "400000 KiB", "ulimit -v"]),
    ("ulimit -d 100000;", RESOURCE, ["bytes", "100000 KiB", "ulimit -d"]),
])  # fmt: skip
def test_too_little_to_start(folder, limits, code, words):
    """Where MPI or BLAS would fail without a sentence, or wait for ever."""
    expect_sentence(alone(*SMALL, cwd=folder, code=code, limits=limits), *words)
    assert not listing(folder)
    assert "Exit codes" in alone("-help", cwd=folder, code=DONE, limits=limits).stdout


@pytest.mark.parametrize("limits", ["ulimit -Sn 16;", "ulimit -Ss 64;", "ulimit -f 6000;", "ulimit -v 1500000;",
                                    "ulimit -t 3600;"])
def test_enough_to_work(folder, limits):
    """Soft limits are raised; BLAS, asked for many threads, takes one where address space is limited."""
    alone(*SMALL, cwd=folder, code=DONE, limits=limits, environment={"OPENBLAS_NUM_THREADS": "16"})
    read_result(folder / "r.h5")


@pytest.mark.parametrize("count", [60000, 75000, 100000, 1000000])
def test_a_file_that_is_too_large(folder, count):
    """Told before anything is computed; nothing is left behind, and an older file stays."""
    alone("sample", "result.h5", "-n", 10, "-o", "s.h5", cwd=folder, code=DONE)
    older = (folder / "s.h5").read_bytes()
    done = alone("sample", "result.h5", "-n", count, "-o", "s.h5", cwd=folder, code=IO, limits="ulimit -f 5000;")
    expect_sentence(done, "s.h5", "bytes needed", "ulimit -f 5000")
    assert listing(folder) == {"s.h5"} and (folder / "s.h5").read_bytes() == older


def test_a_file_that_is_too_large_for_two_ranks(folder):
    shell = '. "$0/tools/mpi-environment.sh"; ulimit -f 5000; exec mpiexec -n 2 "$@"'
    command = ["bash", "-c", shell, REPOSITORY, PROGRAM, "sample", "result.h5", "-n", "100000", "-o", "s.h5"]
    done = bounded.run(command, cwd=folder)
    assert done.returncode == IO, done.stderr
    assert done.stderr.startswith("brenier: error: s.h5") and done.stderr.count("brenier: error:") == 1, done.stderr
    assert not listing(folder)


@pytest.mark.parametrize("checkpoint", [True, False])
def test_processor_time(folder, checkpoint):
    """Like a time limit: a checkpoint, or the result so far, before the system kills."""
    options = ("-checkpoint", "run.ckpt") if checkpoint else ()
    done = alone("solve", "long.npy", "-tol", 0.01, "-o", "r.h5", *options, cwd=folder, limits="ulimit -t 3;",
                 code=STOPPED if checkpoint else TOLERANCE)  # fmt: skip
    assert "stopped (time limit)" in done.stdout or "stopped (signal)" in done.stdout
    assert listing(folder) - {"run.ckpt.1"} == ({"run.ckpt"} if checkpoint else {"r.h5"})


def test_processor_time_of_a_command_that_keeps_nothing(folder):
    done = alone("check", "result.h5", "-curves", 100000000, cwd=folder, limits="ulimit -t 2;", code=RESOURCE)
    expect_sentence(done, "processor time", "ulimit -t")


def test_memory_that_runs_out(folder):
    """Somewhere in the middle, on one rank: the bytes wanted, the limit, and an end of all ranks."""
    command = ("encode", "large.npy", "-allow_missing", "-dim", 2, "-o", "e.h5")
    done = alone(*command, cwd=folder, code=RESOURCE, limits="ulimit -v 700000;")
    errors = [line for line in done.stderr.splitlines() if "error:" in line]
    assert len(errors) == 1 and all(word in errors[0] for word in ("memory", "bytes", "700000 KiB",
                                                                   "ulimit -v")), done.stderr
    assert not listing(folder)


def test_second_term(folder):
    """The first asks for a safe point, the second does not wait for one."""
    shell = SHELL.format(limits="", redirections="")
    command = ["bash", "-c", shell, REPOSITORY, PROGRAM, "solve", "long.npy", "-tol", "0.01", "-o", "r.h5"]
    run = bounded.start(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for line in bounded.lines(run):
        if " iter " in line:
            break
    os.kill(run.pid, signal.SIGSTOP)  # so that no safe point comes in between
    run.send_signal(signal.SIGTERM)
    os.kill(run.pid, signal.SIGCONT)
    time.sleep(1.2)
    run.send_signal(signal.SIGTERM)
    said = bounded.finish(run)
    assert run.returncode in (143, -signal.SIGTERM, TOLERANCE), said
    if run.returncode != TOLERANCE:  # a run that is quick at its safe points has ended in between, or is about to
        assert "a second TERM" in said[1] or os.path.exists(folder / "r.h5"), said
