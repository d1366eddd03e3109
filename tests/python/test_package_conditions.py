"""Conditions: the map of points with conditions, its pairs and samples, against the program and NumPy; wrong input."""
import pickle

import brenier
import h5py
import numpy as np
import pytest
import torch
from brenier import BadArguments, BadFile, BadInput
from brenier._run import run
from package_problems import points
from scipy.stats import kstest

B = 2.0


@pytest.fixture(scope="module")
def paired():
    """80 targets in three dimensions with conditions of two numbers, some of them equal."""
    y, c = points(80, 3), np.random.default_rng(3).integers(0, 3, (80, 2))
    return brenier.solve(y, conditions=c, condition_weight=B, tol=None, curves=1500, ranks=1)


def conditions(n, seed=5):
    return np.random.default_rng(seed).integers(0, 3, (n, 2)).astype(float)


def test_the_map_is_that_of_the_program(paired, tmp_path):
    x, c = points(400, 3, seed=7), conditions(400)
    np.save(tmp_path / "x.npy", x), np.save(tmp_path / "c.npy", c.astype(int))
    run(["map", paired.path, str(tmp_path / "x.npy"), "-conditions", str(tmp_path / "c.npy"), "-o",
         str(tmp_path / "t.h5")], ranks=1, folder=str(tmp_path))  # fmt: skip
    with h5py.File(tmp_path / "t.h5") as file:
        np.testing.assert_array_equal(paired.index(x, c), file["index"][()])
        np.testing.assert_array_equal(paired.map(x, conditions=c), file["code"][()])
        np.testing.assert_allclose(paired.potential(x, c), file["potential"][()], atol=1e-12)
        np.testing.assert_allclose(paired.phi(x, c), file["phi"][()], atol=1e-12)


def test_kinds_and_shapes_come_back(paired):
    x, c = points(24, 3, seed=8), conditions(24)
    codes = paired.map(x, c)
    assert codes.shape == (24, 3)
    single = paired.map(torch.from_numpy(x.reshape(4, 6, 3)).float(), torch.from_numpy(c.reshape(4, 6, 2)))
    assert single.shape == (4, 6, 3) and single.dtype == torch.float32
    np.testing.assert_array_equal(paired.map(x, [1.0, 2.0]), paired.map(x, np.tile([1.0, 2.0], (24, 1))))
    np.testing.assert_allclose(paired.conditions, np.rint(paired.conditions), atol=1e-15)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(paired)).map(x, c), codes)
    wide = torch.from_numpy(x).requires_grad_()
    paired.potential(wide, c).sum().backward()
    np.testing.assert_allclose(wide.grad.numpy(), codes)


@pytest.mark.parametrize("device", [None, "cpu"])
def test_couplings(paired, device):
    """Noise given a condition is normal; pairs are those of the map. Chance of a wrong alarm: 6 tests at 1e-6."""
    noise, code, condition, index = next(paired.couplings(20000, seed=1, index=True, device=device))
    noise, code, condition, index = (np.asarray(part) for part in (noise, code, condition, index))
    assert noise.shape == code.shape == (20000, 3) and condition.shape == (20000, 2)
    np.testing.assert_array_equal(condition, np.rint(condition))
    np.testing.assert_array_equal(code, paired.targets[index, :3].astype("f4"))
    assert np.mean(paired.index(noise.astype(float), condition) == index) > 0.999  # single precision beside borders
    for k in range(3):
        own = noise[condition[:, 0] == k]
        assert min(kstest(own[:, axis], "norm").pvalue for axis in range(2)) > 1e-6
    assert len(next(paired.couplings(10))) == 3
    first = next(iter(paired.dataset(batch=16, seed=2)))
    assert [tuple(part.shape) for part in first] == [(16, 3), (16, 3), (16, 2)]


def test_samples(paired):
    s = paired.sample(500)
    assert s.noise.shape == s.code.shape == (500, 3) and s.condition.shape == (500, 2)
    np.testing.assert_array_equal(s.code, paired.targets[s.index, :3].astype("f4"))
    assert np.mean(paired.index(s.noise.astype(float), s.condition) == s.index) > 0.98


def test_what_is_refused(paired, sampled, tmp_path):
    y, x = points(30, 2), points(5, 3)
    with pytest.raises(BadArguments, match="-condition_weight"):
        brenier.solve(y, conditions=np.ones(30), ranks=1)
    with pytest.raises(BadArguments, match="-conditions"):
        brenier.solve(y, condition_weight=1.0, ranks=1)
    with pytest.raises(BadInput, match="conditions has shape"):
        brenier.solve(y, conditions=np.ones(29), condition_weight=1.0, ranks=1)
    with pytest.raises((BadInput, BadFile), match="conditions.*row 3"):
        brenier.solve(y, conditions=np.where(np.arange(30) == 3, np.nan, 1), condition_weight=1.0, ranks=1)
    with pytest.raises(BadArguments, match="gaussian or mixture"):
        brenier.solve(y, conditions=np.ones(30), condition_weight=1.0, source="cube", ranks=1)
    with pytest.raises(BadArguments, match="give conditions="):
        paired.map(x)
    with pytest.raises(BadArguments, match="leave out conditions"):
        sampled.map(points(5, 6), conditions=conditions(5))
    with pytest.raises(BadInput, match="goes with"):
        paired.map(x, conditions(4))
    with pytest.raises(BadInput, match="dimension 3"):
        paired.map(points(5, 5), conditions(5))
    with pytest.raises(BadInput, match="not finite|NaN|finite"):
        paired.map(x, np.full((5, 2), np.nan))
