"""The map between the targets: its extension by barycentres, facets by angle, modes, and samples that stay in them."""

import h5py
import numpy as np
import pytest
from brenier_files import last_event, read_dataset, read_log, read_result
from program import brenier

PER_MODE, WIDTH = 8, 0.05


def grid():
    """Centres of 5 x 5 modes, 2 apart."""
    return 2.0 * np.stack(np.meshgrid(np.arange(5) - 2, np.arange(5) - 2), axis=-1).reshape(-1, 2)


def ring():
    angle = 2 * np.pi * np.arange(8) / 8
    return 2 * np.stack([np.cos(angle), np.sin(angle)], axis=1)


PROBLEMS = {  # centres, source, threshold: angles across are 9.5 degrees and more on the grid, some 45 on the ring
    "grid, gaussian": (grid(), "gaussian", ("-threshold", 8)),
    "grid, cube": (grid(), "cube", ("-threshold", 8)),
    "ring, gaussian": (ring(), "gaussian", ("-angle", "unlifted", "-threshold", 20)),
    "ring, cube": (ring(), "cube", ("-angle", "unlifted", "-threshold", 20)),
}


class Problem:
    def __init__(self, folder, name):
        self.folder, (self.centre, self.source, self.threshold) = folder, PROBLEMS[name]
        self.label = np.arange(PER_MODE * len(self.centre)) % len(self.centre)
        noise = np.random.default_rng(1).standard_normal((len(self.label), 2))
        np.save(folder / "y.npy", self.centre[self.label] + WIDTH * noise)
        np.save(folder / "labels.npy", self.label.astype(float))
        brenier("solve", "y.npy", "-source", self.source, "-curves", 6000, "-o", "r.h5", cwd=folder)
        self.result = read_result(folder / "r.h5")

    def sample(self, name, *options, ranks=1):
        brenier("sample", "r.h5", "-extension", "linear", "-o", name, "-log", "log", *options, cwd=self.folder,
                ranks=ranks)
        with h5py.File(self.folder / name) as file:
            return {dataset: file[dataset][()] for dataset in file}

    def event(self, name):
        return last_event(read_log(self.folder / "log"), name)

    def far(self, code):
        """Share of codes further than 4 sigma from every mode, and the nearest mode of each."""
        distance = np.linalg.norm(code[:, None] - self.centre, axis=2)
        return np.mean(distance.min(axis=1) > 4 * WIDTH), distance.argmin(axis=1)


@pytest.fixture(scope="module", params=PROBLEMS)
def problem(request, tmp_path_factory):
    return Problem(tmp_path_factory.mktemp("modes"), request.param)


def test_modes_are_the_clusters(problem):
    brenier("facets", "r.h5", "-o", "f.h5", *problem.threshold, "-log", "log", cwd=problem.folder)
    mode = read_dataset(f"{problem.folder}/f.h5:/mode")
    label = problem.label[problem.result["/row"]]
    assert problem.event("facets")["modes"] == len(problem.centre) == mode.max() + 1
    assert len(np.unique(np.stack([mode, label]), axis=1).T) == len(problem.centre)


def test_rejected_samples_are_in_a_mode(problem):
    n, k = 50000, len(problem.centre)
    s = problem.sample("s.h5", "-n", n, "-singular", "reject", *problem.threshold, "-labels", "labels.npy")
    far, mode = problem.far(s["code"])
    assert len(s["code"]) == n and far < 1e-3
    np.testing.assert_array_equal(s["label"], problem.label[problem.result["/row"]][s["index"]])
    # all modes, as often as they should be: their masses are off by rho / sqrt(targets of a mode) at most, and draws
    # near the borders are passed over
    share = np.bincount(mode, minlength=k) / n
    crossing = problem.event("sample")["crossing"] / problem.event("sample")["draws"]
    bound = 4 * np.sqrt((1 - 1 / k) / (k * n)) + problem.result.rho_high / k + 2 * crossing / k
    assert np.abs(share - 1 / k).max() < bound


def test_kept_samples_cross(problem):
    kept = problem.sample("k.h5", "-n", 20000, "-singular", "keep", *problem.threshold)
    crossing = problem.event("sample")["crossing"]
    projected = problem.sample("p.h5", "-n", 20000, "-singular", "project", *problem.threshold)
    assert problem.event("sample")["crossing"] == crossing > 0
    np.testing.assert_array_equal(kept["index"], projected["index"])
    assert problem.far(kept["code"])[0] > 1e-3 > problem.far(projected["code"])[0]
    same = np.all(kept["code"] == projected["code"], axis=1)
    assert np.sum(~same) <= crossing


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    return Problem(tmp_path_factory.mktemp("plane"), "grid, gaussian")


