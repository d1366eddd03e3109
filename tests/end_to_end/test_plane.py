"""Masses in the plane: exact areas of the power diagram for the cube, and symmetric configurations."""
import numpy as np
import pytest
from brenier_files import read_result
from planar import cell_areas
from problem import mixture
from program import brenier
from scipy.stats import chi2, t

BATCHES = 32  # that the standard error of a mass is estimated from
FAILURE = 1e-6  # probability that a bound below fails although all is right, seeds being random


def solve(folder, y, source, curves, *options):
    np.save(folder / "y.npy", y)
    brenier("solve", "y.npy", "-source", source, "-curves", curves, "-o", "r.h5", *options, cwd=folder)
    return read_result(folder / "r.h5")


@pytest.mark.parametrize("n, equal", [(60, True), (150, False)])
def test_masses_are_exact_areas(tmp_path, n, equal):
    options = []
    if not equal:
        np.save(tmp_path / "w.npy", 30 ** np.random.default_rng(3).uniform(0, 1, n))
        options = ["-weights", tmp_path / "w.npy"]
    result = solve(tmp_path, mixture(n, 2, seed=n), "cube", 40000, *options)
    exact = cell_areas(result["/targets"], result["/heights"])
    assert np.sum(exact) == pytest.approx(1, abs=1e-12)
    z = (result["/mass"] - exact) / result["/mass_error"]
    # Student's law with 31 degrees of freedom. Four standard errors: each cell fails with probability 3.7e-4, so of 150
    # more than 5 with probability 6e-9; and no cell at all may be beyond what n of them leave to chance.
    assert np.sum(np.abs(z) > 4) <= 5
    assert np.abs(z).max() < t.isf(FAILURE / (2 * n), BATCHES - 1)
    # sum z^2 has mean n 31/29; masses sum to 1, and neighbours on a chord are correlated, which widens it a little
    low, high = chi2.isf([1 - FAILURE, FAILURE], n - 1)
    assert low / 1.5 < np.sum(z**2) < 1.5 * high
    # and the error that is reported is the exact one, within an interval of twice its width (3.9 sigma)
    rho = np.sqrt(np.sum((exact - result["/weights"]) ** 2 / result["/weights"]))
    width = result.rho_high**2 - result.rho_low**2
    assert result.rho_low**2 - width / 2 < rho**2 < result.rho_high**2 + width / 2


def heights_by_shell(result, y):
    """Heights grouped by distance of the target from the origin."""
    h = np.empty(len(y))
    h[result["/row"]] = result["/heights"]
    radius = np.round(np.linalg.norm(y, axis=1), 9)
    return [h[radius == r] for r in np.unique(radius)]


def check_shells(result, y):
    """Equal within a shell but for sampling: a mass off by rho nu moves a height by about rho times the range of
    heights that one cell spans, which is below the largest |y| here."""
    shells = heights_by_shell(result, y)
    scale = np.abs(y).max()
    for shell in shells:
        assert np.ptp(shell) < 4 * result.rho_high * scale


@pytest.mark.parametrize("source", ["gaussian", "sphere"])
def test_regular_polygon_with_centre(tmp_path, source):
    angle = 2 * np.pi * np.arange(7) / 7
    y = np.concatenate([[[0, 0]], np.stack([np.cos(angle), np.sin(angle)], axis=1)])
    y = y if source == "gaussian" else y[1:]
    result = solve(tmp_path, y, source, 50000)
    assert result.rho_high < 0.03
    check_shells(result, y)


def test_centred_lattice(tmp_path):
    """Cells of a centred lattice with equal weights are the squares, and h = -|y|^2 / 2: all of it is known."""
    side = 5
    line = (np.arange(side) - (side - 1) / 2) / side
    y = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    result = solve(tmp_path, y, "cube", 50000)
    check_shells(result, y)
    exact = -0.5 * np.sum(y**2, axis=1)
    exact -= exact.mean()
    h = np.empty(len(y))
    h[result["/row"]] = result["/heights"]
    # rho of the masses is some 2 |border shift| side; a border shifts by dh / spacing
    assert np.abs(h - exact).max() < 4 * result.rho_high / side**2
    np.testing.assert_allclose(cell_areas(y, exact), 1 / side**2, rtol=1e-12)
    np.testing.assert_allclose(cell_areas(y, h), 1 / side**2, atol=4 * result.rho_high / side**2)


@pytest.mark.parametrize("n", [60, 200])
def test_circle_with_targets_inside(tmp_path, n):
    """By exact cells, the default. A target within the others has its cell between two arcs of one of them; masses are
    arcs."""
    np.save(tmp_path / "y.npy", mixture(n, 2, seed=1))
    said = brenier("solve", "y.npy", "-source", "sphere", "-o", "r.h5", cwd=tmp_path).stdout
    result = read_result(tmp_path / "r.h5")
    assert "by exact cells" in said and result.status == "converged" and result.cells == "exact" and result.rho < 1e-10
    assert not np.any(result["/mass_error"]) and result.rho_low == result.rho == result.rho_high
    angle = 2 * np.pi * (np.arange(200000) + 0.5) / 200000
    x = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    index = np.concatenate(
        [np.argmax(part @ result["/targets"].T + result["/heights"], axis=1) for part in np.split(x, 20)]
    )
    # each end of an arc is off by a point at most
    counted = np.bincount(index, minlength=n) / len(x)
    assert np.abs(counted - 1 / n).max() < 20 / len(x)
    assert "cells              exact" in brenier("info", tmp_path / "r.h5", ranks=1).stdout
