"""Solves that memory holds no sample for, or whose targets are many, go on with fresh curves, each seen once."""
import signal

import numpy as np
import pytest
import restart
from brenier_files import last_event, read_log, read_result
from problem import mixture
from program import brenier
from restart import Run, expect_same_bits

MEMORY = 0.008  # GiB: some 5 curves a target with their lists
OPTIONS = ("-tol", 0.06, "-memory", MEMORY)


def make_problem(folder):
    np.save(folder / "points.npy", mixture(500, 20, seed=9))


def solve(folder, *options, ranks=2, code=0):
    log = folder / "log.jsonl"
    brenier("solve", "points.npy", *options, "-o", "result.h5", "-log", log, ranks=ranks, code=code, cwd=folder)
    return read_result(folder / "result.h5"), read_log(log)


def newton_curves(events):
    """Sizes of the samples that Newton, which alone has a damping, saw."""
    return [event["curves"] for event in events if event["event"] == "iteration" and event["damping"] > 0]


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    folder = tmp_path_factory.mktemp("expected")
    make_problem(folder)
    return solve(folder, *OPTIONS)


def test_tolerance_is_met(expected):
    """With what no sample in that memory could tell: rho of a sample is that of its curves."""
    result, events = expected
    measured = [event["rho"] for event in events if event["event"] == "held_out"]
    assert result.status == "converged" and result.rho_high <= 0.06 < measured[0]
    assert max(newton_curves(events)) < 0.2 * result.curves
    assert result.curves == result.history["curves"][-1]
    assert np.all(np.diff(result.history["curves"]) >= 0) and np.all(np.diff(result.history["iteration"]) >= 0)


@pytest.mark.parametrize("ranks", [1, 3])
def test_same_answer_on_other_ranks(expected, tmp_path, ranks):
    make_problem(tmp_path)
    result, _ = solve(tmp_path, *OPTIONS, ranks=ranks)
    assert np.abs(result["/heights"] - expected[0]["/heights"]).max() < 1e-9 * np.ptp(result["/heights"])
    assert (result.curves, result.status) == (expected[0].curves, expected[0].status)


def test_without_any_sample(tmp_path):
    """Memory for less than half a curve a target: Newton sees none, and passes begin where the warm-up ends."""
    make_problem(tmp_path)
    result, events = solve(tmp_path, "-tol", 0.1, "-memory", 0.001)
    assert result.status == "converged" and not newton_curves(events)
    assert last_event(events, "work")["candidates"] == 0


def test_first_stage_is_bounded(tmp_path):
    make_problem(tmp_path)
    _, events = solve(tmp_path, "-tol", 0.3, "-memory", 0.003)
    assert newton_curves(events)[0] < 800  # where 4,096 are the first stage


def test_as_many_curves_as_asked_for(tmp_path):
    make_problem(tmp_path)
    result, events = solve(tmp_path, "-curves", 20000, "-memory", MEMORY)
    assert result.status == "converged" and 20000 <= result.curves < 21000 and max(newton_curves(events)) < 5000


LONG = ("-memory", MEMORY, "-curves", 60000)  # a pass that lasts until the signal comes


def stop_in_pass(folder, interval):
    run = Run(folder, *LONG, interval=interval)
    assert run.read_until("pass 1:")
    run.signal(signal.SIGUSR1)
    return run.end(), run.said


def test_stopped_in_a_pass_continues_to_the_same_bits(tmp_path):
    make_problem(tmp_path)
    expected, _ = solve(tmp_path, *restart.OPTIONS, *LONG)
    code, said = stop_in_pass(tmp_path, interval=900)
    assert code == restart.STOPPED, said
    end = Run(tmp_path, *LONG, interval=900)
    assert end.end() == 0 and ": in a pass, " in end.said, end.said
    expect_same_bits(expected, read_result(tmp_path / "result.h5"))


@pytest.mark.parametrize("line", ["level:", "pass 1:"])
def test_many_targets_continue_to_the_same_bits(tmp_path, line):
    """Stopped in the first stage, or in the pass that it hands over to."""
    make_many(tmp_path)
    expected, events = solve(tmp_path, *restart.OPTIONS)
    assert last_event(events, "work")["streamed"] > 0
    stopped = Run(tmp_path, interval=900)
    assert stopped.read_until(line)
    stopped.signal(signal.SIGUSR1)
    assert stopped.end() == restart.STOPPED, stopped.said
    end = Run(tmp_path, interval=900)
    assert end.end() == 0, end.said
    expect_same_bits(expected, read_result(tmp_path / "result.h5"))


def test_stopped_without_a_checkpoint_keeps_what_there_is(tmp_path):
    make_problem(tmp_path)
    code, said = stop_in_pass(tmp_path, interval=None)
    assert code == 6, said
    result = read_result(tmp_path / "result.h5")
    assert result.status == "stopped: signal" and result.rho < 0.25 and 1000 < result.curves < 60000


MANY = ("-tol", 0.1)  # a million coordinates, where passes pay


def make_many(folder):
    np.save(folder / "points.npy", mixture(4000, 256, seed=3))


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    folder = tmp_path_factory.mktemp("many")
    make_many(folder)
    return solve(folder, *MANY)


def test_many_targets_are_passed_over(many):
    """Newton sees the first stage, every other curve is met once."""
    result, events = many
    work = last_event(events, "work")
    assert result.status == "converged" and result.rho_high <= 0.1
    assert newton_curves(events)[-1] == 8000 == work["curves"] and work["streamed"] > 8000
    assert work["curves"] + work["streamed"] == result.curves and work["scanned"] >= result.curves
    assert work["scans"] < 1.5


def test_barycentres_are_those_of_the_measurement(many):
    """Mass times barycentre sums to the mean over whole circles, 0 on whatever circles both were taken."""
    result, _ = many
    mass, centre = result["/mass"], result["/barycenter"]
    seen = mass > 0
    assert np.isfinite(centre[seen]).all() and seen.mean() > 0.99
    assert np.abs(mass[seen] @ centre[seen]).max() < 1e-5


def test_many_targets_on_one_rank(many, tmp_path):
    make_many(tmp_path)
    result, _ = solve(tmp_path, *MANY, ranks=1)
    assert np.abs(result["/heights"] - many[0]["/heights"]).max() < 1e-9 * np.ptp(result["/heights"])


def test_another_method_keeps_its_sample(tmp_path):
    make_many(tmp_path)
    _, events = solve(tmp_path, *MANY, "-method", "lmvm", "-max_it", 1, code=6)
    assert last_event(events, "work")["streamed"] == 0
