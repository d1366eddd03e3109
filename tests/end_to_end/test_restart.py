"""A solve that is stopped or killed continues by the same command and ends as if nothing had happened."""
import os
import shutil
import signal
import time

import bounded
import h5py
import numpy as np
import pytest
import restart
from brenier_files import read_log, read_result
from program import brenier
from restart import OPTIONS, STOPPED, Run, expect_same_bits, make_problem, random_kills

COMMAND = ("solve", "points.npy", "-o", "result.h5", *OPTIONS)


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """A solve without checkpoints, on two ranks."""
    folder = tmp_path_factory.mktemp("expected")
    make_problem(folder)
    brenier(*COMMAND, ranks=2, cwd=folder)
    return read_result(folder / "result.h5")


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A folder with two generations of the checkpoint of a solve that a signal stopped in its second stage."""
    folder = tmp_path_factory.mktemp("stopped")
    make_problem(folder)
    run = Run(folder)
    assert run.read_until("checkpoint: ", 5)
    run.signal(signal.SIGUSR1)
    assert run.end() == STOPPED, run.said
    assert "stopped (signal); the same command continues from run.ckpt" in run.said
    assert sorted(os.listdir(folder)) == ["points.npy", "run.ckpt", "run.ckpt.1"]
    return folder


@pytest.fixture
def folder(stopped, tmp_path):
    for name in os.listdir(stopped):
        shutil.copy(stopped / name, tmp_path)
    return tmp_path


def finish(folder, *options, ranks=2, code=0):
    return brenier(*COMMAND, "-checkpoint", "run.ckpt", *options, ranks=ranks, code=code, cwd=folder)


def test_continues_to_the_same_bits(folder, expected):
    done = finish(folder, "-log", "log.jsonl")
    assert "continues from run.ckpt (newest generation" in done.stdout
    result = read_result(folder / "result.h5")
    expect_same_bits(expected, result)
    # the log has the iterations before the stop too
    iterations = [event for event in read_log(folder / "log.jsonl") if event["event"] == "iteration"]
    assert len(iterations) == len(result.history["iteration"])
    # once more: nothing to do
    again = finish(folder)
    assert "finished already: converged" in again.stdout
    assert sorted(os.listdir(folder)) == ["log.jsonl", "points.npy", "result.h5", "run.ckpt"]
    os.remove(folder / "result.h5")
    assert "there is no result.h5" in finish(folder, code=3).stderr


def test_older_generation_when_the_newest_is_damaged(folder, expected):
    with open(folder / "run.ckpt", "r+b") as file:
        file.truncate(os.path.getsize(folder / "run.ckpt") // 2)
    done = finish(folder)
    assert "truncated or damaged" in done.stderr and "continues from run.ckpt.1 (older generation" in done.stdout
    expect_same_bits(expected, read_result(folder / "result.h5"))


def test_no_generation_can_be_used(folder):
    for name in ("run.ckpt", "run.ckpt.1"):
        with open(folder / name, "r+b") as file:
            file.truncate(700)
    assert "no other generation can be used" in finish(folder, code=3).stderr
    assert not (folder / "result.h5").exists()


def test_another_problem_is_refused(folder):
    done = finish(folder, "-tol", "0.3", "-source", "sphere", code=3)
    assert (
        "-source is gaussian there and sphere here" in done.stderr and "-tol is 0.15 there and 0.3 here" in done.stderr
    )
    points = np.load(folder / "points.npy")
    points[7, 3] += 1e-9
    np.save(folder / "points.npy", points)
    assert "content of targets and weights is" in finish(folder, code=3).stderr


def test_continues_on_other_numbers_of_ranks(tmp_path, expected):
    make_problem(tmp_path)
    for ranks in (4, 3, 1):
        run = Run(tmp_path, ranks=ranks)
        assert run.read_until("checkpoint: ", 3), run.said
        run.signal(signal.SIGUSR1)
        assert run.end() == STOPPED, run.said
    assert "(newest generation" in run.said
    finish(tmp_path, ranks=5)
    result = read_result(tmp_path / "result.h5")
    assert np.abs(result["/heights"] - expected["/heights"]).max() < 1e-9 * np.ptp(expected["/heights"])
    assert len(result.history["iteration"]) == len(expected.history["iteration"])


@pytest.fixture(scope="module", params=("gaussian", "cube"))
def warmed_up(request, tmp_path_factory):
    """Options of a long warm-up, and what they lead to."""
    folder, options = tmp_path_factory.mktemp("warm"), ("-warm_up", 30, "-source", request.param, "-tol", 0.4)
    make_problem(folder)
    brenier(*COMMAND, *options, ranks=2, cwd=folder)
    return options, read_result(folder / "result.h5")


@pytest.mark.parametrize("ranks", (2, 3))
def test_continues_in_the_warm_up(tmp_path, warmed_up, ranks):
    options, whole = warmed_up
    make_problem(tmp_path)
    said = []
    for _ in range(2):
        run = Run(tmp_path, *options)
        assert run.read_until("checkpoint: ", 2), run.said
        run.signal(signal.SIGUSR1)
        assert run.end() == STOPPED, run.said
        said.append(run.said)
    assert "level: 75 clusters" in said[0] and ": in the warm-up, 0 iterations" in said[1]
    assert "level: " not in said[1] and "warm-up: " not in said[1]  # neither made again nor finished yet
    finish(tmp_path, *options, ranks=ranks)
    result = read_result(tmp_path / "result.h5")
    if ranks == 2:
        expect_same_bits(whole, result)
    assert np.abs(result["/heights"] - whole["/heights"]).max() < 1e-9 * np.ptp(whole["/heights"])
    assert str(result.provenance["levels"]) == str(whole.provenance["levels"])


def test_killed_at_random_moments(tmp_path):
    """The bench tests/bench/kills.py does it 100 times."""
    assert max(total for total, *_ in random_kills(tmp_path, 10, seed=int(time.time()))) >= 10


def test_kills_that_come_too_late(tmp_path, monkeypatch):
    """The solve that was timed took a minute, as the machine was busy then; those that are killed take a moment."""

    class Short:
        said = ""

        def __init__(self, folder):
            self.process = bounded.start(["sleep", "0.3"])

        def kill(self):
            self.process.kill()
            self.end()

        def end(self):
            self.process.wait(60)

    nothing = {name: lambda *_: None for name in ("make_problem", "read_result", "expect_same_bits")}
    for name, instead in {"Run": Short, "timed_reference": lambda _: 60.0, **nothing}.items():
        monkeypatch.setattr(restart, name, instead)
    assert [total for total, *_ in random_kills(tmp_path, 3, seed=1)][-1] == 3


def test_time_limit(tmp_path, expected):
    make_problem(tmp_path)
    codes = []
    while not codes or codes[-1] == STOPPED:
        run = Run(tmp_path, "-max_time", 0.6 + 0.6 * len(codes))
        codes.append(run.end())
        assert codes[-1] in (0, STOPPED) and len(codes) < 30, run.said
    assert codes[0] == STOPPED
    expect_same_bits(expected, read_result(tmp_path / "result.h5"))


def test_time_limit_without_checkpoint_keeps_the_best_result(tmp_path):
    make_problem(tmp_path)
    run = Run(tmp_path, "-max_time", 0.3, interval=None)
    assert run.end() == 6, run.said
    result = read_result(tmp_path / "result.h5")
    assert result.status == "stopped: time limit" and np.all(np.isfinite(result["/heights"]))
    assert np.sum(result["/mass"]) == pytest.approx(1)


def test_stop_file(tmp_path, expected):
    make_problem(tmp_path)
    run = Run(tmp_path, "-stop_file", "stop")
    assert run.read_until("checkpoint: ", 2)
    (tmp_path / "stop").touch()
    code = run.end()
    (tmp_path / "stop").unlink()
    assert code in (STOPPED, 0), run.said  # it is looked for once a second only
    run = Run(tmp_path)
    assert run.end() == 0, run.said
    expect_same_bits(expected, read_result(tmp_path / "result.h5"))


@pytest.mark.slow
def test_one_rank_sleeps(tmp_path, expected):
    make_problem(tmp_path)
    run = Run(tmp_path)
    assert run.read_until("checkpoint: ", 2)
    sleeper = run.ranks()[-1]
    os.kill(sleeper, signal.SIGSTOP)
    time.sleep(20)
    os.kill(sleeper, signal.SIGCONT)
    assert run.end() == 0, run.said
    expect_same_bits(expected, read_result(tmp_path / "result.h5"))


def test_two_runs_at_once(tmp_path, expected):
    """After a lost node the old ranks may wake up while a new run continues: they end, and the file stays the new
    run's."""
    make_problem(tmp_path)
    old = Run(tmp_path)
    assert old.read_until("checkpoint: ", 2), old.said
    sleepers = old.ranks()
    for rank in sleepers:
        os.kill(rank, signal.SIGSTOP)
    new = Run(tmp_path)
    assert new.read_until("checkpoint: continues from") and new.read_until("checkpoint: "), new.said
    for rank in sleepers:
        os.kill(rank, signal.SIGCONT)
    assert old.end() == 4 and "run.ckpt: another run has written it since this run began" in old.said, old.said
    assert new.end() == 0, new.said
    expect_same_bits(expected, read_result(tmp_path / "result.h5"))
    assert sorted(os.listdir(tmp_path)) == ["points.npy", "result.h5", "run.ckpt"]


def test_inspection(folder):
    said = brenier("info", "run.ckpt", cwd=folder).stdout
    for words in ("brenier-checkpoint", "in a stage", "-tol", "all checksums are right", "/heights"):
        assert words in said
    assert "run.ckpt: whole; number" in brenier("check", "run.ckpt", "-checkpoint", cwd=folder).stdout
    with h5py.File(folder / "run.ckpt", "r+") as file:
        file["heights"][3] += 1e-9
    assert "dataset /heights is damaged" in brenier("check", "run.ckpt", "-checkpoint", code=3, cwd=folder).stderr
    assert "needed is a brenier-result" in brenier("check", "run.ckpt", code=3, cwd=folder).stderr


def test_options_that_make_no_sense(tmp_path):
    make_problem(tmp_path)
    run = ("solve", "points.npy", "-o", "r.h5")
    assert "-method newton only" in brenier(*run, "-method", "cg", "-checkpoint", "c", code=2, cwd=tmp_path).stderr
    assert "needs -checkpoint" in brenier(*run, "-checkpoint_interval", 5, code=2, cwd=tmp_path).stderr
    assert "does not exist" in brenier(*run, "-checkpoint", "no/c", code=4, cwd=tmp_path).stderr
