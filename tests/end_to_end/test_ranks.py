"""The same seed on 1, 2, 3 and 5 ranks: check, map, sample to the bit, solve to the rounding of the linear solver."""
import re

import h5py
import numpy as np
import pytest
from brenier_files import read_result
from problem import mixture
from program import brenier

RANKS = (1, 2, 3, 5)
# source, targets, dimension, how large a sample. Cells of the second are exact; the last keeps candidate lists
PROBLEMS = {
    "gaussian": ("gaussian", 500, 8, ("-curves", 2000)),
    "cube": ("cube", 250, 3, ()),
    "tolerance": ("gaussian", 500, 24, ("-tol", 0.2)),
}


@pytest.fixture(scope="module", params=PROBLEMS)
def results(request, tmp_path_factory):
    """Files of one solve on each number of ranks."""
    source, n, dim, sample = PROBLEMS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    np.save(folder / "y.npy", mixture(n, dim, seed=7))
    np.save(folder / "weights.npy", np.random.default_rng(8).uniform(1, 5, n))
    files = [folder / f"{ranks}.h5" for ranks in RANKS]
    for ranks, file in zip(RANKS, files):
        brenier("solve", "y.npy", "-weights", "weights.npy", "-source", source, *sample, "-o", file,
                ranks=ranks, cwd=folder)  # fmt: skip
    return files


def datasets(path):
    with h5py.File(path) as file:
        return {name: item[()] for name, item in file.items() if isinstance(item, h5py.Dataset) and name != "history"}


def assert_same_bits(paths):
    """All datasets but the history, which has seconds."""
    first = datasets(paths[0])
    for path in paths[1:]:
        other = datasets(path)
        assert first.keys() == other.keys()
        for name, value in first.items():
            assert value.dtype == other[name].dtype and value.tobytes() == other[name].tobytes(), name


def test_solve(results):
    """Dot products in the linear solver are rounded in another order: some 1e-12."""
    first = read_result(results[0])
    for path in results[1:]:
        other = read_result(path)
        np.testing.assert_array_equal(other["/targets"], first["/targets"])
        np.testing.assert_array_equal(other["/weights"], first["/weights"])
        assert np.abs(other["/heights"] - first["/heights"]).max() < 1e-9 * np.ptp(first["/heights"])
        assert len(other.history["iteration"]) == len(first.history["iteration"])


def test_threads(tmp_path):
    """-threads does not change a bit, on lists and on scans."""
    np.save(tmp_path / "y.npy", mixture(500, 24, seed=7))
    for threads in (1, 2):
        brenier("solve", "y.npy", "-tol", 0.2, "-threads", threads, "-o", f"{threads}.h5", ranks=2, cwd=tmp_path)
    assert_same_bits([tmp_path / f"{threads}.h5" for threads in (1, 2)])
    texts = set()
    for threads in (1, 2):
        done = brenier("check", "1.h5", "-threads", threads, cwd=tmp_path)
        texts.add(re.sub(r"[0-9.]+ s\b", "", done.stdout))
    assert len(texts) == 1


def test_check(results, tmp_path):
    texts = set()
    for ranks in RANKS:
        brenier("check", results[0], "-seed", 11, "-curves", 5000, "-log", tmp_path / "log", ranks=ranks)
        lines = [line for line in (tmp_path / "log").read_text().splitlines() if '"check"' in line]
        assert len(lines) == 1
        texts.add(re.sub(r'"seconds": ?[0-9.e+-]+,? ?', "", lines[0]))
    assert len(texts) == 1 and '"rho"' in texts.pop()


def test_map(results, tmp_path):
    dim = read_result(results[0]).dim
    np.save(tmp_path / "x.npy", np.random.default_rng(9).uniform(-1, 1, (1003, dim)))
    for ranks in RANKS:
        brenier("map", results[0], tmp_path / "x.npy", "-o", tmp_path / f"{ranks}.h5", ranks=ranks)
    assert_same_bits([tmp_path / f"{ranks}.h5" for ranks in RANKS])


def test_sample(results, tmp_path):
    for ranks in RANKS:
        brenier("sample", results[0], "-n", 1003, "-seed", 4, "-o", tmp_path / f"{ranks}.h5", ranks=ranks)
    assert_same_bits([tmp_path / f"{ranks}.h5" for ranks in RANKS])
