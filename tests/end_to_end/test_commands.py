"""The commands around solve: right by NumPy. On any number of ranks: test_ranks.py; wrong input: test_refusals.py."""
import h5py
import numpy as np
import pytest
from brenier_files import last_event, read_dataset, read_log, read_result
from program import brenier


def test_check_says_it_all(solved, tmp_path):
    brenier("check", solved / "result.h5", "-seed", 11, "-log", tmp_path / "log", ranks=2)
    wanted = {"rho", "rho_low", "rho_high", "tv", "largest_error", "empty", "w2", "curves"}
    wanted |= {"w2_bound_low", "w2_bound_high"}
    wanted |= {"largest_log", "unresolved", "unresolved_weight", "unresolved_mass", "missing"}
    wanted |= {"wrong", "wrong_weight", "worst"}
    wanted |= {"w2_low", "w2_high"}  # old names, for one version
    wanted |= {f"{name}{end}" for name in ("dual", "primal", "gap") for end in ("", "_low", "_high")}
    assert wanted <= set(last_event(read_log(tmp_path / "log"), "check"))


def test_check_agrees_with_the_result(solved, tmp_path):
    brenier("check", solved / "result.h5", "-seed", 12, "-log", tmp_path / "log")
    fresh, result = last_event(read_log(tmp_path / "log"), "check"), read_result(solved / "result.h5")
    assert fresh["rho_low"] < result.rho_high and result.rho_low < fresh["rho_high"]
    assert fresh["w2"] == pytest.approx(result.w2, rel=0.01)


def test_sample(solved, tmp_path):
    result = read_result(solved / "result.h5")
    brenier("sample", solved / "result.h5", "-n", 20001, "-seed", 5, "-o", tmp_path / "s.h5", ranks=2)
    noise, index, code = (read_dataset(f"{tmp_path}/s.h5:/{name}") for name in ("noise", "index", "code"))
    assert noise.shape == code.shape == (20001, 6) and index.shape == (20001,)
    np.testing.assert_array_equal(code, result["/targets"][index].astype(np.float32))
    assert np.abs(noise.mean(axis=0)).max() < 0.04 and np.abs(noise.std(axis=0) - 1).max() < 0.03
    # noise is stored in single precision, so a point within 1e-6 of a border may fall on its other side
    value = noise.astype(float) @ result["/targets"].T + result["/heights"]
    lost = value.max(axis=1) - value[np.arange(len(index)), index]
    assert lost.max() < 1e-5 * np.abs(value).max()


def test_map_is_the_definition(solved, tmp_path):
    result = read_result(solved / "result.h5")
    x = np.random.default_rng(10).standard_normal((1000, 6))
    np.save(tmp_path / "x.npy", x)
    brenier("map", solved / "result.h5", tmp_path / "x.npy", "-o", tmp_path / "out.h5", ranks=3)
    with h5py.File(tmp_path / "out.h5") as file:
        found = {name: file[name][()] for name in file}
    value = x @ result["/targets"].T + result["/heights"]
    cell, u = np.argmax(value, axis=1), np.max(value, axis=1)
    np.testing.assert_array_equal(found["index"], cell)
    np.testing.assert_array_equal(found["code"], result["/targets"][cell])
    np.testing.assert_allclose(found["potential"], u, atol=1e-13 * np.abs(u).max())
    np.testing.assert_allclose(found["phi"], 0.5 * np.sum(x**2, axis=1) - u, atol=1e-13 * np.abs(u).max())


def test_info_and_help(solved):
    assert "400" in brenier("info", solved / "result.h5", ranks=1).stdout
    assert "solve" in brenier("-help", ranks=1).stdout
    assert brenier("-version", ranks=1).stdout.startswith("brenier ")
    for command in ("solve", "check", "map", "sample", "facets", "density", "polar", "encode", "decode", "frechet",
                    "info"):  # fmt: skip
        assert f"brenier {command}" in brenier(command, "-help", ranks=1).stdout


def test_tolerance_not_reached_keeps_the_result(solved, tmp_path):
    brenier("solve", solved / "points.npy", "-curves", 400, "-tol", 1e-4, "-o", tmp_path / "r.h5", code=6)
    result = read_result(tmp_path / "r.h5")
    assert result.rho > 1e-4 and "toleran" in result.status
