"""Radial sources, and sources x = m + L z: closed forms, counts by code that shares nothing with Brenier, wrong input.

Masses of M points are within 5 standard errors of the expected ones in all of some 30 comparisons with a probability
above 0.9999; the seeds are fixed.
"""
import os

import h5py
import numpy as np
import pytest
from brenier_files import last_event, read_log, read_result
from exact_masses import counted
from program import brenier
from scipy.stats import norm
from scipy.stats import t as student
from test_ranks import RANKS, assert_same_bits

USAGE, INPUT, IO = 2, 3, 4
RNG = np.random.default_rng(11)
MEAN, FACTOR = RNG.standard_normal(3), RNG.standard_normal((3, 3))


def solve(folder, y, *options, weights=None, **run):
    np.save(folder / "y.npy", y)
    if weights is not None:
        np.save(folder / "w.npy", weights)
        options += ("-weights", "w.npy")
    brenier("solve", "y.npy", "-o", "r.h5", *options, cwd=folder, **run)
    return read_result(folder / "r.h5")


# What a source is told, the quantile of its law in one dimension, and its second moment
LINE = {
    "ball": (("-source", "ball"), lambda p: 2 * p - 1, 1 / 3),
    "spherical": (("-source", "spherical"), lambda p: 2 * p - 1, 1 / 3),
    "student": (("-source", "student", "-source_dof", 2.5), lambda p: student.ppf(p, 2.5), 5),
    "wide student": (("-source", "student", "-source_dof", 4, "-source_mean", -1, "-source_factor", 3),
                     lambda p: 3 * student.ppf(p, 4) - 1, 19),
    "normal": (("-source_mean", 2, "-source_factor", 0.5), lambda p: norm.ppf(p, 2, 0.5), 4.25),
    "interval": (("-source", "cube", "-source_low", 1, "-source_high", 4), lambda p: 1 + 3 * p, 7),
}  # fmt: skip


@pytest.mark.parametrize("name", LINE)
def test_one_dimension_is_exact(tmp_path, name):
    """Borders are quantiles; W2 is that of the monotone map, by 200,000 of its quantiles."""
    options, quantile, moment = LINE[name]
    rng = np.random.default_rng(3)
    y, nu = np.sort(rng.standard_normal(40)), rng.uniform(1, 9, 40)
    nu /= nu.sum()
    r = solve(tmp_path, y[:, None], *options, weights=nu)
    border = -np.diff(r["/heights"]) / np.diff(y)
    np.testing.assert_allclose(border, quantile(np.cumsum(nu)[:-1]), rtol=1e-7, atol=1e-7)
    assert r.rho < 1e-8
    p = (np.arange(200000) + 0.5) / 200000
    product = quantile(p) * y[np.searchsorted(np.cumsum(nu)[:-1], p)]
    assert r.w2**2 == pytest.approx(moment + nu @ y**2 - 2 * product.mean(), rel=2e-3)


@pytest.mark.parametrize("source, inside", [
    (("ball",), lambda r: r**2),
    (("spherical",), lambda r: r),
    (("student", "-source_dof", 3), lambda r: 1 - (1 + r**2 / 3) ** -1.5),
])  # fmt: skip
def test_centre_of_a_ring_has_a_disc(tmp_path, source, inside):
    """N targets on a circle of radius 2 and one in its centre: its cell is a regular polygon with N sides, whose mass
    is between those of the discs in it and about it."""
    n, share = 60, 0.4
    t = 2 * np.pi * np.arange(n) / n
    y = np.vstack([2 * np.stack([np.cos(t), np.sin(t)], axis=1), [[0, 0]]])
    r = solve(tmp_path, y, "-source", *source, "-curves", 20000, weights=np.append(np.full(n, (1 - share) / n), share))
    radius = (r["/heights"][n] - r["/heights"][:n].mean()) / 2
    # A circle that meets the centre is as good as a few points: 20,000 of them err by 0.0035, times 3
    assert inside(radius) - 0.011 < share < inside(radius / np.cos(np.pi / n)) + 0.011
    np.testing.assert_allclose(r["/barycenter"][n], 0, atol=0.02)


