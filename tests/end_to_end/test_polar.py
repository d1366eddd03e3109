"""The polar factorisation phi = grad u o s: the polar factors of a matrix, s that preserves mu, any number of ranks."""
import h5py
import numpy as np
import pytest
from program import brenier

TURN = np.array([[np.cos(0.7), -np.sin(0.7)], [np.sin(0.7), np.cos(0.7)]])
STRETCH = np.array([[2.0, 0.5], [0.5, 1.0]])


def factorise(folder, x, phi, *words, ranks=1, code=0):
    np.save(folder / "x.npy", x)
    np.save(folder / "phi.npy", phi)
    done = brenier("polar", "x.npy", "phi.npy", "-o", "p.h5", *words, ranks=ranks, cwd=folder, code=code)
    if code:
        return done.stderr
    with h5py.File(folder / "p.h5") as p:
        return {**{k: p[k][()] for k in ("s", "s_mean", "index")}, **p.attrs}


def test_the_polar_factors_of_a_matrix(tmp_path):
    """phi(x) = P O x under N(0, I): grad u = P x and s = O x. Both are found up to the noise of 800 points, about
    0.15 here where the law of large numbers gives sqrt(log n / n) = 0.09 a coordinate; without O it is 0.7 away."""
    x = np.random.default_rng(5).standard_normal((800, 2))
    p = factorise(tmp_path, x, x @ (STRETCH @ TURN).T, "-result", "u.h5")
    for name in ("s", "s_mean"):
        assert np.sqrt(np.mean(np.sum((p[name] - x @ TURN.T) ** 2, 1))) < 0.25
    fresh = np.random.default_rng(6).standard_normal((1000, 2)) * 0.7
    np.save(tmp_path / "fresh.npy", fresh)
    brenier("map", "u.h5", "fresh.npy", "-o", "m.h5", "-extension", "piecewise", cwd=tmp_path)
    with h5py.File(tmp_path / "m.h5") as m:
        assert np.sqrt(np.mean(np.sum((m["code"][()] - fresh @ STRETCH) ** 2, 1))) < 0.3


def test_s_preserves_the_source_and_lies_in_the_cells(tmp_path):
    """s(x) is in the cell of phi(x), so grad u(s(x)) = phi(x). Along an axis it is no further from the source than a
    sample of it: the bound is exceeded by chance in 1% of cases, and points of all cells are nearer than that. Bits are
    those of three ranks."""
    x = np.random.default_rng(7).standard_normal((600, 3))
    phi = np.stack([x[:, 1] ** 3, np.sin(x[:, 0]) + x[:, 2], x[:, 0] - x[:, 2] ** 2], 1)
    p = factorise(tmp_path, x, phi, "-result", "u.h5")
    np.testing.assert_array_equal(p["index"], np.arange(len(x)))
    assert p["ks_s"] < p["ks_bound"] and not np.isnan(p["s"]).any()
    np.testing.assert_allclose(np.mean(p["s"] ** 2), 1.0, atol=0.12)  # 5 standard deviations of 1800 normal squares
    for name in ("s", "s_mean"):
        np.save(tmp_path / "s.npy", p[name])
        brenier("map", "u.h5", "s.npy", "-o", "m.h5", cwd=tmp_path)
        with h5py.File(tmp_path / "m.h5") as m:
            np.testing.assert_array_equal(m["code"][()], phi)
    again = factorise(tmp_path, x, phi, ranks=3)
    for name in ("s", "index"):
        np.testing.assert_array_equal(p[name], again[name])


def test_values_that_many_points_share(tmp_path):
    """phi(x) = the sign of x_1: s(x) is on the side of it, and its two halves fill the line."""
    x = np.random.default_rng(8).standard_normal((500, 2))
    x = np.concatenate([x, x * [-1, 1]])
    phi = np.stack([np.sign(x[:, 0]), 0 * x[:, 0]], 1)
    p = factorise(tmp_path, x, phi, ranks=2)
    np.testing.assert_array_equal(np.sign(p["s"][:, 0]), phi[:, 0])
    assert len(np.unique(p["s"], axis=0)) == len(x) and p["ks_s"] < p["ks_bound"]


def test_more_dimensions(tmp_path):
    """A rotation in d = 16: grad u is near the identity, and s near the rotation as far as 300 points tell."""
    rng = np.random.default_rng(9)
    turn = np.linalg.qr(rng.standard_normal((16, 16)))[0]
    x = rng.standard_normal((300, 16))
    p = factorise(tmp_path, x, x @ turn.T, "-tol", 0.3)
    mean = p["s_mean"] - p["s_mean"].mean(0)
    assert np.sum(mean * (x @ turn.T)) / np.linalg.norm(mean) / np.linalg.norm(x) > 0.9
    assert p["ks_s"] < p["ks_bound"]


@pytest.mark.parametrize("phi, words, code, said", [
    (np.ones((19, 2)), (), 3, "phi.npy: shape [19, 2], but x.npy has [20, 2]; give one value phi(x) for each point"),
    (np.ones((20, 3)), (), 3, "phi.npy: shape [20, 3], but x.npy has [20, 2]"),
    (np.full((20, 2), np.nan), (), 3, "phi.npy"),
    (np.ones((20, 2)), ("-tol", -1), 2, "-tol"),
    (np.ones((20, 2)), ("-result", "p.h5"), 2, "p.h5"),
])  # fmt: skip
def test_refused(tmp_path, phi, words, code, said):
    x = np.random.default_rng(1).standard_normal((20, 2))
    error = factorise(tmp_path, x, phi, *words, ranks=2, code=code)
    assert said in error and error.count("brenier: error:") == 1, error
    assert not (tmp_path / "p.h5").exists()
