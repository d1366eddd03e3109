"""One map for each class: the same as solves of each class, on any number of ranks and after a kill; and the commands
that read such a result."""
import os
import subprocess

import bounded
import h5py
import numpy as np
import pytest
from program import PROGRAM, REPOSITORY, SHARED_CORES, brenier

SIZES = {-3: 12, 0: 1, 5: 25, 2**40: 8}
SHELL = '. "$0/tools/mpi-environment.sh"; exec mpiexec -n "$BRENIER_RANKS" "$@"'
OPTIONS = ("-classes", "label.npy", "-tol", 0.5, "-weights", "w.npy")
STOPPED = 85


@pytest.fixture(name="folder", scope="module")
def folder_fixture(tmp_path_factory):
    """Weighted targets in d = 4 with labels out of order, one of them twice; a result."""
    folder = tmp_path_factory.mktemp("classes")
    rng = np.random.default_rng(1)
    label = rng.permutation(np.repeat(list(SIZES), list(SIZES.values())))
    y = rng.standard_normal((len(label), 4))
    of = np.flatnonzero(label == 5)
    y[of[7]] = y[of[3]]  # a duplicate within a class
    y[np.flatnonzero(label == -3)[0]] = y[of[3]]  # and one in another class, which stays
    np.save(folder / "y.npy", y)
    np.save(folder / "label.npy", label)
    np.save(folder / "w.npy", rng.uniform(0.5, 2.0, len(label)))
    brenier("solve", "y.npy", *OPTIONS, "-o", "r.h5", cwd=folder)
    return folder


def content(path):
    """Datasets by name, without times."""
    found = {}
    with h5py.File(path, "r") as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    del found["class/class_seconds"]
    return found


def expect_same(path, other):
    a, b = content(path), content(other)
    assert a.keys() == b.keys()
    for name, values in a.items():
        np.testing.assert_array_equal(values, b[name], err_msg=name)


def test_the_maps_are_those_of_solves_of_each_class(folder, tmp_path):
    """Bit by bit, with the seed that the result names; rows are those of the input."""
    y, label, w = (np.load(folder / f"{name}.npy") for name in ("y", "label", "w"))
    r = content(folder / "r.h5")
    assert list(r["class/label"]) == sorted(SIZES) and list(r["class/n_targets"]) == [12, 1, 24, 8]
    np.testing.assert_array_equal(r["label"], label[r["row"]])
    np.testing.assert_array_equal(r["targets"], y[r["row"]])
    assert np.all(np.diff(r["row"]) > 0) and len(r["row"]) == len(y) - 1
    for k, seed, share in zip(r["class/label"], r["class/seed"], r["class/weight"]):
        of, here = label == k, r["label"] == k
        np.save(tmp_path / "y.npy", y[of])
        np.save(tmp_path / "w.npy", w[of])
        brenier("solve", "y.npy", "-o", "r.h5", "-weights", "w.npy", "-tol", 0.5, "-seed", seed, cwd=tmp_path)
        one = content_of_one(tmp_path / "r.h5")
        for name in ("targets", "weights", "heights", "mass", "mass_error", "barycenter", "psi"):
            np.testing.assert_array_equal(r[name][here], one[name], err_msg=f"{name} of class {k}")
        assert share == pytest.approx(w[of].sum() / w.sum())


def content_of_one(path):
    with h5py.File(path, "r") as file:
        return {name: item[()] for name, item in file.items() if isinstance(item, h5py.Dataset)}


@pytest.mark.parametrize("ranks", [2, 3, 5])
def test_any_number_of_ranks_gives_the_same_bits(folder, ranks):
    brenier("solve", "y.npy", *OPTIONS, "-o", f"r{ranks}.h5", ranks=ranks, cwd=folder)
    expect_same(folder / "r.h5", folder / f"r{ranks}.h5")


