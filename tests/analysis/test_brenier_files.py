"""Result files and logs are read as they were written; other files are refused in words."""
import brenier_files
import h5py
import numpy as np
import pytest
import summary
from synthetic import write_log, write_result


def test_result(result_file):
    result = brenier_files.read_result(result_file)
    assert (result.rho, result.status, result.source, result.dim) == (0.098, "converged", "gaussian", 8)
    assert result["/mass"].shape == result["weights"].shape == (300,)
    assert "/mass_error" in result and "/nothing" not in result
    assert list(result.history)[:3] == ["iteration", "evaluations", "seconds"]
    assert len(result.history["rho"]) == 9
    assert result.provenance == {"options": "-curves 4000"}
    with pytest.raises(AttributeError, match="no root attribute colour"):
        result.colour


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"format": "brenier-codes"}, "its format is brenier-codes"),
        ({"format": None}, "not given"),
        ({"format_version": 99}, "later Brenier"),
        ({"status": None}, "never finished"),
        ({"history": np.zeros((4, 3))}, "names 11 columns"),
    ],
)
def test_other_results_are_refused(tmp_path, changes, words):
    with pytest.raises(brenier_files.BadFile, match=words):
        brenier_files.read_result(write_result(tmp_path / "r.h5", **changes))


def test_not_hdf5(tmp_path):
    (tmp_path / "r.h5").write_text("hello")
    with pytest.raises(brenier_files.BadFile, match="cannot be read as HDF5"):
        brenier_files.read_result(tmp_path / "r.h5")
    with pytest.raises(brenier_files.BadFile, match="no such file"):
        brenier_files.read_result(tmp_path / "gone.h5")


def test_rows_in_any_order_and_repeated(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = np.arange(10) * 10
    place = f"{tmp_path}/a.h5:/x"
    np.testing.assert_array_equal(brenier_files.read_dataset(place, [7, 2, 7]), [70, 20, 70])
    with pytest.raises(brenier_files.BadFile, match="which has 10"):
        brenier_files.read_dataset(place, [10])
    with pytest.raises(brenier_files.BadFile, match="no dataset /y; its datasets are /x"):
        brenier_files.read_dataset(f"{tmp_path}/a.h5:/y")


def test_log_and_result_tell_the_same(result_file, log_file):
    from_result, held_out_result = brenier_files.read_history(str(result_file))
    from_log, held_out_log = brenier_files.read_history(str(log_file))
    for name, values in from_result.items():
        np.testing.assert_allclose(from_log[name], values)
    assert held_out_result["rho"] == held_out_log["rho"] == 0.098


def test_log_of_a_killed_run(tmp_path):
    path = write_log(tmp_path / "log", end=False)
    whole = path.read_text()
    path.write_text(whole + '{"event": "iter')
    assert len(brenier_files.read_log(path)) == len(whole.splitlines())
    history, held_out = brenier_files.read_history(str(path))
    assert len(history["rho"]) == 9 and held_out is None
    path.write_text('{"event": "iter\n' + whole)
    with pytest.raises(brenier_files.BadFile, match="line 1 is not an event"):
        brenier_files.read_log(path)


def test_old_names_of_columns(tmp_path):
    """Files from before sampling_error had that name, and those that have both."""
    old, both = '{"event":"iteration","rho":1,"noise":3}', '{"event":"iteration","sampling_error":4,"noise":4}'
    (tmp_path / "log").write_text(f"{old}\n{both}\n")
    history, _ = brenier_files.read_history(str(tmp_path / "log"))
    assert "noise" not in history
    np.testing.assert_array_equal(history["sampling_error"], [3, 4])
    assert list(brenier_files.table(np.zeros((1, 2)), "rho, noise")) == ["rho", "sampling_error"]


def test_null_in_a_log_is_nan(tmp_path):
    (tmp_path / "log").write_text('{"event":"iteration","rho":null}\n{"event":"iteration","rho":1,"l1":2}\n')
    history, _ = brenier_files.read_history(str(tmp_path / "log"))
    np.testing.assert_array_equal(history["rho"], [np.nan, 1])
    np.testing.assert_array_equal(history["l1"], [np.nan, 2])


def sgd(damping, noise, iteration, evaluations):
    history = {"damping": damping, "sampling_error": noise, "iteration": iteration, "evaluations": evaluations}
    history["rho"] = damping
    return brenier_files.in_sgd(history).tolist()


def test_steps_of_sgd_are_told_from_others():
    assert sgd([0.1, 0.01, 0, 0], [0.2, 0.2, 1, 1], [0, 1, 2, 3], [1, 3, 4, 5]) == [False, False, True, True]
    assert sgd([0, 0], [1, 1], [1, 2], [1, 2]) == [True, True]  # without Newton
    assert sgd([0, 0], [0, 0], [10, 20], [10, 20]) == [False, False]  # asgd
    assert sgd([0, 0], [0.2, 0.2], [0, 1], [1, 2]) == [False, False]  # lmvm


def test_summary(tmp_path, capsys):
    log = tmp_path / "log"
    log.write_text('{"event":"check","rho":0.0981,"rho_low":-0.01,"rho_high":0.102,"empty":1200}\n')
    assert summary.main([str(log)]) == 0
    words = "relative error of the cell masses 9.8% (95% interval 0% to 10.2%), held out; 1,200 empty cells\n"
    assert capsys.readouterr().out == words
    log.write_text('{"event":"start"}\n')
    assert summary.main([str(log)]) == 3
