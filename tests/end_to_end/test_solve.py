"""What a solve leaves behind is right: identities, and an error that NumPy finds too, by counting points."""
import os

import bounded
import convergence
import masses
import numpy as np
import pytest
from brenier_files import last_event, log_history, read_log, read_result
from problem import CURVES, mixture
from program import brenier

POINTS = 400000


def apply_map(result, x):
    """Cells of points, by the definition."""
    return np.argmax(x @ result["/targets"].T + result["/heights"], axis=1)


@pytest.fixture(scope="module")
def result(solved):
    return read_result(solved / "result.h5")


def test_identities(solved, result):
    points, given = np.load(solved / "points.npy"), np.load(solved / "weights.npy")
    nu = result["/weights"]
    assert (result.dim, result.n_targets, result.source, result.seed) == (6, 400, "gaussian", 3)
    assert result.status == "converged"
    np.testing.assert_array_equal(result["/targets"], points[result["/row"]])
    np.testing.assert_allclose(nu, given / given.sum(), rtol=1e-13)
    assert abs(np.sum(nu * result["/heights"])) < 1e-12 * np.abs(result["/heights"]).max()
    assert np.sum(result["/mass"]) == pytest.approx(1, abs=1e-12)
    assert np.all(result["/mass_error"] > 0)
    assert result.rho_low <= result.rho <= result.rho_high < 0.1