@pytest.mark.parametrize("name", ["ball", "spherical", "student"])
@pytest.mark.parametrize("dim", [3, 9])
def test_masses_by_count(tmp_path, name, dim):
    """rho by points that Brenier did not draw, and samples of the map in equal numbers."""
    y = np.random.default_rng(dim).standard_normal((50, dim)) + 0.5
    r = solve(tmp_path, y, "-source", name, "-tol", 0.06)
    n = 200000
    share = counted(r["/targets"], r["/heights"], n, seed=4, source=name) / n
    chi2 = np.sum((share - 0.02) ** 2) * 50
    assert chi2 < r.rho_high**2 + (49 + 5 * np.sqrt(2 * 49)) / n
    brenier("check", "r.h5", "-seed", 8, "-tol", 0.066, cwd=tmp_path)
    brenier("sample", "r.h5", "-n", 50000, "-o", "s.h5", cwd=tmp_path)
    with h5py.File(tmp_path / "s.h5") as file:
        assert file.attrs["source"] in (name, name.encode())
        count = np.bincount(file["index"][()], minlength=50)
    assert np.sum((count / 50000 - share) ** 2) * 50 < (49 + 5 * np.sqrt(2 * 49)) * (1 / n + 1 / 50000)


# Of sources with a factor, the normal one has exact cells in the plane
@pytest.mark.parametrize("cells, name", [("exact", "gaussian"), *(("curves", name) for name in (
    "gaussian", "student", "ball", "spherical", "sphere"))])  # fmt: skip
def test_an_affine_source_is_the_standard_one_for_other_targets(tmp_path, name, cells):
    """x = m + L z: heights for y_i are those of z for L^T y_i, less <m, y_i>; W2 and energy by points of their own."""
    dim = 2 if cells == "exact" else 3
    rng, mean, factor = np.random.default_rng(5), MEAN[:dim], FACTOR[:dim, :dim]
    y = rng.standard_normal((60, dim)) + 1
    np.save(tmp_path / "m.npy", mean), np.save(tmp_path / "l.npy", factor)
    sample = () if cells == "exact" else ("-curves", 2000)
    standard = solve(tmp_path, y @ factor, "-source", name, *sample)
    h, barycentre, mass = standard["/heights"] - y @ mean, standard["/barycenter"], standard["/mass"]
    r = solve(tmp_path, y, "-source", name, "-source_mean", "m.npy", "-source_factor", "l.npy", *sample)
    np.testing.assert_allclose(r["/heights"], h - h.mean(), atol=1e-9)
    np.testing.assert_allclose(r["/barycenter"], mean + barycentre @ factor.T, atol=1e-5)
    np.testing.assert_allclose(r["/mass"], mass, rtol=1e-8)
    brenier("sample", "r.h5", "-n", 100000, "-o", "s.h5", cwd=tmp_path)
    with h5py.File(tmp_path / "s.h5") as file:
        x, code = file["noise"][()].astype(float), file["code"][()]
    np.testing.assert_allclose(np.mean(x, axis=0), mean, atol=0.06)
    cost = np.sum((x - code) ** 2, axis=1)
    error = np.sqrt(cost.var() / len(cost))
    primal, potential = r.primal, np.max(x @ y.T + r["/heights"], axis=1)
    assert abs(0.5 * cost.mean() - primal) < 3 * error + 0.5 * (r.primal_high - r.primal_low)
    assert abs(potential.mean() - r.energy) < 5 * (potential.std() / 300 + r.energy_error)


