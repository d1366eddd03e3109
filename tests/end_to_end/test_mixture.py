"""Mixtures of normal laws: closed forms, counts by NumPy, one component against the Gaussian, ranks, wrong input.

Masses of M points are within 5 standard errors of the expected ones in all of some 20 comparisons with a probability
above 0.9999; the seeds are fixed.
"""
import os

import h5py
import numpy as np
import pytest
from brenier_files import last_event, read_log, read_result
from program import brenier
from scipy.optimize import brentq
from scipy.stats import norm
from test_ranks import RANKS, assert_same_bits

USAGE, INPUT, IO = 2, 3, 4
MIXTURE = ("-source", "mixture", "-source_file", "m.h5")


def write(path, weight, mean, factor=None):
    with h5py.File(path, "w") as file:
        file["weight"], file["mean"] = weight, mean
        if factor is not None:
            file["factor"] = factor


def solve(folder, y, *options, weights=None, **run):
    np.save(folder / "y.npy", y)
    if weights is not None:
        np.save(folder / "w.npy", weights)
        options += ("-weights", "w.npy")
    brenier("solve", "y.npy", "-o", "r.h5", *options, cwd=folder, **run)
    return read_result(folder / "r.h5")


def components(dim, seed=1, count=3):
    rng = np.random.default_rng(seed)
    mean, factor = 2 * rng.standard_normal((count, dim)), rng.standard_normal((count, dim, dim))
    return np.array([0.5, 0.3, 0.2])[:count], mean, factor


def points(n, seed, weight, mean, factor=None):
    """Points of the mixture that Brenier did not draw."""
    rng = np.random.default_rng(seed)
    k = rng.choice(len(weight), n, p=weight)
    z = rng.standard_normal((n, mean.shape[1]))
    if factor is not None:
        z = np.einsum("nij,nj->ni", factor[k], z) if factor.ndim == 3 else z @ factor.T
    return mean[k] + z


def share(x, r):
    """Part of the points in each cell, and the cell of each."""
    cell = np.argmax(x @ r["/targets"].T + r["/heights"], axis=1)
    return np.bincount(cell, minlength=len(r["/targets"])) / len(x), cell


def test_one_dimension_is_exact(tmp_path):
    """Borders are quantiles of the mixture, W2 that of the monotone map."""
    weight, mean, deviation = np.array([0.6, 0.3, 0.1]), np.array([-2.0, 1.0, 4.0]), np.array([0.5, 1.0, 0.25])
    write(tmp_path / "m.h5", weight, mean[:, None], deviation[:, None, None])
    rng = np.random.default_rng(3)
    y, nu = np.sort(rng.standard_normal(40)), rng.uniform(1, 9, 40)
    nu /= nu.sum()
    r = solve(tmp_path, y[:, None], *MIXTURE, weights=nu)
    border = -np.diff(r["/heights"]) / np.diff(y)
    below = np.array([weight @ norm.cdf((x - mean) / deviation) for x in border])
    np.testing.assert_allclose(below, np.cumsum(nu)[:-1], atol=1e-9)
    x = np.array([brentq(lambda x, p=p: weight @ norm.cdf((x - mean) / deviation) - p, -20, 20)
                  for p in (np.arange(4000) + 0.5) / 4000])  # fmt: skip
    moment = weight @ (mean**2 + deviation**2)
    product = np.mean(x * y[np.searchsorted(border, x)])
    assert r.w2**2 == pytest.approx(moment + nu @ y**2 - 2 * product, rel=2e-3)
    assert r.rho < 1e-8