def start(folder, ranks, **environment):
    command = [PROGRAM, "solve", "y.npy", *map(str, OPTIONS), "-o", "s.h5", "-checkpoint", "s.ckpt",
               "-checkpoint_interval", "0"]  # fmt: skip
    return bounded.start(["bash", "-c", SHELL, REPOSITORY, *command], cwd=folder, stdout=subprocess.PIPE,
                         env={**os.environ, **SHARED_CORES, "BRENIER_RANKS": str(ranks), **environment},
                         stderr=subprocess.STDOUT)  # fmt: skip


def clean(folder):
    for name in ("s.h5", "s.ckpt", "s.ckpt.1"):
        (folder / name).unlink(missing_ok=True)


def test_a_killed_run_continues_with_the_classes_that_are_missing(folder):
    clean(folder)
    process = start(folder, 2)
    for line in bounded.lines(process):
        if "checkpoint: wrote" in line:
            break
    bounded.kill_session(process, 0)
    said = brenier("solve", "y.npy", *OPTIONS, "-o", "s.h5", "-checkpoint", "s.ckpt", cwd=folder).stdout
    assert "checkpoint: continues from" in said and "class 5:" not in said  # the largest was done first
    expect_same(folder / "r.h5", folder / "s.h5")
    assert "finished already" in brenier("solve", "y.npy", *OPTIONS, "-o", "s.h5", "-checkpoint", "s.ckpt",
                                         cwd=folder).stdout  # fmt: skip


def test_a_stopped_run_continues(folder):
    """At a safe point in a class: with a checkpoint it begins anew, without one the others have no map."""
    clean(folder)
    process = start(folder, 2, BRENIER_TEST_STOP_AT="4")
    said = "".join(bounded.lines(process))
    assert process.wait() == STOPPED and "the same command continues from s.ckpt" in said, said
    brenier("check", "s.ckpt", "-checkpoint", cwd=folder)
    said = brenier("solve", "y.npy", "-classes", "label.npy", "-tol", 0.4, "-weights", "w.npy", "-o", "s.h5",
                   "-checkpoint", "s.ckpt", cwd=folder, code=3).stderr  # fmt: skip
    assert "-tol is 0.5 there and 0.4 here" in said
    brenier("solve", "y.npy", *OPTIONS, "-o", "s.h5", "-checkpoint", "s.ckpt", cwd=folder)
    expect_same(folder / "r.h5", folder / "s.h5")


def test_classes_without_a_map(folder, monkeypatch):
    monkeypatch.setenv("BRENIER_TEST_STOP_AT", "3")
    said = brenier("solve", "y.npy", *OPTIONS, "-o", "part.h5", cwd=folder, code=6).stdout
    assert "classes have no map, as the run was stopped before them" in said
    monkeypatch.delenv("BRENIER_TEST_STOP_AT")
    assert "no map" in brenier("check", "part.h5", "-tol", 0.5, cwd=folder, code=6).stdout
    said = brenier("sample", "part.h5", "-class", 0, "-n", 10, "-o", "none.h5", cwd=folder, code=3).stderr
    assert "class 0 has no map" in said and not (folder / "none.h5").exists()


def test_check_tells_of_every_class(folder):
    """Worst first; alone a class has the same numbers."""
    said = brenier("check", "r.h5", "-curves", 2000, cwd=folder).stdout.splitlines()
    begin = next(i for i, line in enumerate(said) if line.split()[:2] == ["class", "targets"])
    rows = [list(map(float, line.split())) for line in said[begin + 1 : begin + 1 + len(SIZES)]]
    assert {row[0] for row in rows} == set(SIZES)
    highs = [row[4] for row in rows]
    assert highs == sorted(highs, reverse=True) and highs[0] <= 0.5
    alone = brenier("check", "r.h5", "-class", int(rows[0][0]), "-curves", 2000, cwd=folder).stdout
    assert f"rho            {rows[0][2]:.4g} " in alone
    two = brenier("check", "r.h5", "-curves", 2000, ranks=2, cwd=folder).stdout.splitlines()
    assert two[begin:] == said[begin:]
    above = brenier("check", "r.h5", "-curves", 2000, "-tol", highs[0] / 2, cwd=folder, code=6).stdout
    assert f"worst: class {int(rows[0][0])}" in above


