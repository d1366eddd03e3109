"""A disk that becomes full at a checkpoint, at the result or at the log: nothing that was good is lost, and it is said
what is missing."""
import os
import re
import signal

import pytest
from brenier_files import read_log, read_result
from program import brenier
from restart import OPTIONS, Run, expect_same_bits, make_problem
from small_disk import KINDS, NoDisk, small_disk

IO = 4


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """A solve that nothing disturbed."""
    folder = tmp_path_factory.mktemp("expected")
    make_problem(folder)
    brenier("solve", "points.npy", "-o", "result.h5", *OPTIONS, ranks=2, cwd=folder)
    return read_result(folder / "result.h5")


@pytest.fixture(params=KINDS)
def disk(request, tmp_path):
    make_problem(tmp_path)
    try:
        with small_disk(request.param, tmp_path) as mounted:
            yield mounted
    except NoDisk as why:
        pytest.skip(f"no file system can be mounted here: {why}")


def expect_sentence(said, mark, path, doing=""):
    """A line with `mark` names the path and how many bytes are missing, which add up."""
    lines = [line for line in said.splitlines() if mark in line]
    assert len(lines) >= 1, said
    for line in lines:
        numbers = re.search(r"disk full while (.*): (\d+) bytes needed, (\d+) free, (\d+) missing", line)
        assert path in line and numbers and doing in numbers[1], line
        need, have, missing = (int(number) for number in numbers.groups()[1:])
        assert need - have == missing > 0


def expect_to_continue(tmp_path, disk, expected, *options, result="result.h5"):
    """The last good checkpoint is whole, and the same command ends as if nothing had happened once there is space."""
    assert "run.ckpt: whole" in brenier("check", disk.path("run.ckpt"), "-checkpoint", cwd=tmp_path).stdout
    disk.clear()
    run = Run(tmp_path, *options)
    assert run.end() == 0 and "(newest generation" in run.said, run.said
    expect_same_bits(expected, read_result(os.path.join(tmp_path, result)))


def test_at_a_checkpoint(tmp_path, disk, expected):
    """Between, a warning; at a stop, exit code 4."""
    options = ("-checkpoint", disk.path("run.ckpt"))
    run = Run(tmp_path, *options)
    assert run.read_until("checkpoint: ", 2), run.said
    disk.fill()
    assert run.read_until("no checkpoint was written, the solve continues"), run.said
    run.signal(signal.SIGUSR1)
    assert run.end() == IO, run.said
    expect_sentence(run.said, "brenier: warning: no checkpoint", disk.path("run.ckpt"))
    expect_sentence(run.said, "brenier: error:", disk.path("run.ckpt"))
    assert "run.ckpt" in disk.files() and not [name for name in disk.files() if name.endswith(".tmp")]
    assert not (tmp_path / "result.h5").exists()
    expect_to_continue(tmp_path, disk, expected, *options)


def test_at_the_result(tmp_path, disk, expected):
    """The checkpoint on the same disk is there still."""
    options = ("-checkpoint", disk.path("run.ckpt"), "-o", disk.path("result.h5"))
    run = Run(tmp_path, *options)
    assert run.read_until("checkpoint: ", 2), run.said
    disk.fill()
    assert run.end() == IO, run.said
    expect_sentence(run.said, "brenier: error:", disk.path("result.h5"))
    assert set(disk.files()) <= {"run.ckpt", "run.ckpt.1"} and "run.ckpt" in disk.files()
    expect_to_continue(tmp_path, disk, expected, *options, result=disk.path("result.h5"))


def test_at_the_log(tmp_path, disk, expected):
    """It ends with its last whole line, and the solve goes on."""
    log = disk.path("log.jsonl")
    disk.fill(leave=4096)
    run = Run(tmp_path, "-log", log)
    assert run.end() == 0, run.said
    expect_sentence(run.said, "brenier: warning:", log, "writing the log")
    assert run.said.count("brenier: warning:") == 1
    with open(log, encoding="ascii") as file:
        assert file.read().endswith("}\n")
    assert read_log(log)[0]["event"] == "start"
    expect_same_bits(expected, read_result(tmp_path / "result.h5"))
