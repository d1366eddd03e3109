"""The affine hull of targets: its dimension, and barycentres in its directions, by QR and by Gram and Schmidt."""
import h5py
import numpy as np
import pytest
from program import brenier

N, DIM = 40, 100


def general(rng):
    return rng.standard_normal((N, DIM))


def dependent(rng):
    y = rng.standard_normal((N, DIM))
    y[7] = 0.25 * y[3] + 0.75 * y[30]
    return y


def near(rng):
    """Two targets that are far closer to each other than the rest: further apart than rounding, so a direction."""
    y = rng.standard_normal((N, DIM))
    y[20] = y[9] + 1e-8 * rng.standard_normal(DIM)
    return y


def axes(rng):
    """Axes that are constant, and one that is short."""
    y = rng.standard_normal((N, DIM))
    y[:, 5], y[:, 50:60] = 3.0, 0.0
    y[:, 8] *= 1e-5
    return y


def low(rng):
    """More targets than dimensions, in few directions."""
    return rng.standard_normal((DIM + 30, 6)) @ rng.standard_normal((6, DIM)) + 7.0


def full(rng):
    return rng.standard_normal((DIM + 1, DIM))


CASES = {general: N - 1, dependent: N - 2, near: N - 1, axes: N - 1, low: 6, full: DIM}


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_directions_of_targets(tmp_path, make):
    y = make(np.random.default_rng(8))
    np.save(tmp_path / "y.npy", y)
    found = []
    for ranks in 1, 3:
        name = f"r{ranks}.h5"
        said = brenier("solve", "y.npy", "-o", name, "-curves", 500, "-held_out_curves", 256, ranks=ranks,
                       cwd=tmp_path).stdout  # fmt: skip
        with h5py.File(tmp_path / name) as file:
            found.append((file["heights"][:], file["barycenter"][:]))
    assert (f"the targets span {CASES[make]} of {DIM} dimensions" in said) == (CASES[make] < DIM), said
    for one, other in zip(*found):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-7)
    b = found[0][1]
    b = b[np.isfinite(b).all(1)]
    assert len(b) > N // 2
    _, singular, v = np.linalg.svd((y - y[0]) / np.ptp(y, axis=0).clip(1e-300), full_matrices=False)
    if CASES[make] < DIM:
        directions = v[singular > 1e-11 * singular[0]] * np.ptp(y, axis=0)
        assert len(directions) == CASES[make]
        q = np.linalg.qr(directions.T)[0]
        np.testing.assert_allclose(b - b @ q @ q.T, 0, atol=1e-6)
