"""In one dimension the map is monotone, so the borders between cells are quantiles of the source, exactly.

The border of neighbours y_k < y_(k+1) is where their planes meet, x_k = -(h_(k+1) - h_k) / (y_(k+1) - y_k), and the
mass below it is nu_1 + ... + nu_k. Masses are sums of n numbers below 1, each rounded to 2^-53, so a border can be
known to a mass of about n 2^-53 at best: its error is measured as |x_k - quantile| times the density there, which is
the mass between the two. The quotient adds the rounding of h, 2^-53 times its largest over the gap of the targets.
Heights summed up from quantiles in double precision stay below a twentieth of the bound.
"""
import numpy as np
import pytest
from brenier_files import read_result
from program import brenier
from scipy.stats import norm

ROUNDING = 2.0**-53


def quantiles(nu, source):
    """Borders and the density there; each tail is summed from its own end, where it is small."""
    below, above = np.cumsum(nu)[:-1], np.cumsum(nu[::-1])[::-1][1:]
    lower = below < 0.5
    if source == "gaussian":
        border = np.where(lower, norm.ppf(below), norm.isf(above))
        return border, norm.pdf(border)
    return np.where(lower, below - 0.5, 0.5 - above), np.ones(len(below))


def weights(n, ratio, seed):
    return ratio ** np.random.default_rng(seed).uniform(0, 1, n)


def check_borders(folder, n, source, ratio, ranks):
    y = np.random.default_rng(n).standard_normal(n)
    given = weights(n, ratio, seed=n + 1)
    np.save(folder / "y.npy", y[:, None])
    np.save(folder / "weights.npy", given)
    brenier("solve", "y.npy", "-weights", "weights.npy", "-source", source, "-o", "r.h5", ranks=ranks, cwd=folder)
    result = read_result(folder / "r.h5")
    order = np.argsort(y)
    y, nu, h = y[order], given[order] / given.sum(), result["/heights"][np.argsort(result["/targets"].ravel())]
    assert np.all(np.diff(y) > 0) and result.status == "converged" and result.curves == 1
    mass = result["/mass"][np.argsort(result["/targets"].ravel())]
    slack = np.zeros(n + 1)  # of the masses below the borders, the ends of the line included
    if n > 1:
        wanted, density = quantiles(nu, source)
        border = -np.diff(h) / np.diff(y)
        slack[1:-1] = 16 * ROUNDING * (n + density * (1 + np.abs(h).max() / np.diff(y)))
        assert np.all(np.abs(border - wanted) * density <= slack[1:-1])
    # A cell's mass is what lies between two borders, so heights in double precision allow no more than their slacks
    allowed = slack[:-1] + slack[1:] + 16 * ROUNDING
    assert np.all(np.abs(mass - nu) <= allowed)
    assert result.rho <= np.sqrt(np.sum(allowed**2 / nu)) and result.rho_low == result.rho == result.rho_high




@pytest.mark.parametrize("ratio", [1, 1e6])
@pytest.mark.parametrize("source", ["gaussian", "cube"])
@pytest.mark.parametrize("n", [2, 5, 200, 2000])
def test_borders_are_quantiles(tmp_path, n, source, ratio):
    check_borders(tmp_path, n, source, ratio, ranks=2)


def test_one_target(tmp_path):
    check_borders(tmp_path, 1, "gaussian", 1, ranks=2)


@pytest.mark.parametrize("ranks", [1, 3, 5])
def test_on_other_ranks(tmp_path, ranks):
    check_borders(tmp_path, 200, "gaussian", 1e6, ranks)
