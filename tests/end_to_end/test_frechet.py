"""brenier frechet against NumPy: by sqrtm where covariances are regular, by singular values of the data where not."""
import h5py
import numpy as np
import pytest
from brenier_files import as_python, last_event, read_log
from program import brenier
from scipy.linalg import sqrtm

RANKS = (1, 2, 4)


def features(n, dim, seed, shift=0.0, rank=None):
    """Correlated rows, in `rank` directions only when it is given."""
    rng, rank = np.random.default_rng(seed), rank or dim
    return rng.standard_normal((n, rank)) @ (rng.standard_normal((rank, dim)) / np.sqrt(rank)) + shift


def frechet(folder, a, b, *options, ranks=1):
    for name, x in (("a", a), ("b", b)):
        np.save(folder / f"{name}.npy", x)
    done = brenier("frechet", "a.npy", "b.npy", "-log", "log", *options, ranks=ranks, cwd=folder)
    return last_event(read_log(folder / "log"), "frechet"), done.stdout


def by_sqrtm(a, b):
    m, s, t = a.mean(axis=0) - b.mean(axis=0), np.cov(a.T), np.cov(b.T)
    return m @ m + np.trace(s) + np.trace(t) - 2 * np.trace(sqrtm(s @ t)).real


def by_singular_values(a, b):
    m = a.mean(axis=0) - b.mean(axis=0)
    p, q = ((x - x.mean(axis=0)) / np.sqrt(len(x) - 1) for x in (a, b))
    return m @ m + np.sum(p**2) + np.sum(q**2) - 2 * np.linalg.svd(p @ q.T, compute_uv=False).sum()


@pytest.mark.parametrize("dim", [1, 5, 128])
def test_agrees_with_sqrtm_on_any_number_of_ranks(tmp_path, dim):
    a, b = features(600, dim, 1), features(500, dim, 2, shift=0.3)
    events = [frechet(tmp_path, a, b, "-splits", 4, ranks=ranks)[0] for ranks in RANKS]
    wanted = by_singular_values(a, b)
    for event in events:
        assert event["value"] == pytest.approx(wanted, rel=1e-12)
        for name in ("extrapolated", "low", "high", "error"):
            assert event[name] == pytest.approx(events[0][name], rel=1e-9)
        assert event["rank_a"] == event["rank_b"] == dim
    if dim > 1:
        assert wanted == pytest.approx(by_sqrtm(a, b), rel=1e-8)


@pytest.mark.parametrize("a, b", [
    (features(40, 100, 3), features(60, 100, 4, shift=0.1)),       # fewer rows than features
    (features(40, 100, 3), features(300, 100, 4)),                 # one of them
    (features(200, 30, 5, rank=7), features(200, 30, 6, rank=9)),  # features that depend on each other
    (np.repeat(features(1, 20, 7), 9, axis=0), features(50, 20, 8)),  # one row over and over
    (features(2, 20, 9), features(3, 20, 10)),
], ids=["few", "few and many", "dependent", "duplicates", "least"])  # fmt: skip
def test_singular_covariances(tmp_path, a, b):
    wanted = by_singular_values(a, b)
    assert frechet(tmp_path, a, b, "-splits", 0)[0]["value"] == pytest.approx(wanted, rel=1e-9)
    assert frechet(tmp_path, b, a, "-splits", 0, ranks=3)[0]["value"] == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("n", [400, 30])
def test_a_set_has_no_distance_from_itself(tmp_path, n):
    a = features(n, 60, 11)
    event, _ = frechet(tmp_path, a, a, "-splits", 0, ranks=2)
    assert abs(event["value"]) < 1e-10 * event["trace_a"]


def test_map(tmp_path):
    a, b = features(500, 12, 12), features(400, 12, 13, shift=2.0)
    frechet(tmp_path, a, b, "-splits", 0, "-map", "map.h5", ranks=2)
    with h5py.File(tmp_path / "map.h5") as file:
        matrix, mean, target = (file[name][()] for name in ("matrix", "mean", "target_mean"))
        attributes = {name: as_python(value) for name, value in file.attrs.items()}
    np.testing.assert_allclose(mean, a.mean(axis=0), atol=1e-12)
    moved = target + (a - mean) @ matrix
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-12)
    assert np.linalg.eigvalsh(matrix).min() > 0
    np.testing.assert_allclose(moved.mean(axis=0), b.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(np.cov(moved.T), np.cov(b.T), atol=1e-9)
    cost = np.sum((moved - moved.mean(axis=0) - a + mean) ** 2) / (len(a) - 1) + np.sum((target - mean) ** 2)
    assert attributes["frechet"] == pytest.approx(cost, rel=1e-9)
    assert (attributes["format"], attributes["status"]) == ("brenier-affine", "complete")


def test_interval(tmp_path):
    """Two samples of laws 10 * 0.25 + 10 * 0.09 apart; rows sorted by a feature do not mislead it."""
    rng = np.random.default_rng(14)
    a, b = rng.standard_normal((3000, 10)), 1.5 * rng.standard_normal((3000, 10)) + 0.3
    event, said = frechet(tmp_path, a[np.argsort(a[:, 0])], b[np.argsort(b[:, 1])], ranks=2)
    assert event["low"] < 3.4 < event["high"] and event["high"] - event["low"] < 1
    assert event["extrapolated"] < event["value"] and "95%" in said and "notice" not in said
    assert "notice" in frechet(tmp_path, a[:30], b)[1]
    event, said = frechet(tmp_path, a[:3], b)
    assert event["extrapolated"] is None and "no interval" in said