def test_extension_is_the_definition(plane):
    """Against NumPy, with barycentres of many points of each cell."""
    y, h = plane.result["/targets"], plane.result["/heights"]
    many = np.random.default_rng(2).standard_normal((500000, 2))
    cell = np.concatenate([np.argmax(part @ y.T + h, axis=1) for part in np.array_split(many, 50)])
    barycentre = np.stack([np.bincount(cell, many[:, k], len(y)) for k in range(2)], axis=1)
    barycentre /= np.bincount(cell, minlength=len(y))[:, None]
    x = np.random.default_rng(3).standard_normal((500, 2))
    nearest = np.argsort(-(x @ y.T + h), axis=1)[:, :4]
    weight = 1 / np.linalg.norm(x[:, None] - barycentre[nearest], axis=2)
    code = np.sum(weight[:, :, None] * y[nearest], axis=1) / weight.sum(axis=1)[:, None]
    np.save(plane.folder / "x.npy", x)
    brenier("map", "r.h5", "x.npy", "-extension", "linear", "-neighbours", 4, "-curves", 10000, "-o", "m.h5",
            cwd=plane.folder)  # fmt: skip
    found = read_dataset(f"{plane.folder}/m.h5:/code")
    # Barycentres are off by some 1e-2 of a cell's size on either side; a point near one of them feels it most
    error = np.linalg.norm(found - code, axis=1)
    assert np.median(error) < 0.02 and np.quantile(error, 0.99) < 0.4


def test_same_on_any_number_of_ranks(plane):
    options = ["-n", 3001, "-singular", "reject", "-quantile", 0.8, "-labels", "labels.npy"]
    bits = set()
    for ranks in (1, 2, 3):
        plane.sample(f"{ranks}.h5", *options, ranks=ranks)
        bits.add((plane.folder / f"{ranks}.h5").read_bytes())
    assert len(bits) == 1


def test_draws_are_named_by_seed_and_number(plane):
    whole = plane.sample("w.h5", "-n", 2000, "-seed", 5)
    part = plane.sample("t.h5", "-n", 500, "-seed", 5, "-first", 1500, "-noise", "no")
    assert "noise" not in part
    np.testing.assert_array_equal(part["draw"], whole["draw"][1500:])
    np.testing.assert_array_equal(part["code"], whole["code"][1500:])


def line_integral(y, h, i, j):
    """The Gaussian density's integral over the facet of cells i and j in the plane."""
    across = np.linalg.norm(y[j] - y[i])
    normal = (y[j] - y[i]) / across
    s = np.linspace(-6, 6, 6001)
    x = normal * (h[i] - h[j]) / across + s[:, None] * [-normal[1], normal[0]]
    value = x @ y.T + h
    on = value.max(axis=1) - value[:, i] < 1e-9
    return np.sum(on * np.exp(-0.5 * np.sum(x**2, axis=1))) * (s[1] - s[0]) / (2 * np.pi)


def test_angles_and_masses_of_facets(plane):
    brenier("facets", "r.h5", "-o", "f.h5", "-curves", 20000, cwd=plane.folder)
    with h5py.File(plane.folder / "f.h5") as file:
        pair, angle, mass = (file[name][()] for name in ("pair", "angle", "mass"))
        assert "mode" not in file
    y, h = plane.result["/targets"], plane.result["/heights"]
    i, j = pair.T
    assert np.all(i < j) and len(np.unique(pair, axis=0)) == len(pair)
    lifted = np.concatenate([y, -np.ones((len(y), 1))], axis=1)
    lifted /= np.linalg.norm(lifted, axis=1)[:, None]
    cosine = np.sum(lifted[i] * lifted[j], axis=1)
    np.testing.assert_allclose(np.cos(np.radians(angle)), cosine, atol=1e-12)
    # The mass of a facet is the density's integral over it. Its estimate is a mean of 1 / sin of the angles at which
    # great circles cross it, whose variance is barely finite, so twenty are taken together
    some = np.argsort(pair[:, 1], kind="stable")[::-1][:20]
    assert mass[some].sum() == pytest.approx(sum(line_integral(y, h, *pair[k]) for k in some), rel=0.1)
