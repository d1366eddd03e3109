"""The density of the law of the targets: exact where the map is linear, near that of normal laws in d = 1, 2, 3 and 8,
an integral of 1, the same on any number of ranks."""
import h5py
import numpy as np
import pytest
from program import brenier
from scipy.stats import multivariate_normal


def density(folder, *words, ranks=1):
    brenier("density", "r.h5", "-o", "g.h5", *words, ranks=ranks, cwd=folder)
    with h5py.File(folder / "g.h5") as g:
        return g["log_density"][()], g.attrs["estimate"].decode()


@pytest.mark.parametrize("d, m", [(1, 9), (2, 6)])
def test_a_uniform_law_is_exact(tmp_path, d, m):
    """Targets A b on a grid under the cube, whose cells are cubes about b: 1 / det A, by fits at all points of the hull
    (barycentres are kept in single precision), by cells in its interior, where the triangulation is as regular as V_i
    has to be only in the line; outside the hull cells give 0."""
    axis = (np.arange(m) + 0.5) / m - 0.5
    b = np.stack(np.meshgrid(*[axis] * d, indexing="ij"), -1).reshape(-1, d)
    scale = np.array([3.0, 0.5])[:d]
    np.save(tmp_path / "y.npy", b * scale)
    brenier("solve", "y.npy", "-source", "cube", "-tol", 1e-9, "-o", "r.h5", cwd=tmp_path)
    np.save(tmp_path / "p.npy", np.random.default_rng(1).uniform(-0.35, 0.35, (200, d)) * scale)
    found, _ = density(tmp_path, "-points", "p.npy", "-estimate", "fits", "-neighbours", 4 * d)
    np.testing.assert_allclose(found, -np.log(scale).sum(), atol=1e-5)
    if d == 1:
        found, kind = density(tmp_path, "-points", "p.npy")
        assert kind == "cells"
        np.testing.assert_allclose(found[np.abs(np.load(tmp_path / "p.npy")[:, 0]) < 0.9], -np.log(3), atol=1e-9)
    np.save(tmp_path / "p.npy", np.full((1, d), 9.0))
    assert np.isneginf(density(tmp_path, "-points", "p.npy", "-estimate", "cells")[0]).all()


@pytest.fixture(name="normal", scope="module", params=[1, 2, 3, 8])
def normal_fixture(request, tmp_path_factory):
    """A solve for 500 points of N(0, A^2), fresh points of the law, and the logarithms of its density there."""
    folder, d = tmp_path_factory.mktemp("density"), request.param
    rng = np.random.default_rng(d)
    factor = rng.standard_normal((d, d))
    a = factor @ factor.T / d + np.eye(d)
    np.save(folder / "y.npy", rng.standard_normal((500, d)) @ a)
    z = rng.standard_normal((400, d))
    np.save(folder / "p.npy", z @ a)
    brenier("solve", "y.npy", "-tol", 0.2, "-o", "r.h5", cwd=folder)
    return folder, d, -0.5 * np.sum(z**2, 1) - 0.5 * d * np.log(2 * np.pi) - np.linalg.slogdet(a)[1]


def test_normal_laws(normal):
    """Seeds are fixed; the bounds on the logarithms are twice what is usual. Fits err less than cells."""
    folder, d, true = normal
    fits, kind = density(folder, "-points", "p.npy", "-estimate", "fits")
    assert kind == "fits" and np.isfinite(fits).all()
    rms = np.sqrt(np.mean((fits - true) ** 2))
    assert rms < (0.5 if d < 8 else 1.2)
    assert np.corrcoef(fits, true)[0, 1] > 0.9
    if d > 3:
        return
    cells, _ = density(folder, "-points", "p.npy")
    inside = np.isfinite(cells)
    assert inside.mean() > 0.85 and rms < np.sqrt(np.mean((cells - true)[inside] ** 2)) < 1.2


def test_a_source_with_mean_and_factor(tmp_path):
    """f is that of x = m + L z: fits are as near as with N(0, I)."""
    rng = np.random.default_rng(11)
    a = np.array([[1.5, 0.4], [0.4, 0.8]])
    np.save(tmp_path / "y.npy", rng.standard_normal((500, 2)) @ a)
    np.save(tmp_path / "m.npy", np.array([3.0, -1.0]))
    np.save(tmp_path / "l.npy", np.array([[2.0, 0.0], [1.0, 0.5]]))
    brenier("solve", "y.npy", "-tol", 0.1, "-source_mean", "m.npy", "-source_factor", "l.npy", "-o", "r.h5",
            cwd=tmp_path)  # fmt: skip
    z = rng.standard_normal((400, 2))
    np.save(tmp_path / "p.npy", z @ a)
    found, _ = density(tmp_path, "-points", "p.npy", "-estimate", "fits")
    true = -0.5 * np.sum(z**2, 1) - np.log(2 * np.pi) - np.linalg.slogdet(a)[1]
    assert np.sqrt(np.mean((found - true) ** 2)) < 0.5


