"""Wrong input: one clear sentence from one rank, the documented exit code, and no file left behind."""
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import h5py
import numpy as np
import pytest
from program import brenier

USAGE, INPUT, IO, NUMERICAL = 2, 3, 4, 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Files good and bad, the folder itself being the working folder of every run."""
    folder = tmp_path_factory.mktemp("refused")
    rng = np.random.default_rng(1)
    good = rng.standard_normal((20, 2))
    np.save(folder / "good.npy", good)
    content = (folder / "good.npy").read_bytes()
    (folder / "cut.npy").write_bytes(content[:-8])
    (folder / "header.npy").write_bytes(content[:60])
    (folder / "text.npy").write_text("hello")
    (folder / "empty.npy").write_text("")
    (folder / "folder").mkdir()
    np.save(folder / "fortran.npy", np.asfortranarray(good))
    np.save(folder / "one_axis.npy", good[:, 0])
    np.save(folder / "three_axes.npy", np.ones((2, 3, 4)))
    np.save(folder / "no_rows.npy", np.ones((0, 2)))
    np.save(folder / "complex.npy", good.astype(complex))
    np.save(folder / "text_array.npy", np.array([["a", "b"]]))
    np.savez(folder / "archive.npz", good)
    np.save(folder / "huge.npy", good * 1e200)
    np.save(folder / "tiny.npy", good * 1e-200)
    for name, value in (("nan", np.nan), ("inf", -np.inf)):
        bad = good.copy()
        bad[13, 1] = value
        np.save(folder / f"{name}.npy", bad)
    for name, value in (("zero", 0.0), ("negative", -1.0), ("nan", np.nan), ("vanishing", 5e-324)):
        weight = np.ones(20)
        weight[7] = value
        np.save(folder / f"w_{name}.npy", weight)
    np.save(folder / "w_overflow.npy", np.full(20, 1e308))
    np.save(folder / "w_short.npy", np.ones(19))
    np.save(folder / "w_long.npy", np.ones(21))
    np.save(folder / "w_one.npy", np.ones(1))
    np.save(folder / "line.npy", good[:, :1])
    np.save(folder / "wide.npy", rng.standard_normal((5, 3)))
    np.save(folder / "one_row.npy", good[:1])
    (folder / "options.txt").write_text("-curves 500\n-nonsense 4\n")
    (folder / "words.txt").write_text("-curves 500\nhello world\n")
    (folder / "nested.txt").write_text("-options_file words.txt\n")
    (folder / "bad.yaml").write_text("curves: [500\nseed: : 4\n")
    (folder / "list.yaml").write_text("- 1\n- 2\n")
    (folder / "binary.txt").write_bytes(bytes(range(255, 0, -1)))
    (folder / "binary.yaml").write_bytes(bytes(range(256)))
    brenier("solve", "good.npy", "-curves", 500, "-o", "result.h5", "-checkpoint", "run.ckpt", cwd=folder)
    brenier("encode", "wide.npy", "-dim", 2, "-o", "codes.h5", cwd=folder)
    content = (folder / "result.h5").read_bytes()
    (folder / "cut.h5").write_bytes(content[: len(content) // 2])
    with h5py.File(folder / "result.h5") as file:
        place = content.find(file["heights"][()].tobytes())
    assert place > 0
    (folder / "flipped.h5").write_bytes(content[: place + 5] + bytes([content[place + 5] ^ 4]) + content[place + 6 :])
    with h5py.File(folder / "other.h5", "w") as file:
        file["targets"] = np.ones((4, 2))
    shutil.copy(folder / "result.h5", folder / "unfinished.h5")
    with h5py.File(folder / "unfinished.h5", "a") as file:
        del file.attrs["status"]
    return folder


def solve(*options, targets="good.npy"):
    return ["solve", targets, "-o", "out.h5", *options]


def sample(*options):
    return ["sample", "result.h5", "-n", 50, "-o", "out.h5", *options]


def weighted(name):
    return solve("-weights", name)


REFUSED = [
    # targets
    (IO, solve(targets="gone.npy"), ["gone.npy", "No such file"]),
    (IO, solve(targets="folder"), ["folder"]),
    (INPUT, solve(targets="cut.npy"), ["cut.npy", "truncated"]),
    (INPUT, solve(targets="header.npy"), ["header.npy", "truncated"]),
    (INPUT, solve(targets="text.npy"), ["text.npy"]),
    (INPUT, solve(targets="empty.npy"), ["empty.npy", "empty"]),
    (INPUT, solve(targets="fortran.npy"), ["fortran.npy", "Fortran"]),
    (INPUT, solve(targets="one_axis.npy"), ["one_axis.npy", "1 axis;"]),
    (INPUT, solve(targets="three_axes.npy"), ["three_axes.npy", "3 axes"]),
    (INPUT, solve(targets="no_rows.npy"), ["no_rows.npy", "empty"]),
    (INPUT, solve(targets="complex.npy"), ["complex.npy", "c16"]),
    (INPUT, solve(targets="text_array.npy"), ["text_array.npy"]),
    (INPUT, solve(targets="archive.npz"), ["archive.npz", "np.save"]),
    (INPUT, solve(targets="nan.npy"), ["nan.npy", "row 13", "column 1", "NaN"]),
    (INPUT, solve(targets="inf.npy"), ["inf.npy", "row 13", "column 1", "infinite"]),
    (INPUT, solve(targets="huge.npy"), ["huge.npy", "row 0", "scale"]),
    (INPUT, solve(targets="tiny.npy"), ["tiny.npy", "scale"]),
    (INPUT, solve(targets="result.h5"), ["result.h5", "/targets"]),
    (INPUT, solve(targets="result.h5:/gone"), ["result.h5", "/gone"]),
    # weights
    (INPUT, weighted("w_zero.npy"), ["w_zero.npy", "row 7", "is 0"]),
    (INPUT, weighted("w_negative.npy"), ["w_negative.npy", "row 7", "is -1"]),
    (INPUT, weighted("w_nan.npy"), ["w_nan.npy", "row 7", "NaN"]),
    (INPUT, weighted("w_vanishing.npy"), ["w_vanishing.npy", "row 7"]),
    (INPUT, weighted("w_overflow.npy"), ["w_overflow.npy", "sum"]),
    (INPUT, weighted("w_short.npy"), ["w_short.npy", "19 weights", "20 targets"]),
    (INPUT, weighted("w_one.npy"), ["w_one.npy", "1 weight for"]),
    (INPUT, weighted("good.npy"), ["good.npy", "2 axes"]),
    (IO, weighted("gone.npy"), ["gone.npy"]),
    # options
    (USAGE, solve("-nonsense", 1), ["-nonsense"]),
    (USAGE, solve("-ksp_rtoll", 1), ["-ksp_rtoll"]),
    (USAGE, solve("-mat_type", "dense"), ["-mat_type"]),
    (USAGE, solve("-ksp_type", "nosuch"), ["nosuch"]),
    (USAGE, solve("-ksp_rtol", "abc"), ["abc"]),
    (USAGE, solve("-curves"), ["-curves"]),
    (USAGE, solve("-curves", 0), ["-curves", "'0'"]),
    (USAGE, solve("-curves", "abc"), ["-curves", "'abc'"]),
    (USAGE, solve("-curves", "2.5"), ["-curves", "'2.5'"]),
    (USAGE, solve("-curves", "1e30"), ["-curves", "'1e30'"]),
    (USAGE, solve("-seed", -1), ["-seed", "'-1'"]),
    (USAGE, solve("-tol", "nan"), ["-tol", "'nan'"]),
    (USAGE, solve("-source", "bell"), ["-source", "'bell'", "gaussian"]),
    (USAGE, solve("-source", "sphere", targets="line.npy"), ["sphere", "dimension"]),
    (USAGE, solve("-options_file", "options.txt"), ["-nonsense"]),
    (USAGE, solve("-options_file", "words.txt"), ["words.txt", "line 2", "hello"]),
    (USAGE, solve("-options_file", "nested.txt"), ["words.txt", "line 2", "hello"]),
    (USAGE, solve("-options_file", "bad.yaml"), ["bad.yaml", "YAML"]),
    (USAGE, solve("-options_file_yaml", "list.yaml"), ["list.yaml", "mapping"]),
    (USAGE, solve("-options_file", "binary.txt"), ["binary.txt", "line 1"]),
    (USAGE, solve("-options_file", "binary.yaml"), ["binary.yaml", "text"]),
    (USAGE, solve("-options_file"), ["-options_file"]),
    (USAGE, solve("-options_string_yaml", "a: ["), ["a: [", "YAML"]),
    (IO, solve("-options_file", "folder"), ["folder"]),
    (IO, solve("-options_file", "gone.txt"), ["gone.txt"]),
    (USAGE, solve("stray"), ["'stray'"]),
    (USAGE, ["check", "result.h5", "-ksp_type", "cg"], ["-ksp_type"]),
    # arguments
    (USAGE, ["nonsense", "good.npy"], ["nonsense"]),
    (USAGE, ["solve", "-o", "out.h5"], ["TARGETS"]),
    (USAGE, ["solve", "good.npy"], ["-o"]),
    (USAGE, ["solve", "good.npy", "good.npy", "-o", "out.h5"], ["TARGETS"]),
    (USAGE, ["sample", "result.h5", "-o", "out.h5"], ["-n"]),
    (USAGE, ["map", "result.h5", "-o", "out.h5"], ["POINTS", "1 argument"]),
    # results and points
    (IO, ["check", "gone.h5"], ["gone.h5"]),
    (INPUT, ["check", "folder"], ["folder"]),
    (INPUT, ["check", "cut.h5"], ["cut.h5", "truncated"]),
    (INPUT, ["check", "flipped.h5"], ["flipped.h5", "/heights", "damaged"]),
    (INPUT, ["check", "codes.h5"], ["codes.h5", "brenier-codes", "brenier-result"]),
    (INPUT, ["check", "other.h5"], ["other.h5"]),
    (INPUT, ["check", "unfinished.h5"], ["unfinished.h5", "status"]),
    (INPUT, ["sample", "codes.h5", "-n", 5, "-o", "out.h5"], ["codes.h5"]),
    (INPUT, ["sample", "run.ckpt", "-n", 5, "-o", "out.h5"], ["run.ckpt", "brenier-checkpoint", "brenier-result"]),
    (INPUT, ["map", "run.ckpt", "good.npy", "-o", "out.h5"], ["run.ckpt", "brenier-checkpoint", "brenier-result"]),
    (INPUT, ["facets", "run.ckpt", "-o", "out.h5"], ["run.ckpt", "brenier-checkpoint", "brenier-result"]),
    (INPUT, ["check", "run.ckpt"], ["run.ckpt", "brenier-checkpoint", "brenier-result"]),
    (INPUT, ["decode", "result.h5", "-o", "out.h5"], ["result.h5", "brenier-codes"]),
    (INPUT, ["map", "result.h5", "wide.npy", "-o", "out.h5"], ["wide.npy", "dimension 3", "dimension 2"]),
    (INPUT, ["map", "result.h5", "nan.npy", "-o", "out.h5"], ["nan.npy", "row 13"]),
    (INPUT, solve("-start", "result.h5", targets="wide.npy"), ["result.h5", "targets"]),
    # extension and singular set
    (INPUT, ["facets", "codes.h5", "-o", "out.h5"], ["codes.h5", "brenier-codes", "brenier-result"]),
    (USAGE, ["facets", "result.h5"], ["-o"]),
    (USAGE, ["facets", "result.h5", "-o", "out.h5", "-threshold", 181], ["-threshold", "'181'"]),
    (USAGE, ["facets", "result.h5", "-o", "out.h5", "-quantile", 1.5], ["-quantile", "'1.5'"]),
    (USAGE, ["facets", "result.h5", "-o", "out.h5", "-quantile", 0.5, "-threshold", 5], ["-quantile", "-threshold"]),
    (USAGE, ["facets", "result.h5", "-o", "out.h5", "-angle", "acute"], ["-angle", "'acute'", "lifted"]),
    (USAGE, sample("-extension", "linear", "-neighbours", 21), ["-neighbours", "21", "20 targets"]),
    (USAGE, sample("-extension", "linear", "-neighbours", 0), ["-neighbours", "'0'"]),
    (USAGE, sample("-neighbours", 3), ["-neighbours", "-extension linear"]),
    (USAGE, sample("-threshold", 10), ["-threshold", "-extension linear"]),
    (USAGE, sample("-extension", "linear", "-singular", "reject"), ["-singular", "-threshold"]),
    (USAGE, sample("-extension", "linear", "-threshold", 10, "-singular", "bend"), ["-singular", "'bend'", "reject"]),
    (NUMERICAL, sample("-extension", "linear", "-threshold", 0, "-singular", "reject"), ["singular", "-threshold"]),
    (INPUT, sample("-labels", "w_short.npy"), ["w_short.npy", "19 labels", "20 rows"]),
    (INPUT, sample("-labels", "w_long.npy"), ["w_long.npy", "21 labels", "20 rows"]),
    (INPUT, sample("-labels", "line.npy"), ["line.npy", "row 0", "whole"]),
    (IO, sample("-labels", "gone.npy"), ["gone.npy"]),
    (USAGE, ["map", "result.h5", "good.npy", "-o", "out.h5", "-t", 1.5], ["-t", "'1.5'"]),
    (USAGE, ["map", "result.h5", "good.npy", "-o", "out.h5", "-t", 0.5, "-critic"], ["-critic", "-t"]),
    (INPUT, ["info", "good.npy"], ["good.npy"]),
    # Frechet distance
    (INPUT, ["frechet", "good.npy", "wide.npy"], ["good.npy", "2 features", "wide.npy", "of 3"]),
    (INPUT, ["frechet", "good.npy", "one_row.npy"], ["one_row.npy", "one row"]),
    (INPUT, ["frechet", "huge.npy", "good.npy"], ["huge.npy", "scale"]),
    (INPUT, ["frechet", "tiny.npy", "good.npy"], ["tiny.npy", "scale"]),
    (INPUT, ["frechet", "good.npy", "nan.npy"], ["nan.npy", "row 13"]),
    (USAGE, ["frechet", "good.npy"], ["A B", "1 argument"]),
    (USAGE, ["frechet", "good.npy", "good.npy", "-splits", 2], ["-splits", "2"]),
    (USAGE, ["frechet", "good.npy", "good.npy", "-map", "good.npy"], ["good.npy", "input", "-map"]),
    (IO, ["frechet", "good.npy", "good.npy", "-map", "gone/map.h5"], ["gone"]),
    # outputs
    (IO, ["solve", "good.npy", "-o", "gone/out.h5"], ["gone"]),
    (IO, ["solve", "good.npy", "-o", "folder"], ["folder"]),
    (IO, ["solve", "good.npy", "-o", "good.npy/out.h5"], ["good.npy"]),
    (IO, ["solve", "good.npy", "-o", "/dev/null"], ["/dev/null"]),
    (IO, ["check", "result.h5", "-log", "gone/log"], ["gone/log"]),
    (USAGE, ["map", "result.h5", "good.npy", "-o", "./result.h5"], ["result.h5", "input"]),
    (USAGE, solve("-log", "good.npy"), ["good.npy", "input", "-log"]),
    (USAGE, solve("-weights", "w_short.npy", "-log", "./w_short.npy"), ["w_short.npy", "input", "-log"]),
    (USAGE, solve("-start", "result.h5", "-log", "result.h5"), ["result.h5", "input", "-log"]),
    (USAGE, ["check", "result.h5", "-log", "folder/../result.h5"], ["result.h5", "input", "-log"]),
    (USAGE, ["decode", "codes.h5", "-codes", "other.h5:/targets", "-o", "out.h5", "-log", "other.h5"], ["other.h5"]),
    (USAGE, solve("-log", "out.h5"), ["out.h5", "-o", "-log"]),
    (USAGE, solve("-log"), ["-log"]),
    (USAGE, solve("-nonsense", 1, "-log", "out.jsonl"), ["-nonsense"]),
]


def expect(done, words):
    """Exactly one line on standard error, with those words."""
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("brenier: error: "), done.stderr
    for word in words:
        assert word in lines[0]


def listing(folder):
    return {name: (folder / name).stat().st_mtime_ns for name in os.listdir(folder)}


@pytest.fixture(scope="module")
def outcomes(folder):
    """All cases, four at a time: most of a run is waiting for mpiexec."""
    before = listing(folder)
    with ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(brenier, *arguments, ranks=1 if k % 4 == 0 else 2, code=code, cwd=folder)
                for k, (code, arguments, _) in enumerate(REFUSED)]  # fmt: skip
    yield runs
    assert listing(folder) == before


def name_of(value):
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


@pytest.mark.parametrize("number", range(len(REFUSED)), ids=[name_of(case[1]) for case in REFUSED])
def test_refused(outcomes, number):
    expect(outcomes[number].result(), REFUSED[number][2])


def test_nothing_is_left_behind(folder, outcomes):
    assert not [name for name in os.listdir(folder) if "out" in name or "tmp" in name]


def test_no_command_at_all(folder):
    assert "usage" in brenier(ranks=2, code=USAGE, cwd=folder).stdout


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MB."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount a small file system that can be filled")
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(disk)], capture_output=True).returncode:
        pytest.skip("needs the right to mount a file system, which this container does not give")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A result and points whose outputs are larger than the small disk."""
    folder = tmp_path_factory.mktemp("large")
    rng = np.random.default_rng(2)
    np.save(folder / "y.npy", rng.standard_normal((40, 400)))
    np.save(folder / "many.npy", rng.standard_normal((400, 400)))
    brenier("solve", "y.npy", "-curves", 200, "-o", "result.h5", cwd=folder)
    return folder


