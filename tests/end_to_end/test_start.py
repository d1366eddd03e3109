"""Starts: from a result, of the same targets, of targets that moved, and of others of their kind."""

import h5py
import numpy as np
import pytest
from program import brenier


@pytest.fixture(name="codes")
def codes_fixture(tmp_path):
    """400 targets of 8 clusters in d = 5, solved."""
    rng = np.random.default_rng(4)
    centres = 3.0 * rng.standard_normal((8, 5))
    y = centres[rng.integers(0, 8, 400)] + 0.3 * rng.standard_normal((400, 5))
    np.save(tmp_path / "y.npy", y)
    brenier("solve", "y.npy", "-o", "y.h5", "-tol", "0.1", cwd=tmp_path)
    return y


def iterations(path):
    with h5py.File(path) as file:
        return int(file["history"][-1, 0])


def test_moved_targets_need_few_iterations(tmp_path, codes):
    """Every target moves by a tenth of its cluster's width."""
    rng = np.random.default_rng(5)
    np.save(tmp_path / "moved.npy", codes + 0.03 * rng.standard_normal(codes.shape))
    brenier("solve", "moved.npy", "-o", "moved.h5", "-tol", "0.1", "-start", "y.h5", cwd=tmp_path)
    assert iterations(tmp_path / "moved.h5") <= 4


def test_moving_all_targets_alike_changes_no_height(tmp_path, codes):
    """u gains <x, shift>, so that every cell stays."""
    np.save(tmp_path / "moved.npy", codes + np.array([1.0, -2.0, 0.5, 0.0, 0.25]))
    brenier("solve", "moved.npy", "-o", "moved.h5", "-curves", "4096", "-start", "y.h5", "-max_it", "0", cwd=tmp_path,
            code=6)
    with h5py.File(tmp_path / "moved.h5") as moved, h5py.File(tmp_path / "y.h5") as before:
        apart = moved["heights"][:] - before["heights"][:]
        assert np.abs(apart).max() < 1e-12 * np.ptp(before["heights"][:])


def test_other_targets_of_the_kind(tmp_path, codes):
    """Twice as many: each starts as a member of the cell of its nearest."""
    rng = np.random.default_rng(6)
    np.save(tmp_path / "more.npy", np.concatenate([codes, codes + 0.2 * rng.standard_normal(codes.shape)]))
    brenier("solve", "more.npy", "-o", "more.h5", "-tol", "0.1", "-start", "y.h5", cwd=tmp_path)
    with h5py.File(tmp_path / "more.h5") as file:
        assert file.attrs["rho_high"] <= 0.1


def test_barycentres_average_to_the_mean_of_the_source(tmp_path, codes):
    """Exactly so for circles, in single precision; and each lies where its target is the best."""
    with h5py.File(tmp_path / "y.h5") as file:
        bary, h = file["barycenter"][:].astype(float), file["heights"][:]
        assert file["provenance"].attrs["levels"] == b""
    assert np.abs(np.mean(bary, axis=0)).max() < 0.02
    assert np.array_equal(np.argmax(bary @ codes.T + h, axis=1), np.arange(400))


def test_levels_are_told(tmp_path):
    rng = np.random.default_rng(7)
    np.save(tmp_path / "y.npy", rng.standard_normal((1200, 3)))
    text = brenier("solve", "y.npy", "-o", "r.h5", "-tol", "0.3", cwd=tmp_path).stdout
    with h5py.File(tmp_path / "r.h5") as file:
        assert file["provenance"].attrs["levels"] == b"18 150"
    assert "level: 150 clusters" in text
