"""brenier quantise and brenier barycentre: closed forms, a cost that falls, kills, ranks, wrong input."""
import os
import subprocess

import bounded
import h5py
import numpy as np
import pytest
from brenier_files import read_log
from program import PROGRAM, REPOSITORY, SHARED_CORES, brenier
from scipy.linalg import sqrtm
from scipy.stats import norm

SHELL = '. "$0/tools/mpi-environment.sh"; exec "$@"'
RNG = np.random.default_rng(7)
LINE, PLANE, SPACE = RNG.uniform(-0.4, 0.4, (10, 1)), RNG.standard_normal((30, 2)), RNG.standard_normal((20, 4))


def conditional_means(n):
    """Means of the standard normal law in its n cells of equal mass."""
    end = norm.ppf(np.arange(n + 1) / n)
    return n * (norm.pdf(end[:-1]) - norm.pdf(end[1:]))


def targets(path):
    with h5py.File(path, "r") as file:
        return file["targets"][()]


def content(path):
    """Datasets by name."""
    with h5py.File(path, "r") as file:
        return {name: item[()] for name, item in file.items() if isinstance(item, h5py.Dataset)}


def expect_same(path, other):
    a, b = content(path), content(other)
    assert a.keys() == b.keys()
    for name, values in a.items():
        np.testing.assert_array_equal(values, b[name], err_msg=name)


def steps_of(log):
    return [event for event in read_log(log) if event["event"] == "step"]


def expect_fall(steps):
    """Each step lowers the cost by half the square of its move, up to rounding."""
    assert len(steps) > 2
    for one, next_one in zip(steps, steps[1:]):
        assert next_one["cost"] < one["cost"]
        assert next_one["cost"] <= one["cost"] - 0.5 * one["move"] ** 2 + 1e-10


@pytest.mark.parametrize("source,wanted", [("cube", (2 * np.arange(1, 11) - 1) / 20 - 0.5),
                                           ("gaussian", conditional_means(10))])  # fmt: skip
def test_one_dimension(source, wanted, tmp_path):
    np.save(tmp_path / "y.npy", LINE)
    brenier("quantise", "y.npy", "-source", source, "-o", "r.h5", cwd=tmp_path)
    np.testing.assert_allclose(np.sort(targets(tmp_path / "r.h5")[:, 0]), wanted, atol=1e-14)
    np.save(tmp_path / "two.npy", [[0.1], [0.2]])
    brenier("quantise", "two.npy", "-o", "two.h5", cwd=tmp_path)  # free weights have the same minimiser
    np.testing.assert_allclose(targets(tmp_path / "two.h5")[:, 0], np.sqrt(2 / np.pi) * np.array([-1, 1]), atol=1e-14)


def test_weights(tmp_path):
    """Points are conditional means of the cells of their weights."""
    nu = np.arange(1, 5) / 10
    np.save(tmp_path / "y.npy", LINE[:4])
    np.save(tmp_path / "nu.npy", nu)
    brenier("quantise", "y.npy", "-weights", "nu.npy", "-o", "r.h5", cwd=tmp_path)
    order = np.argsort(LINE[:4, 0])
    density = norm.pdf(norm.ppf(np.concatenate([[0], np.cumsum(nu[order])]).clip(0, 1)))
    wanted = (density[:-1] - density[1:]) / nu[order]
    np.testing.assert_allclose(targets(tmp_path / "r.h5")[order, 0], wanted, atol=1e-14)


def test_the_cost_falls_with_exact_cells(tmp_path):
    np.save(tmp_path / "y.npy", PLANE)
    said = brenier("quantise", "y.npy", "-steps", 4, "-o", "r.h5", "-log", "log", cwd=tmp_path, code=6).stdout
    assert "step limit after 4 steps" in said
    steps = steps_of(tmp_path / "log")
    expect_fall(steps)
    check = brenier("check", "r.h5", "-log", "check", cwd=tmp_path)
    assert "exact masses" in check.stdout
    assert read_log(tmp_path / "check")[-1]["dual"] == pytest.approx(steps[-1]["cost"], rel=1e-9)