def test_facets_of_an_affine_source(tmp_path):
    """Masses of facets in the plane: the line integral of the density of N(m, L L^T) over a border, one facet."""
    y = np.array([[0.0, 0.0], [1.0, 2.0]])
    np.save(tmp_path / "m.npy", MEAN[:2]), np.save(tmp_path / "l.npy", FACTOR[:2, :2])
    solve(tmp_path, y, "-source_mean", "m.npy", "-source_factor", "l.npy", weights=[0.3, 0.7])
    brenier("facets", "r.h5", "-o", "f.h5", cwd=tmp_path)
    with h5py.File(tmp_path / "f.h5") as file:
        mass = file["mass"][()]
    spread = np.linalg.norm(FACTOR[:2, :2].T @ y[1]) / np.linalg.norm(y[1])  # of x along y_1
    np.testing.assert_allclose(mass, norm.pdf(norm.ppf(0.3)) / spread, rtol=1e-9)


def test_a_cube_elsewhere(tmp_path):
    """Uniform on a box: masses by count, and a mean that a diagonal of the reduction keeps."""
    low, high = np.array([-2.0, 0.5, 1.0]), np.array([-1.0, 4.5, 1.5])
    y = np.random.default_rng(8).standard_normal((40, 3)) * [1, 2, 0]
    np.save(tmp_path / "low.npy", low), np.save(tmp_path / "high.npy", high)
    r = solve(tmp_path, y, "-source", "cube", "-source_low", "low.npy", "-source_high", "high.npy")
    x = np.random.default_rng(9).uniform(low, high, (200000, 3))
    cell = np.argmax(x @ y.T + r["/heights"], axis=1)
    assert np.sum((np.bincount(cell, minlength=40) / 200000 - 1 / 40) ** 2) * 40 < (39 + 5 * np.sqrt(78)) / 200000
    cost = np.sum((x - y[cell]) ** 2, axis=1)
    assert r.w2**2 == pytest.approx(cost.mean(), abs=5 * cost.std() / np.sqrt(200000))
    np.testing.assert_allclose(r["/barycenter"][:, 2], 1.25)


