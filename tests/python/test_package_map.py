"""The map and the potentials in Python are those of `brenier map`, for all sources and kinds of targets."""
import os

import brenier
import h5py
import numpy as np
import pytest
import torch
from brenier import _argmax
from brenier._argmax import Planes
from brenier._run import run
from package_problems import points


@pytest.fixture(autouse=True, scope="module")
def small_tiles():
    """So that few targets fill many tiles."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_argmax, "TILE", 64)
        yield


def mapped(result, x, folder):
    """`brenier map` of points x: index, code, potential, phi."""
    np.save(folder / "x.npy", x)
    run(["map", os.path.abspath(result.path), "x.npy", "-o", "m.h5"], ranks=1, folder=str(folder))
    with h5py.File(folder / "m.h5") as file:
        return [file[name][()] for name in ("index", "code", "potential", "phi")]


def problem(name):
    """Targets, options of solve, and points of R^d."""
    rng = np.random.default_rng(7)
    if name == "line":
        return points(700, 1), {}, points(3000, 1, seed=9)
    if name == "reduced":  # targets in a plane of R^5 that misses the origin
        return points(300, 2) @ rng.standard_normal((2, 5)) + 3, {}, points(2000, 5, seed=9)
    if name == "weights":
        return points(280, 3), {"weights": rng.uniform(1, 9, 280)}, points(2000, 3, seed=9)
    if name == "duplicates":
        return np.repeat(points(40, 2), 3, axis=0), {}, points(2000, 2, seed=9)
    dim = 3 if name == "sphere" else 2
    return points(300, dim) + 100, {"source": name}, points(2000, dim, seed=9)


@pytest.mark.parametrize("name", ["line", "reduced", "weights", "duplicates", "cube", "sphere"])
def test_the_map_is_that_of_the_program(name, tmp_path):
    y, options, x = problem(name)
    result = brenier.solve(y, **options)
    index, code, u, phi = mapped(result, x, tmp_path)
    np.testing.assert_array_equal(result.index(x), index)
    np.testing.assert_array_equal(result.map(x), code)
    np.testing.assert_allclose(result.potential(x), u, rtol=1e-12, atol=1e-10)
    np.testing.assert_allclose(result.phi(x), phi, rtol=1e-12, atol=1e-10)
    single = x.astype(np.float32)
    np.testing.assert_array_equal(result.index(single), mapped(result, single, tmp_path)[0])


def test_sampled_cells_and_many_tiles(sampled, tmp_path):
    x = points(5000, 6, seed=4)
    index, code, _, _ = mapped(sampled, x, tmp_path)
    np.testing.assert_array_equal(sampled.index(x), index)
    np.testing.assert_array_equal(sampled.map(x), code)


def test_kinds_shapes_and_types_come_back(sampled):
    x = points(24, 6, seed=5)
    code = sampled.map(x)
    for dtype in (np.float16, np.float32, np.float64):
        given = x.astype(dtype)
        assert sampled.map(given).dtype == sampled.potential(given).dtype == sampled.phi(given).dtype == dtype
    for dtype in (torch.bfloat16, torch.float32, torch.float64):
        given = torch.tensor(x).to(dtype)
        assert sampled.map(given).dtype == sampled.phi(given).dtype == dtype
        assert sampled.index(given).dtype == torch.int64
    np.testing.assert_array_equal(sampled.map(torch.tensor(x)).numpy(), code)
    np.testing.assert_array_equal(sampled.map(x.reshape(2, 3, 4, 6)), code.reshape(2, 3, 4, 6))
    np.testing.assert_array_equal(sampled.map(torch.tensor(x).reshape(2, 12, 6)).numpy(), code.reshape(2, 12, 6))
    np.testing.assert_array_equal(sampled.map(x[0]), code[0])
    np.testing.assert_array_equal(sampled.map(np.asfortranarray(x)), code)
    assert sampled.map(torch.tensor(x[0])).shape == (6,)
    assert sampled.potential(x[0]).shape == () and sampled.index(x[0]).shape == ()
    assert sampled.map(np.empty((0, 6))).shape == (0, 6) and sampled.potential(np.empty((0, 6))).shape == (0,)
    assert sampled.map(np.ones((2, 6), dtype=int)).dtype == np.float64
    assert sampled.map(torch.ones((2, 6), dtype=torch.int32)).dtype == torch.float64


def test_the_gradient_of_the_potential_is_the_map(sampled):
    x = torch.tensor(points(10, 6, seed=6), requires_grad=True)
    sampled.potential(x).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), sampled.map(x).numpy())
    x.grad = None
    sampled.phi(x).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), (x - sampled.map(x)).detach().numpy(), atol=1e-14)


@pytest.mark.parametrize("case", ["plain", "far", "tiny", "huge", "close", "equal", "one"])
def test_the_argmax_is_exact(case):
    """Against double precision, in NumPy and in the code for accelerators, where single precision alone would fail."""
    rng = np.random.default_rng(11)
    n = 1 if case == "one" else 3 * 64 + 5
    y, h, x = rng.standard_normal((n, 4)), rng.standard_normal(n), rng.standard_normal((1500, 4))
    if case == "far":
        y += 1e5
    if case == "tiny":
        y, h = 1e-30 * y, 1e-30 * h
    if case == "huge":
        x[::3] *= 1e35
    if case == "close":
        y, h = y[:1] + 1e-7 * y, 1e-7 * h
    if case == "equal":
        y[:], h[:] = y[0], 0
    # Not by BLAS, whose products of equal rows may differ in the last bit
    true = (np.einsum("ik,jk->ij", x, y - y.mean(axis=0)) + h).argmax(axis=1)
    np.testing.assert_array_equal(Planes(y, h).index(x), true)
    device = torch.device("cpu")
    np.testing.assert_array_equal(Planes(y, h, torch, device).index(torch.tensor(x)).numpy(), true)


def test_points_that_are_refused(sampled):
    for x, words in (
        (points(3, 5), r"x has shape \[3, 5\]; the last axis is to have dimension 6"),
        (np.float64(1), "last axis"),
        (np.full((2, 6), np.nan), "x: row 0 has a number that is not finite"),
        (np.ones((2, 6), dtype=complex), "complex128; it is to hold real numbers"),
        ([["a"] * 6], "real numbers"),
        (torch.full((2, 6), float("inf")), "not finite"),
        (torch.ones((2, 6), dtype=torch.complex64), "real numbers"),
    ):
        for function in (sampled.index, sampled.map, sampled.potential, sampled.phi):
            with pytest.raises(brenier.BadInput, match=words):
                function(x)


def test_samples_and_facets(plane):
    drawn = plane.sample(200, seed=3)
    np.testing.assert_array_equal(plane.index(drawn.noise), drawn.index)
    np.testing.assert_array_equal(drawn.code, plane.targets[drawn.index].astype(np.float32))
    assert drawn.draw.tolist() == list(range(200))
    assert not np.array_equal(plane.sample(50, extension="linear").code, plane.sample(50).code)
    facets = plane.facets()
    assert facets.pair.shape[1] == 2 and len(facets.angle) == len(facets.mass) and facets.mode is None
    assert plane.facets(threshold=5).mode.shape == (40,)