def test_barycentre_of_normal_laws(tmp_path):
    """On the line points are those of the barycentre, a normal law. Laws that differ by a factor have the points of
    the mean factor. In the plane the covariance is near the fixed point, as quantisation takes some off."""
    np.save(tmp_path / "line.npy", LINE)
    lines = "# two laws\n1 -source_mean -2\n\n3 -source gaussian -source_mean 2 -source_factor 3\n"
    (tmp_path / "s.txt").write_text(lines)
    brenier("barycentre", "line.npy", "s.txt", "-o", "r.h5", cwd=tmp_path)
    np.testing.assert_allclose(np.sort(targets(tmp_path / "r.h5")[:, 0]), 1 + 2.5 * conditional_means(10), atol=1e-13)

    np.save(tmp_path / "plane.npy", PLANE)
    (tmp_path / "s.txt").write_text("0.5 -source_factor 1\n0.5 -source_factor 3\n")
    brenier("barycentre", "plane.npy", "s.txt", "-steps", 3, "-o", "b.h5", cwd=tmp_path, code=6)
    brenier("quantise", "plane.npy", "-source_factor", 2, "-steps", 3, "-o", "q.h5", cwd=tmp_path, code=6)
    np.testing.assert_allclose(targets(tmp_path / "b.h5"), targets(tmp_path / "q.h5"), atol=1e-7)

    a, b = np.array([[2.0, 0.5], [0.3, 0.6]]), np.array([[0.5, -0.4], [0.2, 1.5]])
    np.save(tmp_path / "a.npy", a)
    np.save(tmp_path / "b.npy", b)
    np.save(tmp_path / "plane.npy", np.random.default_rng(3).standard_normal((100, 2)))
    (tmp_path / "s.txt").write_text("0.4 -source_factor a.npy\n0.6 -source_factor b.npy\n")
    brenier("barycentre", "plane.npy", "s.txt", "-move_tol", 0.05, "-o", "c.h5", "-log", "log", cwd=tmp_path)
    found, cov = np.cov(targets(tmp_path / "c.h5").T, bias=True), np.eye(2)
    for _ in range(100):
        root = sqrtm(cov)
        inner = 0.4 * sqrtm(root @ a @ a.T @ root) + 0.6 * sqrtm(root @ b @ b.T @ root)
        cov = np.linalg.inv(root) @ inner @ inner @ np.linalg.inv(root)
    assert np.linalg.norm(found - cov) < 0.06 * np.linalg.norm(cov)
    assert np.all(np.linalg.eigvalsh(cov - found) > 0)


def test_continued_after_a_kill_on_a_sample(tmp_path):
    """The same bits; then it is finished; the cost of the sample falls; another problem is refused."""
    np.save(tmp_path / "y.npy", SPACE)
    options = ["-curves", "800", "-steps", "3", "-checkpoint_interval", "0"]

    def run(name, *more, code=6):
        return brenier("quantise", "y.npy", "-o", f"{name}.h5", "-checkpoint", f"{name}.ckpt", *options, *more,
                       cwd=tmp_path, code=code)  # fmt: skip

    assert "step limit" in run("r", "-log", "log").stdout
    expect_fall(steps_of(tmp_path / "log"))
    command = [PROGRAM, "quantise", "y.npy", "-o", "s.h5", "-checkpoint", "s.ckpt", *options]
    process = bounded.start(["bash", "-c", SHELL, REPOSITORY, *command], cwd=tmp_path, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT,
                            env={**os.environ, **SHARED_CORES, "BRENIER_RANKS": "1"})  # fmt: skip
    for line in bounded.lines(process):
        if line.split()[:1] == ["1"]:
            break
    bounded.kill_session(process, 0)
    assert not (tmp_path / "s.h5").exists()
    assert "-seed is 1 there and 2 here" in run("s", "-seed", 2, code=3).stderr
    again = run("s").stdout
    assert "checkpoint: continues from" in again and "\n    0 " not in again
    expect_same(tmp_path / "r.h5", tmp_path / "s.h5")
    assert "finished already: step limit" in run("s").stdout