def test_samples(folder):
    """Labels as the weights say, each count within 5 standard errors (chance of a failure 2e-6); noise goes to the
    target that its class says; the same bits on three ranks."""
    for ranks, name in ((1, "a.h5"), (3, "b.h5")):
        brenier("sample", "r.h5", "-n", 4000, "-o", name, ranks=ranks, cwd=folder)
    assert (folder / "a.h5").read_bytes() == (folder / "b.h5").read_bytes()
    r = content(folder / "r.h5")
    with h5py.File(folder / "a.h5") as a:
        noise, index, code, label = (a[name][()] for name in ("noise", "index", "code", "label"))
    np.testing.assert_array_equal(label, r["label"][index])
    np.testing.assert_allclose(code, r["targets"][index], rtol=1e-6)
    for k, share in zip(r["class/label"], r["class/weight"]):
        here, drawn = r["label"] == k, label == k
        assert abs(drawn.mean() - share) < 5 * np.sqrt(share * (1 - share) / len(label))
        best = np.argmax(noise[drawn] @ r["targets"][here].T + r["heights"][here], axis=1)
        assert np.mean(np.flatnonzero(here)[best] == index[drawn]) > 0.99  # noise is stored in single precision


def test_commands_of_one_class(folder):
    x = np.random.default_rng(2).standard_normal((30, 4))
    np.save(folder / "x.npy", x)
    brenier("map", "r.h5", "x.npy", "-class", 5, "-o", "m.h5", cwd=folder)
    r = content(folder / "r.h5")
    here = r["label"] == 5
    with h5py.File(folder / "m.h5") as m:
        index = np.argmax(x @ r["targets"][here].T + r["heights"][here], axis=1)
        np.testing.assert_array_equal(m["index"][()], index)
        np.testing.assert_array_equal(m["code"][()], r["targets"][here][index])
    brenier("sample", "r.h5", "-class", -3, "-n", 100, "-o", "one.h5", "-extension", "linear", cwd=folder)
    with h5py.File(folder / "one.h5") as one:
        assert set(one["label"][()]) == {-3} and one["index"][()].max() < 12
    assert "between the cells of 24 targets" in brenier("facets", "r.h5", "-class", 5, "-o", "f.h5", cwd=folder).stdout
    said = brenier("info", "r.h5", cwd=folder).stdout
    assert "worst_class" in said and "classes            4" in said


def test_a_source_with_mean_and_factor(folder):
    """Every class has the source that is given, in the result too; a checkpoint knows it."""
    rng = np.random.default_rng(3)
    np.save(folder / "m.npy", rng.standard_normal(4))
    np.save(folder / "L.npy", rng.standard_normal((4, 4)))
    source = ("-source_mean", "m.npy", "-source_factor", "L.npy")
    kept = ("-o", "affine.h5", "-checkpoint", "affine.ckpt")
    brenier("solve", "y.npy", *OPTIONS, *source, *kept, ranks=2, cwd=folder)
    r = content(folder / "affine.h5")
    k = int(np.flatnonzero(r["class/label"] == 5)[0])
    of = np.load(folder / "label.npy") == 5
    np.save(folder / "y5.npy", np.load(folder / "y.npy")[of])
    np.save(folder / "w5.npy", np.load(folder / "w.npy")[of])
    brenier("solve", "y5.npy", "-weights", "w5.npy", "-tol", 0.5, "-seed", r["class/seed"][k], *source,
            "-o", "affine5.h5", cwd=folder)  # fmt: skip
    one = content_of_one(folder / "affine5.h5")
    for name in ("heights", "mass", "barycenter", "psi"):
        np.testing.assert_array_equal(r[name][r["label"] == 5], one[name], err_msg=name)
    np.testing.assert_array_equal(r["source_factor"], np.load(folder / "L.npy"))
    error = brenier("solve", "y.npy", *OPTIONS, *kept, cwd=folder, code=3).stderr
    assert "content of the source is" in error and "and none here" in error