@pytest.mark.parametrize("dim", [1, 2, 3, 6])
def test_to_its_own_means(tmp_path, dim):
    """Two components of equal weight to their means: cells are half-spaces, W2^2 = dim + 4 (m - E abs(m + z)) m."""
    mean = np.zeros((2, dim))
    mean[:, 0] = 1.5, -1.5
    write(tmp_path / "m.h5", [0.5, 0.5], mean)
    r = solve(tmp_path, mean, *MIXTURE)
    np.testing.assert_allclose(r["/heights"], 0, atol=1e-9 if dim <= 3 else 0.05)
    m = 1.5
    first = m * (2 * norm.cdf(m) - 1) + 2 * norm.pdf(m)  # E abs(m + z)
    wanted = dim + 2 * m**2 - 2 * m * first
    assert r.w2**2 == pytest.approx(wanted, rel=1e-9 if dim <= 3 else 0.02)
    np.testing.assert_allclose(r["/barycenter"][:, 0], [first, -first], atol=1e-9 if dim <= 3 else 0.03)


@pytest.mark.parametrize("cells, dim", [("exact", 2), ("exact", 3), ("curves", 2), ("curves", 5)])
@pytest.mark.parametrize("kind", ["none", "one", "each"])
def test_masses_by_count(tmp_path, cells, dim, kind):
    """rho, W2 and samples of the map by points that Brenier did not draw."""
    weight, mean, factor = components(dim)
    factor = {"none": None, "one": factor[0], "each": factor}[kind]
    write(tmp_path / "m.h5", weight, mean, factor)
    y = np.random.default_rng(dim).standard_normal((50, dim)) + 0.5
    r = solve(tmp_path, y, *MIXTURE, *(() if cells == "exact" else ("-cells", "curves", "-tol", 0.13)))
    n = 200000
    x = points(n, 4, weight, mean, factor)
    counted, cell = share(x, r)
    chi2, noise = np.sum((counted - 0.02) ** 2) * 50, (49 + 5 * np.sqrt(2 * 49)) / n
    assert chi2 < (0 if cells == "exact" else r.rho_high**2 * 1.1) + noise
    cost = 0.5 * np.sum((x - r["/targets"][cell]) ** 2, axis=1)
    error = 5 * cost.std() / np.sqrt(n)
    if cells == "exact":
        assert 0.5 * r.w2**2 == pytest.approx(cost.mean(), abs=error)
        first = [x[cell == i].mean(axis=0) for i in range(50)]
        np.testing.assert_allclose(r["/barycenter"], first, atol=0.15 * np.abs(x).max())
    else:
        assert abs(cost.mean() - r.primal) < error + 2 * (r.primal_high - r.primal_low)
    brenier("sample", "r.h5", "-n", 50000, "-o", "s.h5", cwd=tmp_path)
    with h5py.File(tmp_path / "s.h5") as file:
        drawn, index = file["noise"][()].astype(float), file["index"][()]
    np.testing.assert_allclose(drawn.mean(axis=0), x.mean(axis=0), atol=5 * x.std() / np.sqrt(50000) * 1.2)
    assert np.sum((np.bincount(index, minlength=50) / 50000 - counted) ** 2) * 50 < noise * n * (1 / n + 1 / 50000)


@pytest.mark.parametrize("dim", [1, 2, 5])
def test_one_component_is_the_gaussian(tmp_path, dim):
    """Same bits; with a mean and a factor as those of -source_mean and -source_factor."""
    y = np.random.default_rng(7).standard_normal((60, dim))
    mean, factor = np.arange(1.0, dim + 1), np.triu(np.ones((dim, dim)))
    np.save(tmp_path / "mean.npy", mean), np.save(tmp_path / "factor.npy", factor)
    affine = ("-source_mean", "mean.npy", "-source_factor", "factor.npy")
    for given, options in (((np.zeros((1, dim)),), ()), ((mean[None], factor), affine)):
        write(tmp_path / "m.h5", [1.0], *given)
        sample = ("-curves", 500) if dim > 3 else ()
        solve(tmp_path, y, *MIXTURE, *sample)
        os.rename(tmp_path / "r.h5", tmp_path / "mixture.h5")
        solve(tmp_path, y, *options, *sample)
        for file in ("r", "mixture"):
            brenier("sample", f"{file}.h5", "-n", 1000, "-o", f"{file}.s.h5", cwd=tmp_path)
        assert_same_bits([tmp_path / "r.h5", tmp_path / "mixture.h5"])
        assert_same_bits([tmp_path / "r.s.h5", tmp_path / "mixture.s.h5"])


