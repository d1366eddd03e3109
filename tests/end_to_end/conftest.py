"""A problem and its solution, made once for all tests."""
import numpy as np
import pytest
from problem import CURVES, mixture
from program import brenier


@pytest.fixture(scope="session")
def solved(tmp_path_factory):
    """A folder with points.npy (n = 400, d = 6), weights.npy (unequal), result.h5 and solve.jsonl."""
    folder = tmp_path_factory.mktemp("solved")
    np.save(folder / "points.npy", mixture(400, 6, seed=1))
    np.save(folder / "weights.npy", np.random.default_rng(2).uniform(1, 3, 400))
    brenier("solve", "points.npy", "-weights", "weights.npy", "-curves", CURVES, "-seed", 3, "-o", "result.h5",
            "-log", "solve.jsonl", ranks=2, cwd=folder)  # fmt: skip
    return folder