def test_a_tolerance_that_a_class_misses(folder):
    said = brenier("solve", "y.npy", "-classes", "label.npy", "-curves", 20, "-tol", 0.05, "-held_out_curves", 500,
                   "-warm_up", 0, "-max_it", 1, "-o", "miss.h5", cwd=folder, code=6).stdout  # fmt: skip
    assert "3 of 4 classes miss the tolerance of 0.05; worst: class" in said


@pytest.mark.parametrize("words, code, said", [
    (("solve", "y.npy", "-classes", "short.npy"), 3, "45 labels for 46 targets in y.npy; give one label a target"),
    (("solve", "y.npy", "-classes", "float.npy"), 3, "labels"),
    (("solve", "y.npy", "-classes", "text.npy"), 3, "text.npy"),
    (("solve", "y.npy", "-classes", "large.npy"), 3, "a label beyond 2^63 - 1"),
    (("solve", "y.npy", "-classes", "gone.npy"), 4, "gone.npy"),
    (("solve", "y.npy", "-classes", "label.npy", "-weights", "zero.npy"), 3, "the weight in row 7 is 0"),
    (("solve", "y.npy", "-classes", "label.npy", "-start", "r.h5"), 2, "-classes and -start exclude each other"),
    (("solve", "y.npy", "-start", "r.h5"), 3, "it has one map for each class"),
    (("sample", "r.h5", "-class", "4", "-n", "5"), 2, "r.h5 has no class 4; it has 4 classes, with labels from -3 to"),
    (("sample", "plain.h5", "-class", "4", "-n", "5"), 2, "plain.h5 has one map for all its targets"),
    (("sample", "r.h5", "-n", "5", "-extension", "linear"), 2, "name a class by -class LABEL"),
    (("sample", "r.h5", "-n", "5", "-labels", "label.npy"), 2, "leave out -labels"),
    (("map", "r.h5", "y.npy"), 3, "name a class by -class LABEL"),
    (("facets", "r.h5"), 3, "name a class by -class LABEL"),
])  # fmt: skip
def test_refused(folder, words, code, said):
    """One sentence, and no file left behind."""
    label = np.load(folder / "label.npy")
    np.save(folder / "short.npy", label[:-1])
    np.save(folder / "float.npy", label + 0.5)
    np.save(folder / "text.npy", label.astype(str))
    np.save(folder / "large.npy", np.where(label == 0, np.uint64(2**63 + 1), np.uint64(1)))
    np.save(folder / "zero.npy", np.where(np.arange(len(label)) == 7, 0.0, 1.0))
    if not (folder / "plain.h5").exists():
        np.save(folder / "plane.npy", np.load(folder / "y.npy")[:, :2])
        brenier("solve", "plane.npy", "-o", "plain.h5", cwd=folder)
    error = brenier(*words, "-o", "refused.h5", cwd=folder, code=code).stderr
    assert said in error and error.count("brenier: error:") == 1, error
    assert not (folder / "refused.h5").exists()


def test_an_error_of_one_rank_ends_all_with_its_sentence(folder):
    """The last class has targets too near to each other: only the rank that has it knows."""
    y, label = np.load(folder / "y.npy"), np.load(folder / "label.npy")
    of = np.flatnonzero(label == 2**40)
    y[of] = 1e-150 * np.arange(len(of))[:, None]
    np.save(folder / "tight.npy", y)
    error = brenier("solve", "tight.npy", "-classes", "label.npy", "-tol", 0.5, "-o", "tight.h5", ranks=3, cwd=folder,
                    code=3).stderr  # fmt: skip
    assert "tight.npy (class 1099511627776): no target is further than" in error
    assert error.count("brenier: error:") == 1 and not (folder / "tight.h5").exists()