def test_a_stop_ends_with_the_last_step(tmp_path, monkeypatch):
    """Without a checkpoint there is a result, or a sentence where there are no maps yet."""
    np.save(tmp_path / "y.npy", SPACE)
    monkeypatch.setenv("BRENIER_TEST_STOP_AT", "1")
    said = brenier("quantise", "y.npy", "-o", "r.h5", cwd=tmp_path, code=85).stdout
    assert "before the first maps were found; nothing is written" in said and not (tmp_path / "r.h5").exists()
    (tmp_path / "stop").touch()
    monkeypatch.delenv("BRENIER_TEST_STOP_AT")
    said = brenier("quantise", "y.npy", "-o", "r.h5", "-stop_file", "stop", "-checkpoint", "c", cwd=tmp_path,
                   code=85).stdout  # fmt: skip
    assert "stopped (stop file) before the first maps were found" in said


def test_ranks_agree_to_rounding(tmp_path):
    """Each solve agrees to the rounding of the linear solver; on the line, where there is none, bits are the same."""
    np.save(tmp_path / "line.npy", LINE)
    np.save(tmp_path / "y.npy", PLANE)
    (tmp_path / "s.txt").write_text("1 -source_factor 2\n1 -source cube\n")
    for ranks in (1, 2, 3, 5):
        brenier("barycentre", "line.npy", "s.txt", "-o", f"line{ranks}.h5", ranks=ranks, cwd=tmp_path)
        expect_same(tmp_path / "line1.h5", tmp_path / f"line{ranks}.h5")
    for ranks in (1, 3):
        brenier("quantise", "y.npy", "-steps", 2, "-o", f"y{ranks}.h5", ranks=ranks, cwd=tmp_path, code=6)
    np.testing.assert_allclose(targets(tmp_path / "y3.h5"), targets(tmp_path / "y1.h5"), atol=1e-9)


@pytest.mark.parametrize("line,code,sentence", [
    ("", 3, "s.txt: has no source"),
    ("gaussian", 3, "s.txt, line 1: begins with no positive weight"),
    ("0 -source gaussian", 3, "s.txt, line 1: begins with no positive weight"),
    ("1 -source gaussian\\n1 -sourc cube", 3, "s.txt, line 2: '-sourc' is no option of a source"),
    ("1 -source_mean", 3, "s.txt, line 1: the last option has no value"),
    ("1 -source gauss", 2, "s.txt, line 1: option -source takes one of"),
    ("1 -source cube -source_mean 1", 2, "s.txt, line 1: option -source_mean needs another source"),
    ("1 -source gaussian -source_dof 4", 2, "s.txt, line 1: option -source_dof needs -source student"),
    ("1 -source_mean none.npy", 4, "s.txt, line 1: none.npy: cannot open"),
])  # fmt: skip
def test_wrong_sources(line, code, sentence, tmp_path):
    np.save(tmp_path / "y.npy", LINE)
    (tmp_path / "s.txt").write_text(line.replace("\\n", "\n") + "\n")
    said = brenier("barycentre", "y.npy", "s.txt", "-o", "r.h5", cwd=tmp_path, code=code).stderr
    assert sentence in said and said.count("brenier: error") == 1, said
    assert not (tmp_path / "r.h5").exists()


def test_wrong_points(tmp_path):
    said = brenier("quantise", "y.npy", "-o", "r.h5", cwd=tmp_path, code=4).stderr
    assert "y.npy: cannot open" in said
    np.save(tmp_path / "y.npy", LINE)
    said = brenier("barycentre", "y.npy", "s.txt", "-o", "r.h5", cwd=tmp_path, code=3).stderr
    assert "s.txt: cannot open; it is to have a line for each source" in said
