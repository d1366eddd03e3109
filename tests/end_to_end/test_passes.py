"""Solves that memory holds no sample for, or whose targets are many, go on with fresh curves, each seen once."""
import signal

import numpy as np
import pytest
import restart
from brenier_files import last_event, read_log, read_result
from problem import mixture
from program import brenier
from restart import Run, expect_same_bits

MEMORY = 0.005  # GiB: some 3 curves a target with their lists
OPTIONS = ("-tol", 0.08, "-memory", MEMORY)
MANY_TARGETS = 2100
LARGE = ("-sgd_from", MANY_TARGETS * 24)  # as a million coordinates are without it: passes pay
MANY = ("-tol", 0.13, *LARGE)
LOOSE = ("-tol", 0.22, *LARGE)  # where they need no stage of Newton before them


def make_problem(folder):
    np.save(folder / "points.npy", mixture(500, 20, seed=9))


def make_many(folder):
    np.save(folder / "points.npy", mixture(MANY_TARGETS, 24, seed=3))


def solve(folder, *options, ranks=2, code=0):
    log = folder / "log.jsonl"
    brenier("solve", "points.npy", *options, "-o", "result.h5", "-log", log, ranks=ranks, code=code, cwd=folder)
    return read_result(folder / "result.h5"), read_log(log)


def newton_curves(events):
    """Sizes of the samples that Newton, which alone has a damping, saw."""
    return [event["curves"] for event in events if event["event"] == "iteration" and event["damping"] > 0]


def solved(tmp_path_factory, make, options):
    folder = tmp_path_factory.mktemp("solved")
    make(folder)
    return solve(folder, *options)


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    return solved(tmp_path_factory, make_problem, OPTIONS)


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    return solved(tmp_path_factory, make_many, MANY)


def test_tolerance_is_met(expected):
    """With what no sample in that memory could tell: rho of a sample is that of its curves."""
    result, events = expected
    measured = [event["rho"] for event in events if event["event"] == "held_out"]
    assert result.status == "converged" and result.rho_high <= 0.08 < measured[0]
    assert max(newton_curves(events)) < 0.2 * result.curves
    assert result.curves == result.history["curves"][-1]
    assert np.all(np.diff(result.history["curves"]) >= 0) and np.all(np.diff(result.history["iteration"]) >= 0)


def expect_same_answer(expected, found):
    assert np.abs(found["/heights"] - expected["/heights"]).max() < 1e-9 * np.ptp(found["/heights"])
    assert (found.curves, found.status) == (expected.curves, expected.status)


@pytest.mark.parametrize("ranks", [1, 3])
def test_same_answer_on_other_ranks(expected, tmp_path, ranks):
    make_problem(tmp_path)
    expect_same_answer(expected[0], solve(tmp_path, *OPTIONS, ranks=ranks)[0])


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


LONG = ("-memory", MEMORY, "-curves", 40000)  # a pass that lasts until the signal comes


def stop_at(folder, line, *options, interval):
    run = Run(folder, *options, interval=interval)
    assert run.read_until(line)
    run.signal(signal.SIGUSR1)
    return run.end(), run.said


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Results and logs of solves that nothing stops, each made once."""
    found = {}

    def get(make, options):
        if (make, options) not in found:
            found[make, options] = solved(tmp_path_factory, make, (*restart.OPTIONS, *options))
        return found[make, options]

    return get


def expect_continuation(undisturbed, folder, make, line, *options):
    """Stopped once it said the line, a run continues to the bits of one that was not; what the second one said."""
    expected, events = undisturbed(make, options)
    assert last_event(events, "work")["one_pass_curves"] > 0
    make(folder)
    code, said = stop_at(folder, line, *options, interval=900)
    assert code == restart.STOPPED, said
    end = Run(folder, *options, interval=900)
    assert end.end() == 0, end.said
    expect_same_bits(expected, read_result(folder / "result.h5"))
    return end.said


def test_stopped_in_a_pass_continues_to_the_same_bits(undisturbed, tmp_path):
    assert ": in an epoch, " in expect_continuation(undisturbed, tmp_path, make_problem, "epoch 1 of", *LONG)


def test_many_targets_stopped_in_a_pass_continue_to_the_same_bits(undisturbed, tmp_path):
    assert ": in an epoch, " in expect_continuation(undisturbed, tmp_path, make_many, "epoch 1 of", *LARGE)


def test_many_targets_stopped_before_continue_to_the_same_bits(undisturbed, tmp_path):
    """In the first stage or on the way to it: the hand-over is to come."""
    expect_continuation(undisturbed, tmp_path, make_many, "level:", *LARGE)


def test_stopped_in_a_pass_without_newton_continues_to_the_same_bits(undisturbed, tmp_path):
    options = ("-warm_up", 1, *LOOSE)
    assert ": in an epoch, " in expect_continuation(undisturbed, tmp_path, make_many, "epoch 1 of", *options)


def test_stopped_without_a_checkpoint_keeps_what_there_is(tmp_path):
    make_problem(tmp_path)
    code, said = stop_at(tmp_path, "epoch 1 of", *LONG, interval=None)
    result = read_result(tmp_path / "result.h5")
    expected = {0: "stopped: signal; within tolerance", 6: "stopped: signal"}
    assert result.status == expected[code], said
    assert result.rho < 0.25 and 1000 < result.curves < 40000


def test_many_targets_are_passed_over(many):
    """Newton sees the first stage, every other curve is met once."""
    result, events = many
    work = last_event(events, "work")
    assert result.status == "converged" and result.rho_high <= 0.13
    assert newton_curves(events)[-1] == 2 * MANY_TARGETS == work["curves"] < work["one_pass_curves"]
    assert work["curves"] + work["one_pass_curves"] == result.curves and work["scanned"] >= result.curves
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
    expect_same_answer(many[0], solve(tmp_path, *MANY, ranks=1)[0])


@pytest.fixture(scope="module")
def loose(tmp_path_factory):
    return solved(tmp_path_factory, make_many, LOOSE)


def test_loose_tolerance_needs_no_newton(loose):
    result, events = loose
    assert result.status == "converged" and result.rho_high <= 0.22
    assert not newton_curves(events) and last_event(events, "work")["one_pass_curves"] == result.curves


def test_loose_tolerance_on_other_ranks(loose, tmp_path):
    make_many(tmp_path)
    expect_same_answer(loose[0], solve(tmp_path, *LOOSE, ranks=3)[0])


def test_lists_that_are_to_be_verified_are_made(tmp_path):
    make_many(tmp_path)
    _, events = solve(tmp_path, *LOOSE, "-verify_lists")
    assert newton_curves(events)


def test_light_cells_do_not_sway(tmp_path):
    """Weights over two decades, small steps: with one length for all, light cells sway by more than the tolerance for
    ever."""
    make_problem(tmp_path)
    np.save(tmp_path / "weights.npy", 10 ** np.random.default_rng(4).uniform(-2, 0, 500))
    result, _ = solve(tmp_path, "-tol", 0.1, "-memory", 0.001, "-weights", "weights.npy")
    assert result.status == "converged" and result.rho_high <= 0.1


def test_another_method_keeps_its_sample(tmp_path):
    make_many(tmp_path)
    _, events = solve(tmp_path, *MANY, "-method", "lmvm", "-max_it", 1, code=6)
    assert last_event(events, "work")["one_pass_curves"] == 0