def test_error_is_what_counting_points_finds(result):
    """chi2 = rho^2 from two independent batches of points; its own standard deviation is about sqrt(2 n) / M."""
    rng = np.random.default_rng(4)
    nu, deviation = result["/weights"], []
    for _ in range(2):
        cell = np.concatenate([apply_map(result, rng.standard_normal((POINTS // 8, 6))) for _ in range(8)])
        deviation.append(np.bincount(cell, minlength=len(nu)) / POINTS - nu)
    chi2 = np.sum(deviation[0] * deviation[1] / nu)
    slack = 4 * np.sqrt(2 * len(nu)) / POINTS
    assert result.rho_low**2 - slack < chi2 < result.rho_high**2 + slack
    # and the error is near what theory expects of the sampled minimiser, neither a lucky nor a broken run
    assert 0.4 < result.rho / np.sqrt(len(nu) / (10 * CURVES)) < 3


def test_wasserstein_distance_is_what_the_map_costs(result):
    x = np.random.default_rng(5).standard_normal((POINTS, 6))
    cost = np.sqrt(np.mean(np.sum((x - result["/targets"][apply_map(result, x)]) ** 2, axis=1)))
    assert result.w2_bound_low <= result.w2 <= result.w2_bound_high
    assert result.w2 == pytest.approx(cost, rel=0.01)


def test_log_and_history_agree(solved, result):
    events = read_log(solved / "solve.jsonl")
    assert {"start", "iteration", "held_out", "end"} <= {event["event"] for event in events}
    history = log_history(events)
    for name in ("iteration", "evaluations", "energy", "l1", "rho", "sampling_error", "empty", "linear_iterations"):
        np.testing.assert_allclose(history[name], result.history[name], rtol=1e-12, err_msg=name)
    assert np.all(np.diff(result.history["seconds"]) >= 0)
    assert result.history["rho"][-1] < 0.2 * result.history["rho"][0]
    assert last_event(events, "held_out")["rho"] == pytest.approx(result.rho)


def test_figures_of_a_real_run(solved, tmp_path):
    for run in ("solve.jsonl", "result.h5"):
        assert convergence.main([str(solved / run), "-o", str(tmp_path / "c.png")]) == 0
    assert masses.main([str(solved / "result.h5"), "-o", str(tmp_path / "m.png")]) == 0


def test_h5dump_reads_it(solved):
    dump = bounded.run(["h5dump", "-a", "/status", "result.h5"], 60, cwd=solved)
    assert dump.returncode == 0 and '"converged"' in dump.stdout, dump.stderr


def test_same_bits_again(solved, tmp_path):
    out = tmp_path / "again.h5"
    brenier("solve", "points.npy", "-weights", "weights.npy", "-curves", CURVES, "-seed", 3, "-o", out, ranks=2,
            cwd=solved)
    first, again = read_result(solved / "result.h5"), read_result(out)
    for name in ("/heights", "/mass", "/mass_error"):
        np.testing.assert_array_equal(again[name], first[name])


@pytest.mark.parametrize("source", ["cube", "sphere"])
def test_other_sources(tmp_path, source):
    np.save(tmp_path / "points.npy", mixture(200, 3, seed=6))
    brenier("solve", "points.npy", "-source", source, "-curves", 8000, "-o", "result.h5", cwd=tmp_path)
    result = read_result(tmp_path / "result.h5")
    assert result.source == source and result.rho < 0.15
    rng = np.random.default_rng(7)
    x = rng.uniform(-0.5, 0.5, (POINTS, 3)) if source == "cube" else rng.standard_normal((POINTS, 3))
    if source == "sphere":
        x /= np.linalg.norm(x, axis=1, keepdims=True)
    mass = np.bincount(apply_map(result, x), minlength=200) / POINTS
    # sampling alone: sum (w - nu)^2 / nu is about n / M = 0.0005, so rho^2 dominates
    assert np.sum((mass * 200 - 1) ** 2) / 200 < result.rho_high**2 + 3 * 200 / POINTS


def test_no_temporary_file_is_left(solved):
    assert sorted(os.listdir(solved)) == ["points.npy", "result.h5", "solve.jsonl", "weights.npy"]


@pytest.mark.parametrize("source, tol", [("gaussian", 0.1), ("cube", 0.2)])
def test_to_a_tolerance(tmp_path, source, tol):
    """The sample grows until rho is below, and an independent check agrees; no list misses a piece on the way."""
    np.save(tmp_path / "points.npy", mixture(1500, 8, seed=9))
    log = tmp_path / "solve.jsonl"
    brenier("solve", "points.npy", "-source", source, "-tol", tol, "-verify_lists", "-o", "r.h5", "-log", log,
            ranks=2, cwd=tmp_path)
    brenier("check", "r.h5", "-seed", 5, "-curves", 20000, "-tol", 1.05 * tol, cwd=tmp_path)
    result, work = read_result(tmp_path / "r.h5"), last_event(read_log(log), "work")
    assert result.status == "converged" and result.rho_high <= tol
    assert np.all(np.diff(result.history["curves"]) >= 0) and result.history["candidates"][-1] > 0
    assert work["scans"] < 3
    last = result.history["curves"] == result.history["curves"][-1]
    assert last.sum() <= 9 and not last.all()


@pytest.mark.parametrize("method", ["lmvm", "cg", "ntr"])
def test_other_methods(tmp_path, method):
    np.save(tmp_path / "points.npy", mixture(200, 4, seed=10))
    brenier("solve", "points.npy", "-method", method, "-curves", 4000, "-o", "r.h5", cwd=tmp_path)
    result = read_result(tmp_path / "r.h5")
    assert result.status == "converged" and result.rho < 0.2


@pytest.mark.parametrize("method, sample", [("adam", "points"), ("asgd", "points"), ("asgd", "curves")])
def test_more_samples_get_stochastic_methods_nearer(tmp_path, method, sample):
    """From a zero start, which the plane and space are slow to forget: how near is for the bench to tell."""
    np.save(tmp_path / "points.npy", mixture(200, 4, seed=10))
    rho = []
    for samples in (10000, 160000):
        count = samples if sample == "points" else samples // 10
        brenier("solve", "points.npy", "-method", method, "-sample", sample, "-curves", count, "-o", "r.h5",
                cwd=tmp_path)
        rho.append(read_result(tmp_path / "r.h5").rho)
    assert rho[1] < 0.6 * rho[0]