def test_in_a_plane_of_space(tmp_path):
    """Targets that span a plane: what components have outside of it drops out of the cells, and stays in W2."""
    weight, mean, factor = components(4)
    write(tmp_path / "m.h5", weight, mean, factor)
    rng = np.random.default_rng(8)
    y = rng.standard_normal((30, 2)) @ rng.standard_normal((2, 4)) + 1
    r = solve(tmp_path, y, *MIXTURE)
    x = points(200000, 9, weight, mean, factor)
    counted, cell = share(x, r)
    assert r.rho < 1e-8 and np.sum((counted - 1 / 30) ** 2) * 30 < (29 + 5 * np.sqrt(58)) / 200000
    cost = np.sum((x - r["/targets"][cell]) ** 2, axis=1)
    assert r.w2**2 == pytest.approx(cost.mean(), abs=5 * cost.std() / np.sqrt(200000))


def test_facets(tmp_path):
    """The line integral of the density over the border of two cells in the plane."""
    weight, mean, factor = components(2)
    write(tmp_path / "m.h5", weight, mean, factor)
    y = np.array([[0.0, 0.0], [1.0, 2.0]])
    r = solve(tmp_path, y, *MIXTURE, weights=[0.3, 0.7])
    brenier("facets", "r.h5", "-o", "f.h5", cwd=tmp_path)
    level = r["/heights"][0] - r["/heights"][1]  # <x, y_1> there
    deviation = np.array([np.linalg.norm(L.T @ y[1]) for L in factor])
    wanted = weight @ norm.pdf(level, mean @ y[1], deviation) * np.linalg.norm(y[1])
    with h5py.File(tmp_path / "f.h5") as file:
        np.testing.assert_allclose(file["mass"][()], wanted, rtol=1e-8)


def test_ranks_restart_map_and_extension(tmp_path):
    """The same bits on 1, 2, 3 and 5 ranks; a warm start and a checkpoint know the source; map and its extension."""
    write(tmp_path / "m.h5", *components(5))
    y = np.random.default_rng(2).standard_normal((80, 5))
    r = solve(tmp_path, y, *MIXTURE, "-curves", 1500, "-checkpoint", "c.ckpt")
    np.save(tmp_path / "x.npy", points(300, 3, *components(5)))
    event = []
    for ranks in RANKS:
        brenier("sample", "r.h5", "-n", 2000, "-o", f"{ranks}.h5", ranks=ranks, cwd=tmp_path)
        brenier("check", "r.h5", "-curves", 1000, "-log", "log", ranks=ranks, cwd=tmp_path)
        event.append(last_event(read_log(tmp_path / "log"), "check"))
    assert_same_bits([tmp_path / f"{ranks}.h5" for ranks in RANKS])
    for name_of in ("rho", "rho_low", "w2", "gap", "energy"):
        assert len({e[name_of] for e in event}) == 1, name_of
    brenier("map", "r.h5", "x.npy", "-o", "t.h5", cwd=tmp_path)
    x = np.load(tmp_path / "x.npy")
    with h5py.File(tmp_path / "t.h5") as file:
        np.testing.assert_array_equal(file["index"][()], share(x, r)[1])
    first = r["/heights"]
    os.rename(tmp_path / "r.h5", tmp_path / "before.h5")
    os.remove(tmp_path / "m.h5")  # the result holds it
    brenier("check", "before.h5", "-curves", 1000, cwd=tmp_path)
    write(tmp_path / "m.h5", *components(5))
    second = solve(tmp_path, y, *MIXTURE, "-curves", 1500, "-start", "before.h5", ranks=2)["/heights"]
    assert np.abs(second - first).max() < 0.05 * np.abs(first).max()
    again = ("solve", "y.npy", "-o", "r.h5", *MIXTURE, "-curves", 1500, "-checkpoint", "c.ckpt")
    assert "finished already" in brenier(*again, cwd=tmp_path).stdout
    write(tmp_path / "m.h5", *components(5, seed=2))
    assert "content of the source" in brenier(*again, cwd=tmp_path, code=3).stderr


