"""Conditions of the targets: the law of pairs, counts by NumPy, classes far apart, map and samples, ranks, wrong input.

A point is a pair (x, sqrt(B) c). Masses of M points are within 5 standard errors of the expected ones in all of some 10
comparisons with a probability above 0.9999; the seeds are fixed.
"""
import os

import h5py
import numpy as np
import pytest
from brenier_files import last_event, read_log, read_result
from program import brenier
from scipy.stats import norm
from test_mixture import components, write
from test_ranks import RANKS, assert_same_bits

USAGE, INPUT, IO = 2, 3, 4
B = 4.0
CONDITIONS = ("-conditions", "c.npy", "-condition_weight", B)
MIXTURE = ("-source", "mixture", "-source_file", "m.h5")


def problem(folder, n=60, dim=3, columns=2, seed=1):
    """Targets, conditions of which some are equal, and weights, in files."""
    rng = np.random.default_rng(seed)
    y, c, nu = rng.standard_normal((n, dim)), rng.integers(0, 3, (n, columns)) / 2, rng.uniform(1, 3, n)
    for name, value in (("y", y), ("c", c), ("w", nu)):
        np.save(folder / f"{name}.npy", value)
    return y, c, nu / nu.sum()


def solve(folder, *options, **run):
    brenier("solve", "y.npy", "-o", "r.h5", *options, cwd=folder, **run)
    return read_result(folder / "r.h5")


def pairs(x, c, weight=B):
    return np.hstack([x, np.sqrt(weight) * c])


def cells(x, r):
    return np.argmax(x @ r["/targets"].T + r["/heights"], axis=1)


def datasets(path):
    with h5py.File(path) as file:
        return {name: file[name][()] for name in file if isinstance(file[name], h5py.Dataset)}


def test_components_of_the_source(tmp_path):
    """One for each different condition, with the weight of its targets; times those of the noise."""
    y, c, nu = problem(tmp_path)
    r = solve(tmp_path, *CONDITIONS, "-weights", "w.npy", "-curves", 500)
    different, which = np.unique(c, axis=0, return_inverse=True)
    mean = datasets(tmp_path / "r.h5")
    np.testing.assert_allclose(mean["component_weight"], np.bincount(which.ravel(), nu), rtol=1e-12)
    means = mean["component_mean"] + mean["source_mean"]
    np.testing.assert_allclose(means, pairs(np.zeros((len(different), 3)), different), atol=1e-14)
    assert r.condition_columns == 2 and r.condition_weight == B and r.dim == 5
    write(tmp_path / "m.h5", *components(3))
    solve(tmp_path, *CONDITIONS, *MIXTURE, "-curves", 500)
    assert len(datasets(tmp_path / "r.h5")["component_weight"]) == 3 * len(different)


def noise_of(folder, kind):
    """Options of a noise, and a function that draws its points."""
    weight, mean, factor = components(3)
    if kind == "gaussian":
        return (), lambda rng, n: rng.standard_normal((n, 3))
    if kind == "affine":
        np.save(folder / "mean.npy", mean[0]), np.save(folder / "factor.npy", factor[0])
        options = ("-source_mean", "mean.npy", "-source_factor", "factor.npy")
        return options, lambda rng, n: mean[0] + rng.standard_normal((n, 3)) @ factor[0].T
    if kind == "shared":
        factor = np.stack([factor[0]] * 3)
    write(folder / "m.h5", weight, mean, factor[0] if kind == "shared" else factor)

    def draw(rng, n):
        k = rng.choice(3, n, p=weight)
        return mean[k] + np.einsum("nij,nj->ni", factor[k], rng.standard_normal((n, 3)))

    return MIXTURE, draw


