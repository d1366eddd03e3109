"""The commands around solve: same bits on any number of ranks, right by NumPy, wrong input refused with its code."""
import h5py
import numpy as np
import pytest
from brenier_files import last_event, read_dataset, read_log, read_result
from program import brenier

RANKS = (1, 2, 3, 5)


def test_check_gives_the_same_bits_on_any_number_of_ranks(solved, tmp_path):
    events = []
    for ranks in RANKS:
        brenier("check", solved / "result.h5", "-seed", 11, "-log", tmp_path / "log", ranks=ranks)
        event = last_event(read_log(tmp_path / "log"), "check")
        events.append({name: value for name, value in event.items() if "seconds" not in name})
    assert all(event == events[0] for event in events)
    wanted = {"rho", "rho_low", "rho_high", "tv", "largest_error", "empty", "w2", "w2_low", "w2_high", "curves"}
    assert wanted <= set(events[0])


def test_check_agrees_with_the_result(solved, tmp_path):
    brenier("check", solved / "result.h5", "-seed", 12, "-log", tmp_path / "log")
    fresh, result = last_event(read_log(tmp_path / "log"), "check"), read_result(solved / "result.h5")
    assert fresh["rho_low"] < result.rho_high and result.rho_low < fresh["rho_high"]
    assert fresh["w2"] == pytest.approx(result.w2, rel=0.01)


def test_sample(solved, tmp_path):
    result = read_result(solved / "result.h5")
    files = [tmp_path / f"{ranks}.h5" for ranks in RANKS]
    for ranks, out in zip(RANKS, files):
        brenier("sample", solved / "result.h5", "-n", 20001, "-seed", 5, "-o", out, ranks=ranks)
    noise, index, code = (read_dataset(f"{files[0]}:/{name}") for name in ("noise", "index", "code"))
    assert noise.shape == code.shape == (20001, 6) and index.shape == (20001,)
    for out in files[1:]:
        np.testing.assert_array_equal(read_dataset(f"{out}:/noise"), noise)
        np.testing.assert_array_equal(read_dataset(f"{out}:/index"), index)
        np.testing.assert_array_equal(read_dataset(f"{out}:/code"), code)
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
    cell = np.argmax(x @ result["/targets"].T + result["/heights"], axis=1)
    assert any(a.shape == cell.shape and np.array_equal(a, cell) for a in found.values()), list(found)


def test_info_and_help(solved):
    assert "400" in brenier("info", solved / "result.h5", ranks=1).stdout
    assert "solve" in brenier("-help", ranks=1).stdout
    for command in ("solve", "check", "map", "sample", "encode", "decode", "info"):
        assert f"brenier {command}" in brenier(command, "-help", ranks=1).stdout


REFUSED = [
    (2, ["nonsense"], "no command"),
    (2, ["solve", "good.npy", "-o", "r.h5", "-nonsense", "1"], "-nonsense"),
    (2, ["solve", "good.npy"], "-o"),
    (2, ["solve", "-o", "r.h5"], "TARGETS"),
    (2, ["solve", "good.npy", "-o", "r.h5", "-curves", "many"], "-curves"),
    (2, ["solve", "good.npy", "-o", "r.h5", "-source", "triangle"], "-source"),
    (3, ["solve", "nan.npy", "-o", "r.h5"], "nan.npy"),
    (3, ["solve", "text.npy", "-o", "r.h5"], "text.npy"),
    (3, ["solve", "cut.npy", "-o", "r.h5"], "cut.npy"),
    (3, ["solve", "good.npy", "-weights", "negative.npy", "-o", "r.h5"], "negative.npy"),
    (3, ["check", "codes.h5"], "codes.h5"),
    (4, ["solve", "gone.npy", "-o", "r.h5"], "gone.npy"),
    (4, ["solve", "good.npy", "-o", "gone/r.h5"], "gone"),
    (4, ["check", "gone.h5"], "gone.h5"),
]


@pytest.fixture(scope="module")
def bad_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad")
    good = np.random.default_rng(1).standard_normal((20, 2))
    np.save(folder / "good.npy", good)
    (folder / "cut.npy").write_bytes((folder / "good.npy").read_bytes()[:-8])
    (folder / "text.npy").write_text("hello")
    good[13, 1] = np.nan
    np.save(folder / "nan.npy", good)
    np.save(folder / "negative.npy", np.linspace(-1, 1, 20))
    with h5py.File(folder / "codes.h5", "w") as file:
        file["codes"] = np.ones((4, 2))
    return folder


@pytest.mark.parametrize("code, arguments, words", REFUSED, ids=lambda value: " ".join(value) if isinstance(value, list) else None)
def test_refused_with_its_exit_code_and_one_sentence(bad_files, code, arguments, words):
    done = brenier(*arguments, code=code, cwd=bad_files)
    errors = [line for line in done.stderr.splitlines() if line.startswith("brenier: error:")]
    assert len(errors) == 1 and words in errors[0], done.stderr
    assert not (bad_files / "r.h5").exists()


def test_tolerance_not_reached_keeps_the_result(solved, tmp_path):
    brenier("solve", solved / "points.npy", "-curves", 400, "-tol", 1e-4, "-o", tmp_path / "r.h5", code=6)
    result = read_result(tmp_path / "r.h5")
    assert result.rho > 1e-4 and "toleran" in result.status