@pytest.mark.parametrize("kind, arguments", [
    ("brenier-result", ["solve", "many.npy", "-curves", 64, "-max_it", 0]),
    ("brenier-map", ["map", "result.h5", "many.npy"]),
    ("brenier-samples", ["sample", "result.h5", "-n", 1000]),
])  # fmt: skip
def test_full_disk(large, small_disk, kind, arguments):
    with h5py.File(small_disk / "out.h5", "w") as older:
        older.attrs["format"] = kind
    before = (small_disk / "out.h5").read_bytes()
    expect(brenier(*arguments, "-o", small_disk / "out.h5", ranks=2, code=IO, cwd=large), ["out.h5", "space"])
    assert os.listdir(small_disk) == ["out.h5"] and (small_disk / "out.h5").read_bytes() == before


def test_full_disk_costs_the_log_only(large, small_disk):
    """The run goes on, and says once that the log ends."""
    filler = os.open(small_disk / "filler", os.O_WRONLY | os.O_CREAT)
    with pytest.raises(OSError, match="No space left"):
        while True:
            os.write(filler, bytes(4096))
    os.close(filler)
    done = brenier("check", "result.h5", "-curves", 64, "-log", small_disk / "log", ranks=2, cwd=large)
    assert done.stderr.splitlines() == [line for line in done.stderr.splitlines() if "brenier: warning:" in line]
    assert "log" in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("words, said", [("-options_file words.txt", ["words.txt", "line 2", "hello"]),
                                         ("-nonsense 3", ["-nonsense"])])  # fmt: skip
def test_options_of_the_environment(folder, monkeypatch, words, said):
    """PETSc reads its own variable: a mistake there is a sentence, too."""
    monkeypatch.setenv("PETSC_OPTIONS", words)
    done = brenier("solve", "good.npy", "-o", "out.h5", ranks=2, cwd=folder, code=USAGE)
    lines = [line for line in done.stderr.splitlines() if line.startswith("brenier: error: ")]
    assert len(lines) == 1 and all(word in lines[0] for word in said), done.stderr
