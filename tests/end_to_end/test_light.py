"""What rho hides: cells that are empty for sure get mass at the end. What was measured judges, not the iteration."""
import ctypes
import ctypes.util
import shutil

import h5py
import numpy as np
import pytest
from brenier_files import last_event, read_log, read_result
from program import brenier

LOWERED = (7, 8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """50 targets in 5 dimensions, their heights, and the same with two planes far below u."""
    place = tmp_path_factory.mktemp("light")
    np.save(place / "y.npy", np.random.default_rng(3).standard_normal((50, 5)))
    brenier("solve", "y.npy", "-o", "r.h5", "-tol", 0.1, cwd=place)
    shutil.copy(place / "r.h5", place / "low.h5")
    hasher = ctypes.CDLL(ctypes.util.find_library("xxhash")).XXH3_64bits
    hasher.restype, hasher.argtypes = ctypes.c_uint64, [ctypes.c_char_p, ctypes.c_size_t]
    with h5py.File(place / "low.h5", "r+") as file:
        h = file["heights"][()]
        h[list(LOWERED)] -= 3
        file["heights"][...] = h
        file["heights"].attrs.modify("xxh3", np.bytes_(f"{hasher(h.tobytes(), h.nbytes):016x}"))
    return place


def test_check_tells_missing_cells(folder, tmp_path):
    done = brenier("check", folder / "low.h5", "-log", tmp_path / "log")
    event = last_event(read_log(tmp_path / "log"), "check")
    assert event["missing"] == event["empty"] >= 1 and event["wrong"] == 2 and event["worst"] == 0
    assert "missing        1 empty cell that should have been met 20 times or more" in done.stdout
    assert "2 cells with a mass wrong by a factor of 1.5 or more, beyond the sampling error" in done.stdout
    assert "worst w/nu 0" in done.stdout
    brenier("check", folder / "r.h5", "-log", tmp_path / "log")
    event = last_event(read_log(tmp_path / "log"), "check")
    assert event["missing"] == event["wrong"] == 0 and event["worst"] == 1 and event["unresolved"] == 0


@pytest.mark.parametrize("ranks", [1, 2])
def test_missing_cells_get_mass(folder, tmp_path, ranks):
    options = ("-start", folder / "low.h5", "-max_it", 0, "-tol", 0.1, "-log", tmp_path / "log")
    done = brenier("solve", folder / "y.npy", "-o", tmp_path / "r.h5", *options,
                   ranks=ranks)  # exit code 0: rho is below, Newton did nothing
    assert "iteration limit reached" in done.stdout
    result, first = read_result(tmp_path / "r.h5"), last_event(read_log(tmp_path / "log"), "filled")
    assert first["before"] >= 1 and first["after"] == 0
    assert result.status == "converged" and result.rho_high < 0.1 and result.missing == result.wrong == 0
    assert np.all(result["/mass"][list(LOWERED)] > 0.5 / 50)
    assert not np.isnan(result["/barycenter"]).any()


def test_iteration_limit_above_the_tolerance(folder, tmp_path):
    brenier("solve", folder / "y.npy", "-max_it", 0, "-warm_up", 0, "-tol", 0.02, "-o", tmp_path / "r.h5", code=6)
    assert read_result(tmp_path / "r.h5").status == "iteration limit reached"


def test_old_names_of_the_interval(folder):
    result = read_result(folder / "r.h5")
    assert (result.w2_low, result.w2_high) == (result.w2_bound_low, result.w2_bound_high)