def test_ranks(normal):
    folder, d, _ = normal
    for estimate in ("fits", "cells")[: 2 if d <= 3 else 1]:
        one, _ = density(folder, "-estimate", estimate)
        three, _ = density(folder, "-estimate", estimate, ranks=3)
        np.testing.assert_array_equal(one, three)


def test_the_integral_is_one(tmp_path):
    """Of cells in the plane, by a grid of a quarter of a million points."""
    rng = np.random.default_rng(3)
    y = rng.standard_normal((300, 2))
    np.save(tmp_path / "y.npy", y)
    brenier("solve", "y.npy", "-tol", 1e-6, "-o", "r.h5", cwd=tmp_path)
    axis = np.linspace(-4, 4, 500)
    np.save(tmp_path / "p.npy", np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2))
    found, _ = density(tmp_path, "-points", "p.npy")
    assert abs(np.exp(found).sum() * (axis[1] - axis[0]) ** 2 - 1) < 0.01


@pytest.mark.parametrize("shape, source, words, code, said", [
    ((40, 5), "gaussian", ("-estimate", "cells"), 2, "-estimate cells is for up to three dimensions"),
    ((40, 3), "gaussian", ("-neighbours", 9), 2, "option -neighbours needs -estimate fits"),
    ((40, 3), "gaussian", ("-estimate", "fits", "-neighbours", 41), 2, "-neighbours takes 4 to 40 targets"),
    ((40, 5), "sphere", (), 2, "that of sphere is not known"),
    ((4, 5), "gaussian", (), 3, "the targets span 3 of 5 dimensions"),
    ((40, 5), "gaussian", ("-points", "q.npy"), 3, "q.npy: points of dimension 2, but targets of r.h5 have"),
])  # fmt: skip
def test_refused(tmp_path, shape, source, words, code, said):
    np.save(tmp_path / "y.npy", np.random.default_rng(4).standard_normal(shape))
    np.save(tmp_path / "q.npy", np.zeros((3, 2)))
    brenier("solve", "y.npy", "-source", source, "-tol", 0.5, "-o", "r.h5", cwd=tmp_path)
    error = brenier("density", "r.h5", "-o", "g.h5", *words, cwd=tmp_path, code=code).stderr
    assert said in error and error.count("brenier: error:") == 1, error
    assert not (tmp_path / "g.h5").exists()


@pytest.mark.parametrize("kind", ["none", "one", "each"])
def test_a_mixture_as_the_source(tmp_path, kind):
    """To points of its own law: fits are as near as with N(0, I). Seeds are fixed."""
    rng = np.random.default_rng(5)
    weight, mean = np.array([0.6, 0.4]), np.array([[-1.0, 0.0], [1.0, 0.5]])
    factor = {"none": np.stack([np.eye(2)] * 2), "one": np.stack([[[0.8, 0.0], [0.3, 1.2]]] * 2),
              "each": np.array([[[0.8, 0.0], [0.3, 1.2]], [[1.0, 0.2], [0.2, 1.0]]])}[kind]  # fmt: skip
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file["weight"], file["mean"] = weight, mean
        if kind != "none":
            file["factor"] = factor if kind == "each" else factor[0]

    def draw(n):
        k = rng.choice(2, n, p=weight)
        return mean[k] + np.einsum("nij,nj->ni", factor[k], rng.standard_normal((n, 2)))

    points = draw(400)
    np.save(tmp_path / "y.npy", draw(500)), np.save(tmp_path / "p.npy", points)
    brenier("solve", "y.npy", "-source", "mixture", "-source_file", "m.h5", "-tol", 0.2, "-o", "r.h5", cwd=tmp_path)
    found, _ = density(tmp_path, "-points", "p.npy", "-estimate", "fits")
    true = np.log(sum(p * multivariate_normal(m, L @ L.T).pdf(points) for p, m, L in zip(weight, mean, factor)))
    assert np.sqrt(np.mean((found - true) ** 2)) < 0.5
    assert np.corrcoef(found, true)[0, 1] > 0.9