PROBLEMS = {
    "ball": ("-source", "ball"),
    "spherical": ("-source", "spherical"),
    "student": ("-source", "student", "-source_dof", 3),
    "normal": ("-source_mean", "m.npy", "-source_factor", "l.npy"),
    "box": ("-source", "cube", "-source_low", -1, "-source_high", 3),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_ranks_and_restart(tmp_path, name):
    """The same check and sample on 1, 2, 3 and 5 ranks; a warm start and a finished checkpoint know the source."""
    y = np.random.default_rng(2).standard_normal((80, 5))
    np.save(tmp_path / "m.npy", np.arange(5.0)), np.save(tmp_path / "l.npy", np.triu(np.full((5, 5), 0.7)))
    solve(tmp_path, y, *PROBLEMS[name], "-curves", 800, "-checkpoint", "c.ckpt")
    event = []
    for ranks in RANKS:
        brenier("sample", "r.h5", "-n", 3000, "-o", f"{ranks}.h5", ranks=ranks, cwd=tmp_path)
        brenier("check", "r.h5", "-curves", 1000, "-log", "log", ranks=ranks, cwd=tmp_path)
        event.append(last_event(read_log(tmp_path / "log"), "check"))
    assert_same_bits([tmp_path / f"{ranks}.h5" for ranks in RANKS])
    for name_of in ("rho", "rho_low", "w2", "gap", "energy"):
        assert len({e[name_of] for e in event}) == 1, name_of
    # The same heights on two ranks, to the rounding of the linear solver; from them no iteration is needed
    first = read_result(tmp_path / "r.h5")["/heights"]
    second = solve(tmp_path, y, *PROBLEMS[name], "-curves", 800, ranks=2)["/heights"]
    np.testing.assert_allclose(second, first, atol=1e-8 * np.abs(first).max())
    os.rename(tmp_path / "r.h5", tmp_path / "before.h5")
    warm = solve(tmp_path, y, *PROBLEMS[name], "-curves", 800, "-start", "before.h5")
    assert len(warm.history["iteration"]) <= 2 and np.abs(warm["/heights"] - first).max() < 0.05 * np.abs(first).max()
    said = brenier("solve", "y.npy", "-o", "r.h5", *PROBLEMS[name], "-curves", 800, "-checkpoint", "c.ckpt",
                   cwd=tmp_path).stdout  # fmt: skip
    assert "finished already" in said


def test_a_checkpoint_of_another_source(tmp_path):
    y = np.random.default_rng(2).standard_normal((60, 5))
    options = ("-curves", 500, "-checkpoint", "c.ckpt")
    solve(tmp_path, y, "-source", "student", "-source_dof", 4, *options)
    other = ("-source", "student", "-source_dof", 5)
    done = brenier("solve", "y.npy", "-o", "r.h5", *other, *options, cwd=tmp_path, code=3)
    assert "content of the source" in done.stderr


def test_a_checkpoint_of_a_source_with_and_without_parameters(tmp_path):
    y = np.random.default_rng(2).standard_normal((60, 5))
    solve(tmp_path, y, "-source_mean", 2, "-curves", 500, "-checkpoint", "c.ckpt")
    solve(tmp_path, y, "-curves", 500, "-checkpoint", "d.ckpt")
    for more, kept, said in (((), "c.ckpt", "and none here"), (("-source_mean", 2), "d.ckpt", "is none there")):
        done = brenier("solve", "y.npy", "-o", "r.h5", *more, "-curves", 500, "-checkpoint", kept, cwd=tmp_path, code=3)
        assert "content of the source" in done.stderr and said in done.stderr


WRONG = [
    (USAGE, ("-source", "student", "-source_dof", 2), ["degrees of freedom", "more than 2"]),
    (USAGE, ("-source", "student", "-source_dof", -1), ["-source_dof", "'-1'"]),
    (USAGE, ("-source_dof", 3), ["-source_dof", "-source student"]),
    (USAGE, ("-source", "cube", "-source_low", 1, "-source_high", 1), ["-source_low", "below high"]),
    (USAGE, ("-source", "cube", "-source_low", 0.5), ["-source_low", "below high"]),
    (USAGE, ("-source", "cube", "-source_mean", 1), ["-source_mean", "-source_low"]),
    (USAGE, ("-source_high", 1), ["-source_high", "-source cube"]),
    (USAGE, ("-source_factor", "inf"), ["-source_factor", "finite"]),
    (INPUT, ("-source_factor", 0), ["y.npy", "singular"]),
    (INPUT, ("-source_factor", "flat.npy"), ["y.npy", "singular", "1 of the targets"]),
    (INPUT, ("-source_factor", "long.npy"), ["long.npy", "[3] or [3, 3]", "[4]"]),
    (INPUT, ("-source_mean", "wide.npy"), ["wide.npy", "[3]", "[3, 2]"]),
    (INPUT, ("-source_mean", "nan.npy"), ["nan.npy", "NaN"]),
    (INPUT, ("-source_mean", "a.h5:/b"), ["a.h5", "/b"]),
    (IO, ("-source_mean", "nowhere.npy"), ["nowhere.npy"]),
]


@pytest.mark.parametrize("code, options, words", WRONG)
def test_wrong_sources(tmp_path, code, options, words):
    y = np.random.default_rng(2).standard_normal((20, 3))
    y[5, 0] = y[4, 0]
    files = {"y": y, "flat": [1.0, 0, 0], "long": np.ones(4), "wide": np.ones((3, 2)), "nan": [1, np.nan, 1]}
    for name, value in files.items():
        np.save(tmp_path / f"{name}.npy", value)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a"] = np.ones(3)
    before = sorted(os.listdir(tmp_path))
    done = brenier("solve", "y.npy", "-o", "r.h5", "-curves", 500, *options, cwd=tmp_path, code=code)
    lines = [line for line in done.stderr.splitlines() if "error" in line]
    assert len(lines) == 1 and all(word in done.stderr for word in words), done.stderr
    assert sorted(os.listdir(tmp_path)) == before
