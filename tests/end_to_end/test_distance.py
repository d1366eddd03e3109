"""W2 from both sides of the duality against closed forms, and the identities of the Kantorovich potentials."""
import h5py
import numpy as np
import pytest
from brenier_files import last_event, read_log, read_result
from problem import mixture
from program import brenier
from scipy.special import ndtr
from scipy.stats import norm


def check(folder, *options):
    brenier("check", "r.h5", "-log", "log", *options, cwd=folder)
    return last_event(read_log(folder / "log"), "check")


def solve(folder, y, *options):
    np.save(folder / "y.npy", y)
    brenier("solve", "y.npy", "-o", "r.h5", *options, cwd=folder)
    return read_result(folder / "r.h5")


def mapped(folder, x, *options):
    np.save(folder / "x.npy", x)
    brenier("map", "r.h5", "x.npy", "-o", "m.h5", *options, cwd=folder)
    with h5py.File(folder / "m.h5") as file:
        return {name: file[name][()] for name in file}


def half_squared_distance(y, nu, source):
    """int |x - T(x)|^2 / 2 in one dimension: T carries quantile to quantile."""
    order = np.argsort(y)
    y, nu = y[order], nu[order]
    if source == "gaussian":
        border = norm.ppf(np.clip(np.concatenate([[0], np.cumsum(nu)]), 0, 1))
        border[-1] = np.inf
        moment = np.diff(-norm.pdf(border))  # int x over a cell
        second = 1.0
        mass = np.diff(ndtr(border))
    else:
        border = np.concatenate([[0], np.cumsum(nu)]) - 0.5
        moment, second, mass = np.diff(border**2) / 2, 1 / 12, np.diff(border)
    return 0.5 * (second + np.sum(mass * y**2)) - np.sum(y * moment)


@pytest.mark.parametrize("source", ["gaussian", "cube"])
def test_one_dimension_is_exact(tmp_path, source):
    y, weight = np.random.default_rng(4).standard_normal(50), np.random.default_rng(5).uniform(1, 9, 50)
    np.save(tmp_path / "w.npy", weight)
    solve(tmp_path, y[:, None], "-weights", "w.npy", "-source", source)
    event, wanted = check(tmp_path), half_squared_distance(y, weight / weight.sum(), source)
    # Sums of n numbers of the size of the moments
    for name in ("dual", "primal"):
        assert event[name] == event[f"{name}_low"] == event[f"{name}_high"] == pytest.approx(wanted, abs=1e-13)
    assert abs(event["gap"]) < 1e-13 and event["w2"] == pytest.approx(np.sqrt(2 * wanted))


def test_lattice_against_the_cube(tmp_path):
    """Cell i of a scaled and translated lattice is the square around lattice point i, so its cost is an integral."""
    side, scale, shift = 4, 1.7, np.array([0.3, -0.1])
    line = (np.arange(side) - (side - 1) / 2) / side
    z = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    solve(tmp_path, scale * z + shift, "-source", "cube", "-curves", 20000)
    event = check(tmp_path, "-curves", 4000)
    # |x - s z - c|^2 = |(x - z) + (1 - s) z - c|^2, whose cross terms vanish by symmetry
    wanted = 0.5 * (2 / (12 * side**2) + (1 - scale) ** 2 * np.mean(np.sum(z**2, axis=1)) + shift @ shift)
    for name in ("dual", "primal"):
        error = (event[f"{name}_high"] - event[f"{name}_low"]) / 4
        assert abs(event[name] - wanted) < 5 * error < 0.1 * wanted
    assert event["gap_low"] <= 0 <= event["gap_high"] or abs(event["gap"]) < 0.02 * wanted


def test_result_holds_both_sides(solved):
    result = read_result(solved / "result.h5")
    assert result.dual_low < result.dual < result.dual_high
    assert result.primal == pytest.approx(result.dual + result.gap, rel=1e-12)
    assert result.w2 == pytest.approx(np.sqrt(2 * result.dual))
    moments = 0.5 * (result.dim + np.sum(result["/weights"] * np.sum(result["/targets"] ** 2, axis=1)))
    assert result.dual == pytest.approx(moments - result.energy, rel=1e-12)
    gap = np.sum((result["/mass"] - result["/weights"]) * result["/psi"])
    assert result.gap == pytest.approx(gap, abs=1e-3 * np.ptp(result["/psi"]))  # batches of nearly equal size


@pytest.fixture(scope="module")
def problem(tmp_path_factory):
    folder = tmp_path_factory.mktemp("identities")
    solve(folder, mixture(100, 3, seed=8), "-curves", 3000)
    return folder


def test_potentials_meet_on_the_map(problem):
    result, x = read_result(problem / "r.h5"), np.random.default_rng(6).standard_normal((20000, 3))
    m = mapped(problem, x)
    y, h, psi = result["/targets"], result["/heights"], result["/psi"]
    np.testing.assert_allclose(psi, 0.5 * np.sum(y**2, axis=1) + h, rtol=1e-14, atol=1e-14)
    cost = 0.5 * np.sum((x - m["code"]) ** 2, axis=1)
    size = 0.5 * np.sum(x**2, axis=1) + 0.5 * np.sum(y**2, axis=1).max() + np.abs(h).max()
    assert np.all(np.abs(m["phi"] + psi[m["index"]] - cost) <= 16 * 2.0**-52 * size)
    # phi + psi never passes the cost: psi is the c-transform of phi, attained on every cell that a point fell into
    slack = 0.5 * np.sum((x[:2000, None] - y) ** 2, axis=2) - m["phi"][:2000, None] - psi
    assert slack.min() > -1e-12
    # Legendre: u*(y_i) = sup <x, y_i> - u(x) = -h_i, where cell i has a point
    gap = m["potential"] - (np.sum(x * y[m["index"]], axis=1) + h[m["index"]])
    assert np.abs(gap).max() < 1e-12
    # Monotone, on 10^5 pairs
    rng = np.random.default_rng(7)
    i, j = rng.integers(0, len(x), (2, 100000))
    assert np.sum((m["code"][i] - m["code"][j]) * (x[i] - x[j]), axis=1).min() >= -1e-12


def test_critic_is_phi(problem):
    x = 5 * np.random.default_rng(9).standard_normal((500, 3))
    whole, critic = mapped(problem, x), mapped(problem, x, "-critic")
    assert list(critic) == ["phi"]
    np.testing.assert_array_equal(critic["phi"], whole["phi"])


def test_displacement_interpolation(problem):
    x = np.random.default_rng(10).standard_normal((300, 3))
    for t in (0, 0.3, 1):
        m = mapped(problem, x, "-t", t)
        np.testing.assert_allclose(m["position"], (1 - t) * x + t * m["code"], rtol=1e-15, atol=1e-15)


def test_translated_and_scaled_targets(tmp_path):
    """A power of two and a shift that doubles hold: the same cells, heights that scale, codes that follow."""
    y, x = mixture(60, 3, seed=11), np.random.default_rng(12).standard_normal((2000, 3))
    y = np.round(y * 2**20) / 2**20
    shift = np.array([4.0, -8.0, 16.0])
    found = []
    for targets in (y, 4 * y + shift):
        solve(tmp_path, targets, "-curves", 2000)
        found.append(mapped(tmp_path, x))
    np.testing.assert_array_equal(found[1]["index"], found[0]["index"])
    np.testing.assert_array_equal(found[1]["code"], 4 * found[0]["code"] + shift)
