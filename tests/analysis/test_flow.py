"""The study of flow matching: what it measures is right where that is known, and small runs make what they promise."""
import importlib.machinery
import importlib.util
import itertools
import os
import pathlib

import h5py
import matplotlib.image
import numpy as np
import pytest
import torch
from brenier.errors import BadFile
from flow import classes, codes, pairs, report, study, velocity

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FLOW = os.path.join(ROOT, "analysis", "flow")


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def test_codes_are_split_and_scaled(tmp_path, rng):
    rows = 5 + 3 * rng.standard_normal((60, 4))
    labels = np.arange(60) % 3 + 7
    np.save(tmp_path / "y.npy", rows)
    np.save(tmp_path / "l.npy", labels)
    found = codes.read_codes(str(tmp_path / "y.npy"), str(tmp_path / "l.npy"))
    assert found.training.shape == (50, 4) and found.held_out.shape == (10, 4) and found.dim == 4
    assert found.training.var(axis=0).mean() == pytest.approx(1, rel=1e-5)
    back = np.concatenate([found.held_out, found.training]) * found.scale + found.mean
    label = np.concatenate([found.held_out_labels, found.training_labels]) + 7
    order = np.abs(back[:, None] - rows).sum(axis=2).argmin(axis=1)
    assert sorted(order) == list(range(60))
    np.testing.assert_allclose(back, rows[order], rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(label, labels[order])


@pytest.mark.parametrize("rows, labels, said", [
    (np.zeros(9), None, r"y.npy has shape \[9\]"),
    (np.zeros((9, 2)), None, "at least 12 codes"),
    (np.full((20, 2), np.nan), None, "row 0 has a number that is not finite"),
    (np.zeros((20, 2)), np.zeros(19), r"l.npy has shape \[19\], but .*y.npy has 20 codes"),
])  # fmt: skip
def test_codes_that_are_refused(tmp_path, rows, labels, said):
    np.save(tmp_path / "y.npy", rows)
    if labels is not None:
        np.save(tmp_path / "l.npy", labels)
    with pytest.raises(BadFile, match=said):
        codes.read_codes(str(tmp_path / "y.npy"), labels is not None and str(tmp_path / "l.npy") or None)


def test_assignment_is_optimal(rng, monkeypatch):
    """Against all orders; by POT, and by SciPy where POT is missing."""
    noise, code = rng.standard_normal((2, 6, 3))
    cost = [((noise - code[list(order)]) ** 2).sum() for order in itertools.permutations(range(6))]
    scipy = pytest.importorskip("scipy.optimize")
    for solver in (pairs.ot, None):
        monkeypatch.setattr(pairs, "ot", solver)
        monkeypatch.setattr(pairs, "linear_sum_assignment", scipy.linear_sum_assignment, raising=False)
        order = pairs.assign(noise, code)
        assert sorted(order) == list(range(6))
        assert ((noise - code[order]) ** 2).sum() == pytest.approx(min(cost))


def test_kinds_of_pairs_have_the_same_noise_and_codes(rng):
    y = rng.standard_normal((50, 3)).astype(np.float32)
    (x, code), (same, other) = (next(make(y, 16, 4)) for make in (pairs.independent, pairs.mini_batch))
    np.testing.assert_array_equal(x, same)
    np.testing.assert_array_equal(sorted(map(tuple, code)), sorted(map(tuple, other)))
    assert ((x - other) ** 2).sum() < ((x - code) ** 2).sum()


@pytest.fixture(scope="module")
def halves(tmp_path_factory):
    """Two classes of targets, left and right, as a problem with its maps."""
    folder = tmp_path_factory.mktemp("halves")
    y = np.random.default_rng(3).standard_normal((40, 2)).astype(np.float32)
    y[:, 0] += np.where(np.arange(40) % 2, 4, -4)
    label = np.arange(40) % 2
    return classes.Problem("halves", str(folder), codes.Codes(y, y, np.zeros(2), 1.0, label, label), 250, 2, 8, 0.1, 1)


def test_pairs_of_a_map_are_its_pairs(halves):
    result = classes.one_map(halves)
    x, code = next(pairs.of_map(result, 32, 1))
    np.testing.assert_array_equal(code, result.map(x))


def test_one_map_shows_a_class_half_of_the_noise(halves):
    """Of N(0, I) the left class has the left half, whose mean has the length sqrt(2/pi); with a map for each class it
    has all. Chance of a failure below 1e-6: 20,000 pairs, so a standard deviation of a mean is 0.01."""
    found = {kind: classes.offset(*classes.first_pairs(kind, halves, 1)) for kind in classes.KINDS}
    assert found["one-map"] == pytest.approx(np.sqrt(2 / np.pi), abs=0.06)
    assert found["mini-batch"] == pytest.approx(np.sqrt(2 / np.pi), abs=0.1)
    assert found["maps"] < 0.06 and found["independent"] < 0.06


def test_pairs_of_classes_keep_their_labels(halves):
    for kind in classes.KINDS:
        _, code, label = next(classes.pairs_of(kind, halves, 1))
        np.testing.assert_array_equal(code[:, 0] > 0, label == 1)


def test_curvature():
    """A straight path has none; of a right angle abs(v - D)^2 is 1/2, and abs(D)^2 too."""
    straight = np.linspace(0, 1, 5)[:, None, None] * np.ones((1, 3, 2))
    assert velocity.curvature(straight) == pytest.approx(0, abs=1e-12)
    assert velocity.curvature(np.array([[[0.0, 0.0]], [[0.5, 0.0]], [[0.5, 0.5]]])) == pytest.approx(1)


def test_euler_steps(monkeypatch):
    """dx/dt = x by N steps is (1 + 1/N)^N; in blocks as at once."""
    noise = np.ones((5, 2), dtype=np.float32)
    monkeypatch.setattr(velocity, "POINTS", 2)
    for steps in (1, 4):
        path = velocity.move(lambda x, t: x, noise, steps)
        assert path.shape == (steps + 1, 5, 2)
        np.testing.assert_allclose(path[-1], (1 + 1 / steps) ** steps, rtol=1e-6)


def test_training_learns_a_shift():
    """Pairs (x, x + 3): the velocity is 3, and one step is exact but for what is left to learn."""
    rng = np.random.default_rng(2)

    def shifted():
        while True:
            x = rng.standard_normal((64, 1), dtype=np.float32)
            yield x, x + 3

    network, seconds, drawing = velocity.train(shifted(), 1, 200, 1, width=64)
    assert 0 < drawing < seconds
    made = velocity.move(network, np.array([[-1.0], [0.0], [1.0]], dtype=np.float32), 1)[-1]
    np.testing.assert_allclose(made.ravel(), [2, 3, 4], atol=0.5)


def test_a_network_sees_the_class():
    network = velocity.Velocity(2, classes=3, width=8)
    x, t = torch.zeros(3, 2), torch.zeros(3, 1)
    assert len(np.unique(network(x, t, torch.arange(3)).detach().numpy(), axis=0)) == 3


def test_distances(rng):
    """The sliced distance of a shift s is |s|^2/d, up to the choice of directions; W2 of it in the plane is |s|."""
    a = rng.standard_normal((500, 4))
    assert study.sliced(a, a) == 0
    assert study.sliced(a, a + [2, 0, 0, 0]) == pytest.approx(1, rel=0.25)
    assert classes.distance(a[:, :2], a[::-1, :2] + [3, 4]) == pytest.approx(5)


@pytest.fixture
def start(capsys, monkeypatch):
    """Runs a script in this process: its exit code, and what it printed."""
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.setenv(variable, "1")  # scripts set them, and other tests are not to see that

    def run(script, *arguments):
        loader = importlib.machinery.SourceFileLoader(f"flow_{script}", os.path.join(FLOW, script))
        module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
        loader.exec_module(module)
        capsys.readouterr()
        code = module.main(list(map(str, arguments)))
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def files(folder):
    return {name: os.stat(folder / name).st_mtime_ns for name in os.listdir(folder)}


def is_picture(path):
    return len(np.unique(matplotlib.image.imread(path))) > 10


def test_small_study(tmp_path, rng, start):
    """Tables and pictures; the second time nothing is made again, and other settings are refused in one sentence."""
    y = rng.standard_normal((240, 3)) + 4 * (np.arange(240) % 2)[:, None]
    with h5py.File(tmp_path / "y.h5", "w") as file:
        file["codes"], file["labels"] = y, (np.arange(240) % 2).astype("u1")
    out = tmp_path / "out"
    small = ("--out", out, "--codes", f"{tmp_path}/y.h5:/codes", "--small", "--steps", 20, "--jobs", 1)
    code, said, _ = start("run", *small)
    assert code == 0
    for row in (*(f"| {name} | " for name in report.NAMES.values()), "training codes themselves", "solves the mini-b"):
        assert row in said
    assert (out / "table.md").read_text(encoding="utf-8") in said
    assert is_picture(out / "flow.png")
    kept = {name: when for name, when in files(out).items() if name.endswith(("json", "pt", "h5"))}
    assert len(kept) == 9  # settings, the map and its seconds, three networks and their scores
    assert start("run", *small)[0] == 0
    assert kept.items() <= files(out).items()
    code, _, error = start("run", *small, "--batch", 8)
    assert code == 3 and "was begun with --batch 256" in error
    code, said, _ = start("conditional", "--out", out, "--small", "--count", 40, "--steps", 20, "--jobs", 1,
                          "--labels", f"{tmp_path}/y.h5:/labels")  # fmt: skip
    assert code == 0
    assert said.count("| one map for each class |") == 2 and "W2 after 1 step" in said
    assert is_picture(out / "conditional.png")


def test_what_is_missing_is_one_sentence(tmp_path, start):
    code, _, error = start("run", "--out", tmp_path / "out", "--codes", f"{tmp_path}/y.h5:/codes")
    assert code == 3 and "./quickstart makes" in error and error.count("\n") == 1
    assert not os.path.exists(tmp_path / "out")
    code, _, error = start("conditional", "--out", tmp_path / "out", "--small", "--count", 20, "--steps", 2,
                           "--jobs", 1, "--labels", "l.npy")  # fmt: skip
    assert code == 3 and "analysis/flow/run --out" in error and error.count("\n") == 1


def test_work_in_processes(tmp_path):
    study.in_processes(2, os.mkdir, [(str(tmp_path / name),) for name in "abc"])
    assert sorted(os.listdir(tmp_path)) == ["a", "b", "c"]
    with pytest.raises(FileExistsError):
        study.in_processes(2, os.mkdir, [(str(tmp_path / "a"),)])


def test_the_processor_is_named():
    assert report.processor()
    assert report.origin("x").startswith("`x`, ")


def test_a_training_that_is_there_is_not_repeated(halves):
    folder = pathlib.Path(halves.folder)
    classes.train(halves, "maps", 1)
    before = files(folder)
    classes.train(halves, "maps", 1)
    assert before == files(folder)
    assert isinstance(classes.load(halves, "maps", 1), velocity.Velocity)