@pytest.mark.parametrize("kind", ["gaussian", "affine", "shared", "each"])
def test_masses_by_count(tmp_path, kind):
    """rho by pairs of noise and conditions that Brenier did not draw; the noise of samples, given their condition."""
    y, c, nu = problem(tmp_path)
    options, draw = noise_of(tmp_path, kind)
    r = solve(tmp_path, *CONDITIONS, "-weights", "w.npy", "-tol", 0.15, *options)
    rng, n = np.random.default_rng(5), 200000
    x = draw(rng, n)
    counted = np.bincount(cells(pairs(x, c[rng.choice(len(c), n, p=nu)]), r), minlength=len(y)) / n
    weights = r["/weights"]
    np.testing.assert_allclose(weights, nu, rtol=1e-12)
    chi2, expected = np.sum((counted - weights) ** 2 / weights), (len(y) - 1) / n
    assert chi2 < r.rho_high**2 * 1.1 + expected + 5 * np.sqrt(2 * (len(y) - 1)) / n
    brenier("sample", "r.h5", "-n", 30000, "-o", "s.h5", "-code_conditions", cwd=tmp_path)
    s = datasets(tmp_path / "s.h5")
    assert s["noise"].shape == s["code"].shape == (30000, 3)
    np.testing.assert_array_equal(s["code"], y.astype("f4")[r["/row"][s["index"]]])
    np.testing.assert_array_equal(s["code_condition"], c.astype("f4")[r["/row"][s["index"]]])
    different, share = np.unique(s["condition"], axis=0, return_counts=True)
    expected = np.array([nu[np.all(c == row, axis=1)].sum() for row in different])
    assert np.all(np.abs(share / 30000 - expected) < 5 * np.sqrt(expected / 30000))
    for row, count in zip(different, share):
        own = s["noise"][np.all(s["condition"] == row, axis=1)]
        np.testing.assert_allclose(own.mean(axis=0), x.mean(axis=0), atol=5 * x.std(axis=0).max() / np.sqrt(count))


def test_equal_conditions_are_none(tmp_path):
    """One condition for all: the map without any."""
    y, c, nu = problem(tmp_path, dim=2)
    plain = solve(tmp_path)
    np.save(tmp_path / "c.npy", np.full(len(y), 1.5))
    r = solve(tmp_path, *CONDITIONS)
    np.testing.assert_allclose(r["/heights"], plain["/heights"], atol=1e-8)
    assert r.w2 == pytest.approx(plain.w2, rel=1e-9) and r.rho < 1e-8


def test_heavy_conditions_are_classes(tmp_path):
    """Where B is large, heights within a condition are those of its own problem: quantiles of the normal law. Masses
    are within 5% in the root mean square, borders within 0.03 of the mass below them."""
    rng = np.random.default_rng(3)
    y, label = np.sort(rng.standard_normal(40)), np.arange(40) % 2
    np.save(tmp_path / "y.npy", y[:, None]), np.save(tmp_path / "c.npy", label)
    r = solve(tmp_path, "-conditions", "c.npy", "-condition_weight", 40, "-tol", 0.05)
    for k in range(2):
        own = label == k
        border = -np.diff(r["/heights"][own]) / np.diff(y[own])
        np.testing.assert_allclose(norm.cdf(border), np.arange(1, 20) / 20, atol=0.03)


def test_map_writes_codes_without_conditions(tmp_path):
    y, c, nu = problem(tmp_path)
    r = solve(tmp_path, *CONDITIONS, "-curves", 1000)
    rng = np.random.default_rng(2)
    x, cx = rng.standard_normal((500, 3)), c[rng.integers(0, len(c), 500)]
    np.save(tmp_path / "x.npy", x), np.save(tmp_path / "cx.npy", cx)
    given = ("map", "r.h5", "x.npy", "-conditions", "cx.npy")
    brenier(*given, "-o", "t.h5", "-code_conditions", "-t", 0.25, cwd=tmp_path)
    t, cell = datasets(tmp_path / "t.h5"), cells(pairs(x, cx), r)
    np.testing.assert_array_equal(t["index"], cell)
    np.testing.assert_array_equal(t["code"], y[cell])
    np.testing.assert_allclose(t["code_condition"], c[cell], atol=1e-15)
    np.testing.assert_allclose(t["position"], 0.75 * x + 0.25 * y[cell], atol=1e-14)
    u = np.max(pairs(x, cx) @ r["/targets"].T + r["/heights"], axis=1)
    np.testing.assert_allclose(t["potential"], u, atol=1e-12)
    np.testing.assert_allclose(t["phi"], 0.5 * np.sum(pairs(x, cx) ** 2, axis=1) - u, atol=1e-12)
    brenier(*given, "-o", "l.h5", "-extension", "linear", "-neighbours", 3, cwd=tmp_path)
    extended = datasets(tmp_path / "l.h5")
    assert extended["code"].shape == (500, 3) and "code_condition" not in extended
    brenier(*given, "-o", "p.h5", "-critic", cwd=tmp_path)
    assert set(datasets(tmp_path / "p.h5")) == {"phi"}
    assert "conditions: 2 numbers each, weight 4" in brenier("check", "r.h5", "-curves", 500, cwd=tmp_path).stdout
    told = brenier("info", "r.h5", cwd=tmp_path).stdout
    assert "condition_columns  2" in told and "condition_weight   4" in told