def test_lists_of_circles_about_points(tmp_path):
    """Candidate lists give the masses of full scans, to the bit."""
    weight, mean, factor = components(8)
    write(tmp_path / "m.h5", weight, mean, factor)
    y = np.random.default_rng(2).standard_normal((400, 8))
    solve(tmp_path, y, *MIXTURE, "-curves", 1200, "-verify_lists")


WRONG = [
    (USAGE, {"weight": [0.5, 0.4], "mean": np.zeros((2, 3))}, ["sum to 0.9"]),
    (USAGE, {"weight": [1.5, -0.5], "mean": np.zeros((2, 3))}, ["weight 1", "-0.5"]),
    (INPUT, {"weight": [0.5, np.nan], "mean": np.zeros((2, 3))}, ["m.h5:/weight", "NaN"]),
    (INPUT, {"weight": [0.5, 0.5], "mean": np.full((2, 3), np.inf)}, ["m.h5:/mean", "infinite"]),
    (INPUT, {"weight": [0.5, 0.5], "mean": np.zeros((2, 4))}, ["/mean", "[2, 4]", "[2, 3]"]),
    (INPUT, {"weight": [0.5, 0.5], "mean": np.zeros((3, 3))}, ["/mean", "[3, 3]", "[2, 3]"]),
    (INPUT, {"weight": [0.5, 0.5]}, ["m.h5", "/mean"]),
    (INPUT, {"mean": np.zeros((2, 3))}, ["m.h5", "/weight"]),
    (INPUT, {"weight": np.zeros(0), "mean": np.zeros((0, 3))}, ["m.h5:/weight"]),
    (INPUT, {"weight": [0.5, 0.5], "mean": np.zeros((2, 3)), "factor": np.ones((2, 3, 4))}, ["/factor", "[3, 3]"]),
    (USAGE, {"weight": [0.5, 0.5], "mean": np.zeros((2, 3)), "factor": np.ones((3, 3))}, ["factor 0", "singular"]),
    (USAGE, {"weight": [0.5, 0.5], "mean": np.zeros((2, 3)), "factor": np.stack([np.eye(3), np.ones((3, 3))])},
     ["factor 1", "singular"]),
]  # fmt: skip


def refused(folder, code, words, *options):
    before = sorted(os.listdir(folder))
    done = brenier("solve", "y.npy", "-o", "r.h5", "-curves", 500, *options, cwd=folder, code=code)
    lines = [line for line in done.stderr.splitlines() if "error" in line]
    assert len(lines) == 1 and all(word in done.stderr for word in words), done.stderr
    assert sorted(os.listdir(folder)) == before


@pytest.mark.parametrize("code, content, words", WRONG)
def test_wrong_components(tmp_path, code, content, words):
    np.save(tmp_path / "y.npy", np.random.default_rng(2).standard_normal((20, 3)))
    with h5py.File(tmp_path / "m.h5", "w") as file:
        for name, value in content.items():
            file[name] = value
    refused(tmp_path, code, words, *MIXTURE)


def test_wrong_options(tmp_path):
    np.save(tmp_path / "y.npy", np.random.default_rng(2).standard_normal((20, 3)))
    write(tmp_path / "m.h5", [1.0], np.zeros((1, 3)))
    refused(tmp_path, USAGE, ["-source mixture", "-source_file"], "-source", "mixture")
    refused(tmp_path, USAGE, ["-source_file", "-source mixture"], "-source_file", "m.h5")
    refused(tmp_path, USAGE, ["-source_mean", "/mean"], *MIXTURE, "-source_mean", 1)
    refused(tmp_path, IO, ["nowhere.h5"], "-source", "mixture", "-source_file", "nowhere.h5")
    refused(tmp_path, INPUT, ["y.npy"], "-source", "mixture", "-source_file", "y.npy")
