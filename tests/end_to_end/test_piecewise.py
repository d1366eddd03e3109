"""The continuous extension: exact where barycentres are a linear function of targets, right at barycentres, continuous,
the same on any number of ranks."""
import h5py
import numpy as np
import pytest
from program import brenier


def mapped(folder, result, x, ranks=1):
    np.save(folder / "x.npy", x)
    brenier("map", result, "x.npy", "-o", "m.h5", "-extension", "piecewise", ranks=ranks, cwd=folder)
    with h5py.File(folder / "m.h5") as m:
        return m["code"][()], m.attrs["triangulation"].decode()


@pytest.mark.parametrize("d, m", [(1, 9), (2, 6), (3, 4)])
def test_an_affine_map_is_exact(tmp_path, d, m):
    """Targets A b + c on a grid: the cells of a uniform source are the cubes about b, and T(x) = A x + c in the hull of
    the b, as exactly as the result keeps barycentres; outside it is that of the nearest point. Grids are degenerate:
    any triangulation of their cubes will do."""
    axis = (np.arange(m) + 0.5) / m - 0.5
    b = np.stack(np.meshgrid(*[axis] * d, indexing="ij"), -1).reshape(-1, d)
    scale, shift = np.array([3.0, 0.5, 2.0])[:d], np.array([1.0, -2.0, 0.5])[:d]
    np.save(tmp_path / "y.npy", b * scale + shift)
    brenier("solve", "y.npy", "-source", "cube", "-tol", 1e-9, "-o", "r.h5", cwd=tmp_path)
    x = np.random.default_rng(1).uniform(-0.7, 0.7, (500, d))
    code, _ = mapped(tmp_path, "r.h5", x)
    np.testing.assert_allclose(code, np.clip(x, axis[0], axis[-1]) * scale + shift, atol=1e-6)


@pytest.fixture(name="normal", scope="module", params=[1, 2, 3])
def normal_fixture(request, tmp_path_factory):
    """A solve for a sample of a normal law N(0, A^2)."""
    folder, d = tmp_path_factory.mktemp("normal"), request.param
    rng = np.random.default_rng(d)
    factor = rng.standard_normal((d, d))
    a = factor @ factor.T / d + np.eye(d)
    np.save(folder / "y.npy", rng.standard_normal((300, d)) @ a)
    brenier("solve", "y.npy", "-tol", 1e-6, "-o", "r.h5", cwd=folder)
    return folder, a


def test_it_is_continuous_and_right_at_barycentres(normal):
    """Along a line, half of it outside the hull, steps are at most those of the steepest simplex; a fine line has small
    steps. Piecewise constant, the same line has steps between targets."""
    folder, a = normal
    with h5py.File(folder / "r.h5") as r:
        b, y = r["barycenter"][()].astype(float), r["targets"][()]
    code, _ = mapped(folder, "r.h5", b)
    np.testing.assert_allclose(code, y, atol=1e-9)
    t = np.linspace(-4, 4, 100001)[:, None]
    code, _ = mapped(folder, "r.h5", t * np.linspace(1, 0.3, len(a)))
    assert np.abs(np.diff(code, axis=0)).max() < 0.02  # a slope of 250
    assert np.all(code <= y.max(0) + 1e-9) and np.all(code >= y.min(0) - 1e-9)


def test_it_is_near_the_map_of_the_laws(normal):
    """x -> A x. Its error is below that of the map without extension, and the same bits come from three ranks."""
    folder, a = normal
    x = np.random.default_rng(9).standard_normal((2000, len(a)))
    code, kind = mapped(folder, "r.h5", x)
    again, _ = mapped(folder, "r.h5", x, ranks=3)
    np.testing.assert_array_equal(code, again)
    assert kind == "dual" if len(a) == 1 else kind in ("dual", "delaunay")
    with h5py.File(folder / "m.h5") as m, h5py.File(folder / "r.h5") as r:
        target = r["targets"][()][m["index"][()]]
    inside = np.linalg.norm(x, axis=1) < 1.5
    error = lambda t: np.sqrt(np.mean(np.sum((t - x @ a)[inside] ** 2, 1)))
    assert error(code) < error(target)


def test_samples_and_planes_in_space(tmp_path):
    """Targets on a plane in R^4 are extended in its two coordinates; sample draws such codes."""
    rng = np.random.default_rng(3)
    flat = rng.standard_normal((200, 2)) @ rng.standard_normal((2, 4))
    np.save(tmp_path / "y.npy", flat)
    brenier("solve", "y.npy", "-tol", 1e-6, "-o", "r.h5", cwd=tmp_path)
    brenier("sample", "r.h5", "-n", 500, "-o", "s.h5", "-extension", "piecewise", cwd=tmp_path)
    with h5py.File(tmp_path / "s.h5") as s:
        code = s["code"][()]
    assert np.linalg.matrix_rank(code - code.mean(0), tol=1e-4) == 2
    assert len(np.unique(code, axis=0)) > 450


@pytest.mark.parametrize("shape, words, said", [
    ((50, 5), (), "for targets that span at most three dimensions, not 5"),
    ((2, 2), (), None),
    ((50, 2), ("-neighbours", 3), "option -neighbours needs -extension linear"),
])  # fmt: skip
def test_refused(tmp_path, shape, words, said):
    """Two targets span a line, which is enough."""
    np.save(tmp_path / "y.npy", np.random.default_rng(4).standard_normal(shape))
    brenier("solve", "y.npy", "-tol", 0.5, "-o", "r.h5", cwd=tmp_path)
    error = brenier("map", "r.h5", "y.npy", "-o", "m.h5", "-extension", "piecewise", *words, cwd=tmp_path,
                    code=0 if said is None else 2).stderr  # fmt: skip
    assert said is None or (said in error and not (tmp_path / "m.h5").exists())