def test_ranks(tmp_path):
    """The same source, samples, images and measurements on 1, 2, 3 and 5 ranks, to the bit."""
    y, c, nu = problem(tmp_path)
    np.save(tmp_path / "x.npy", np.random.default_rng(2).standard_normal((100, 3)))
    np.save(tmp_path / "cx.npy", np.tile(c, (2, 1))[:100])
    parts, source, event = ("component", "source"), [], []
    for ranks in RANKS:
        solve(tmp_path, *CONDITIONS, "-weights", "w.npy", "-curves", 300, ranks=ranks)
        held = datasets(tmp_path / "r.h5")
        source.append(b"".join(held[name].tobytes() for name in sorted(held) if name.startswith(parts)))
        os.rename(tmp_path / "r.h5", tmp_path / f"{ranks}.r.h5")
    assert len(set(source)) == 1
    for ranks in RANKS:
        brenier("sample", "1.r.h5", "-n", 2000, "-o", f"{ranks}.s.h5", "-code_conditions", ranks=ranks, cwd=tmp_path)
        brenier("map", "1.r.h5", "x.npy", "-conditions", "cx.npy", "-o", f"{ranks}.t.h5", ranks=ranks, cwd=tmp_path)
        brenier("check", "1.r.h5", "-curves", 1000, "-log", "log", ranks=ranks, cwd=tmp_path)
        event.append(last_event(read_log(tmp_path / "log"), "check"))
    assert_same_bits([tmp_path / f"{ranks}.s.h5" for ranks in RANKS])
    assert_same_bits([tmp_path / f"{ranks}.t.h5" for ranks in RANKS])
    for name_of in ("rho", "rho_low", "w2", "gap", "energy"):
        assert len({e[name_of] for e in event}) == 1, name_of


def test_start_and_checkpoint_compare_the_weight(tmp_path):
    y, c, nu = problem(tmp_path)
    again = ("solve", "y.npy", "-o", "r.h5", "-curves", 500, "-conditions", "c.npy", "-condition_weight")
    first = solve(tmp_path, *CONDITIONS, "-curves", 500, "-checkpoint", "c.ckpt")["/heights"]
    assert "finished already" in brenier(*again, B, "-checkpoint", "c.ckpt", cwd=tmp_path).stdout
    assert "condition_weight" in brenier(*again, 9, "-checkpoint", "c.ckpt", cwd=tmp_path, code=INPUT).stderr
    os.rename(tmp_path / "r.h5", tmp_path / "before.h5")
    refused(tmp_path, INPUT, ["before.h5", "weight 4", "given ones 9"], *again, 9, "-start", "before.h5")
    refused(tmp_path, INPUT, ["before.h5", "2 columns", "0"], *again[:6], "-start", "before.h5")
    brenier(*again, B, "-start", "before.h5", cwd=tmp_path)
    assert np.abs(read_result(tmp_path / "r.h5")["/heights"] - first).max() < 0.05 * np.abs(first).max()


def refused(folder, code, words, *command):
    before = sorted(os.listdir(folder))
    done = brenier(*command, cwd=folder, code=code)
    lines = [line for line in done.stderr.splitlines() if "error" in line]
    assert len(lines) == 1 and all(word in done.stderr for word in words), done.stderr
    assert sorted(os.listdir(folder)) == before


