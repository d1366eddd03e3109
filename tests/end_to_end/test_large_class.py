"""A class so large that all ranks solve it together, beside small ones: the bits of a solve of that class alone."""
import h5py
import numpy as np
import pytest
from program import brenier

NAMES = ("targets", "weights", "heights", "mass", "mass_error", "barycenter", "psi")


def compare(folder, y, label, options, ranks):
    """Class 0 of a run on some ranks, and the same alone on as many."""
    np.save(folder / "y.npy", y)
    np.save(folder / "label.npy", label)
    np.save(folder / "one.npy", y[label == 0])
    said = brenier("solve", "y.npy", "-classes", "label.npy", *options, "-o", "r.h5", ranks=ranks, cwd=folder).stdout
    assert ranks == 1 or "1 of the classes on all ranks" in said
    with h5py.File(folder / "r.h5") as r:
        seed = r["class/seed"][()][list(r["class/label"][()]).index(0)]
        here = r["label"][()] == 0
        found = {name: r[name][()] for name in NAMES}
    brenier("solve", "one.npy", *options, "-seed", seed, "-o", "one.h5", ranks=ranks, cwd=folder)
    with h5py.File(folder / "one.h5") as one:
        for name in NAMES:
            np.testing.assert_array_equal(found[name][here], one[name][()], err_msg=name)
    return found


@pytest.fixture(name="line", scope="module")
def line_fixture(tmp_path_factory):
    """50,000 targets on a line, n^2 d = 2.5e9, with labels out of order; the result of one rank."""
    folder, rng = tmp_path_factory.mktemp("line"), np.random.default_rng(1)
    label = rng.permutation(np.repeat([0, 7, -2], [50000, 30, 1]))
    y = rng.standard_normal((len(label), 1))
    return folder, y, label, compare(folder, y, label, ("-tol", 0.1), 1)


@pytest.mark.parametrize("ranks", [2, 3, 5])
def test_exact_cells(line, ranks):
    """The same bits on any number of ranks."""
    folder, y, label, one = line
    many = compare(folder, y, label, ("-tol", 0.1), ranks)
    for name in NAMES:
        np.testing.assert_array_equal(one[name], many[name], err_msg=name)
    brenier("check", "r.h5", "-tol", 0.1, ranks=ranks, cwd=folder)


def test_sampled_cells(tmp_path):
    """n^2 d = 2.03e9, a few steps on few curves: as a solve on as many ranks."""
    rng = np.random.default_rng(2)
    label = rng.permutation(np.repeat([0, 1, 2], [1500, 10, 1]))
    options = ("-method", "asgd", "-max_it", 2, "-curves", 64, "-held_out_curves", 64)
    compare(tmp_path, rng.standard_normal((len(label), 900)), label, options, 2)
