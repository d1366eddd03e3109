"""brenier.solve: kinds of input, options, outcomes."""
import io
import pickle

import brenier
import h5py
import numpy as np
import pytest
import torch
from brenier import progress
from package_problems import points


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.float16, np.int16, list, torch.float32, torch.bfloat16])
def test_targets_of_any_kind(kind):
    y = np.round(8 * points(20, 2))  # exact in each of the types
    given = (
        y.tolist() if kind is list else torch.tensor(y).to(kind) if isinstance(kind, torch.dtype) else y.astype(kind)
    )
    result = brenier.solve(given)
    np.testing.assert_array_equal(result.targets, y[result.row])
    assert result.status == "converged" and result.rho < 1e-6
    np.testing.assert_allclose(result.mass, result.weights, atol=1e-8)


def test_targets_in_a_file(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["y"], file["nu"] = points(20, 2), np.arange(1, 21)
    from_file = brenier.solve(f"{tmp_path}/a.h5:/y", f"{tmp_path}/a.h5:/nu", ranks=1)
    from_memory = brenier.solve(points(20, 2), np.arange(1, 21))
    np.testing.assert_array_equal(from_file.heights, from_memory.heights)
    np.save(tmp_path / "y.npy", points(20, 2))
    assert brenier.solve(tmp_path / "y.npy", torch.arange(1, 21), ranks=1).w2 == from_memory.w2


def test_ranks_and_threads():
    y = points(300, 5)
    one, two = (brenier.solve(y, tol=None, curves=2000, ranks=ranks, threads=1) for ranks in (1, 2))
    np.testing.assert_allclose(one.heights, two.heights, atol=1e-6)


def test_what_a_result_holds(plane):
    assert plane.targets.shape == plane.barycenters.shape == (40, 2)
    assert plane.heights.shape == plane.psi.shape == plane.mass_error.shape == (40,)
    assert plane.weights.sum() == pytest.approx(1)
    assert plane.weights @ plane.heights == pytest.approx(0, abs=1e-12)
    assert plane.rho_low <= plane.rho <= plane.rho_high
    assert plane.w2_bound_low <= plane.w2 <= plane.w2_bound_high
    assert len(plane.history["rho"]) > 0 and plane.source == "gaussian"
    assert "40 targets in dimension 2" in repr(plane) and "converged" in plane.output
    with pytest.raises(AttributeError, match="no root attribute nothing"):
        plane.nothing


def test_save_load_and_pickle(plane, tmp_path):
    plane.save(tmp_path / "r.h5")
    x = points(50, 2, seed=3)
    for again in (brenier.load(tmp_path / "r.h5"), pickle.loads(pickle.dumps(plane))):
        np.testing.assert_array_equal(again.map(x), plane.map(x))
    with pytest.raises(brenier.InputOutput, match="cannot be written"):
        plane.save(tmp_path / "gone" / "r.h5")
    with pytest.raises(brenier.BadFile, match="no such file"):
        brenier.load(tmp_path / "gone.h5")


def test_the_folder_of_a_result_goes_with_it():
    import gc
    import os

    result = brenier.solve(points(5, 2))
    path = result.path
    assert os.listdir(os.path.dirname(path)) == ["result.h5"]
    del result
    gc.collect()
    assert not os.path.exists(os.path.dirname(path))


def test_tolerance_not_reached_is_a_warning_and_a_result():
    with pytest.warns(brenier.NotReached, match="tolerance not reached: .*rho") as warned:
        result = brenier.solve(points(200, 5), tol=0.01, curves=300, warm_up=0, max_it=1)
    assert result.rho > 0.01 and warned[0].filename == __file__


def test_classes(plane):
    y, label = points(30, 2), np.arange(30) % 3
    results = brenier.solve(y, classes=torch.tensor(label))
    assert list(results) == [0, 1, 2] and "3 classes of 30 targets" in repr(results)
    for k, result in results.items():
        np.testing.assert_array_equal(result.targets, y[label == k])
        np.testing.assert_array_equal(result.row, np.flatnonzero(label == k))
        assert result.rho == results.classes["rho"][k] and result.n_targets == 10
    weighted = brenier.solve(y, np.arange(1, 31), classes=np.array(["a", "b", "c"])[label])
    assert weighted["b"].weights.max() == pytest.approx(29 / np.arange(2, 31, 3).sum())


@pytest.fixture(name="labelled", scope="module")
def labelled_fixture():
    """60 targets in d = 6 with labels -1, 4 and 9."""
    return brenier.solve(points(60, 6), classes=np.array([-1, 4, 9])[np.arange(60) % 3], tol=0.3)


def test_a_class_is_a_map(labelled):
    x = np.random.default_rng(3).standard_normal((50, 6))
    label = np.array([-1, 4, 9])[np.arange(50) % 3]
    mapped, index = labelled.map(x, label=label), labelled.index(x, label)
    for k, one in labelled.items():
        best = np.argmax(x @ one.targets.T + one.heights, axis=1)
        np.testing.assert_array_equal(mapped[label == k], one.targets[best][label == k])
        assert abs(one.weights @ one.heights) < 1e-12 and one.weights.sum() == pytest.approx(1)
    np.testing.assert_array_equal(labelled.label[index], label)
    u = (x * mapped).sum(1) + labelled.heights[index]
    np.testing.assert_allclose(labelled.potential(x, label), u, rtol=1e-12)
    np.testing.assert_allclose(labelled.phi(x, label), (x * x).sum(1) / 2 - u, rtol=1e-12, atol=1e-12)
    with pytest.raises(brenier.BadInput, match="no class"):
        labelled.map(x, label=5)
    with pytest.raises(brenier.BadArguments, match="give label="):
        labelled.map(x)


def test_samples_of_classes(labelled):
    """Labels as their weights say: each count is binomial, and is within 5 standard errors but for a chance of 2e-6."""
    drawn = labelled.sample(3000, seed=2)
    np.testing.assert_array_equal(drawn.label, labelled.label[drawn.index])
    np.testing.assert_array_equal(labelled.index(drawn.noise, drawn.label), drawn.index)
    np.testing.assert_allclose(drawn.code, labelled.targets[drawn.index], rtol=1e-6)
    for k in labelled:
        assert abs(np.mean(drawn.label == k) - 1 / 3) < 5 * np.sqrt(2 / 9 / 3000)
    one = labelled.sample(100, label=4)
    assert set(one.label) == {4}
    np.testing.assert_array_equal(labelled.index(one.noise, 4), one.index)


def test_couplings_of_classes(labelled):
    pairs = labelled.couplings(256, seed=5)
    noise, code, label = next(pairs)
    np.testing.assert_array_equal(labelled.map(noise, label), code)
    again = labelled.couplings(256, seed=5, start=1)
    for a, b in zip(next(pairs), next(again)):
        np.testing.assert_array_equal(a, b)


def test_classes_that_are_saved_and_pickled(labelled, tmp_path):
    labelled.save(tmp_path / "r.h5")
    for other in (brenier.load(tmp_path / "r.h5"), pickle.loads(pickle.dumps(labelled))):
        assert list(other) == list(labelled)
        np.testing.assert_array_equal(other[9].heights, labelled[9].heights)


def test_start_from_a_result(sampled):
    again = brenier.solve(sampled.targets, start=sampled, tol=None, curves=4000)
    assert len(again.history["rho"]) <= len(sampled.history["rho"])


def test_a_checkpoint_ends_with_its_result(tmp_path, monkeypatch):
    y = points(200, 5)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    first = brenier.solve(y, tol=0.3, checkpoint=tmp_path / "run.ckpt")
    again = brenier.solve(y, tol=0.3, checkpoint=tmp_path / "run.ckpt")
    np.testing.assert_array_equal(first.heights, again.heights)
    assert first.path == f"{tmp_path}/run.ckpt.result.h5"
    assert list((tmp_path / "temporary").iterdir()) == []


def test_time_limit():
    with pytest.warns(brenier.NotReached, match="stopped: time limit"):
        result = brenier.solve(points(4000, 20), tol=0.003, max_time=1)
    assert result.status == "stopped: time limit"


def test_a_stopped_solve_with_a_checkpoint_goes_on(tmp_path, monkeypatch):
    y = points(400, 5)
    monkeypatch.setenv("BRENIER_TEST_STOP_AT", "5")
    with pytest.raises(brenier.Stopped) as stopped:
        brenier.solve(y, tol=0.2, checkpoint=tmp_path / "run.ckpt")
    assert stopped.value.code == 85 and "run.ckpt" in str(stopped.value)
    monkeypatch.delenv("BRENIER_TEST_STOP_AT")
    np.testing.assert_array_equal(
        brenier.solve(y, tol=0.2, checkpoint=tmp_path / "run.ckpt").heights, brenier.solve(y, tol=0.2).heights
    )


def test_progress(tmp_path, monkeypatch):
    events = []
    brenier.solve(points(200, 5), tol=0.3, progress=events.append, log=tmp_path / "log.jsonl")
    assert [event["event"] for event in events][:: len(events) - 1] == ["start", "end"]
    assert len(brenier.files.read_log(tmp_path / "log.jsonl")) == len(events)
    screen = io.StringIO()
    monkeypatch.setattr("sys.stderr", screen)
    brenier.solve(points(200, 5), tol=0.3)
    assert screen.getvalue() == ""
    brenier.solve(points(200, 5), tol=0.3, progress=True)
    assert f"[{'#' * progress.WIDTH}]" in screen.getvalue() and "converged" in screen.getvalue()
    monkeypatch.setattr(screen, "isatty", lambda: True, raising=False)
    assert isinstance(progress.follower(None, 0.1), progress.Bar)


def test_progress_is_monotone():
    bar, far = progress.Bar(io.StringIO(), 0.1), []
    bar({"event": "level", "clusters": 10})
    for rho, error in ((2.0, 0.4), (0.5, 0.4), (0.7, 0.2), (0.01, 0.1)):
        bar({"event": "iteration", "rho": rho, "sampling_error": error, "seconds": 1.0})
        far.append(bar.far)
    assert far == sorted(far) and far[0] == 0 and 0.9 < far[-1] < 1


def test_options_are_those_of_the_command():
    result = brenier.solve(points(30, 3), cells="curves", curves=500, tol=None, verify_lists=True, max_it=None)
    assert "-verify_lists" in result.provenance["options"] and result.cells == "curves"