def test_wrong_conditions_of_targets(tmp_path):
    y, c, nu = problem(tmp_path)
    np.save(tmp_path / "short.npy", c[:-1])
    np.save(tmp_path / "nan.npy", np.where(np.arange(len(c))[:, None] == 7, np.nan, c))
    np.save(tmp_path / "huge.npy", np.where(np.arange(len(c))[:, None] == 7, 1e100, c))
    solve_it = ("solve", "y.npy", "-o", "r.h5", "-curves", 500)
    with_weight = ("-condition_weight", B)
    given = ("-conditions", "c.npy")
    for code, words, options in [
        (INPUT, ["short.npy", "59 rows", "y.npy has 60"], ("-conditions", "short.npy", *with_weight)),
        (INPUT, ["nan.npy", "row 7", "NaN"], ("-conditions", "nan.npy", *with_weight)),
        (INPUT, ["huge.npy", "row 7", "scale"], ("-conditions", "huge.npy", *with_weight)),
        (IO, ["none.npy"], ("-conditions", "none.npy", *with_weight)),
        (USAGE, ["-conditions", "-condition_weight B"], given),
        (USAGE, ["-condition_weight", "-conditions FILE"], with_weight),
        (USAGE, ["-condition_weight", "0"], (*given, "-condition_weight", 0)),
        (USAGE, ["-condition_weight", "-1"], (*given, "-condition_weight", -1)),
        (USAGE, ["-source gaussian or mixture"], (*given, *with_weight, "-source", "cube")),
        (USAGE, ["-classes", "exclude"], (*given, *with_weight, "-classes", "w.npy")),
    ]:
        refused(tmp_path, code, words, *solve_it, *options)


def test_too_many_components(tmp_path):
    """The sentence comes before any work: 2,000 conditions times 20,000 components with a shared factor are 4.5 GiB."""
    n = 2000
    rng = np.random.default_rng(1)
    np.save(tmp_path / "y.npy", rng.standard_normal((n, 14))), np.save(tmp_path / "c.npy", rng.random(n))
    write(tmp_path / "m.h5", np.full(20000, 1 / 20000), rng.standard_normal((20000, 14)))
    refused(tmp_path, USAGE, ["2000 different conditions", "20000 components", "GiB"], "solve", "y.npy", "-o", "r.h5",
            *CONDITIONS, *MIXTURE)  # fmt: skip


def test_wrong_conditions_of_points(tmp_path):
    y, c, nu = problem(tmp_path)
    solve(tmp_path, *CONDITIONS, "-curves", 500)
    os.rename(tmp_path / "r.h5", tmp_path / "with.h5")
    solve(tmp_path, "-curves", 500)
    os.rename(tmp_path / "r.h5", tmp_path / "without.h5")
    np.save(tmp_path / "wide.npy", pairs(y, c))
    np.save(tmp_path / "one.npy", c[:, 0]), np.save(tmp_path / "short.npy", c[:-1])
    for code, words, options in [
        (USAGE, ["with.h5", "have conditions", "row of 2 numbers"], ("with.h5", "y.npy")),
        (USAGE, ["with.h5", "have conditions"], ("with.h5", "wide.npy")),
        (INPUT, ["wide.npy", "dimension 5", "dimension 3"], ("with.h5", "wide.npy", "-conditions", "c.npy")),
        (USAGE, ["without.h5", "no conditions"], ("without.h5", "y.npy", "-conditions", "c.npy")),
        (INPUT, ["one.npy", "1 number", "have 2"], ("with.h5", "y.npy", "-conditions", "one.npy")),
        (INPUT, ["short.npy", "59 rows"], ("with.h5", "y.npy", "-conditions", "short.npy")),
        (USAGE, ["-code_conditions", "solve -conditions"], ("without.h5", "y.npy", "-code_conditions")),
        (USAGE, ["-critic", "-code_conditions"],
         ("with.h5", "y.npy", "-conditions", "c.npy", "-code_conditions", "-critic")),
    ]:  # fmt: skip
        refused(tmp_path, code, words, "map", *options, "-o", "t.h5")
    refused(tmp_path, USAGE, ["-code_conditions"], "sample", "without.h5", "-n", 10, "-o", "s.h5", "-code_conditions")
    with h5py.File(tmp_path / "with.h5", "r+") as file:
        file.attrs["condition_columns"] = 5
    refused(tmp_path, INPUT, ["with.h5", "condition_columns", "damaged"], "check", "with.h5")
