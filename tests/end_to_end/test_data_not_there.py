"""Data that a file promises and does not have: refused, naming file, rows and remedy, or read as the fill value when
asked for."""
import subprocess
import sys

import bounded
import h5py
import numpy as np
import pytest
from program import brenier

INPUT, IO = 3, 4
Y = np.random.default_rng(1).standard_normal((40, 3))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Whole files, and files that lack something."""
    folder = tmp_path_factory.mktemp("missing")
    np.save(folder / "whole.npy", Y)
    for name, rows in (("shard0.h5", Y[:20]), ("shard1.h5", Y[20:]), ("short1.h5", Y[20:30])):
        with h5py.File(folder / name, "w") as file:
            file["codes"] = rows
    with h5py.File(folder / "hole1.h5", "w") as file:
        file.create_dataset("codes", (20, 3), "f8", chunks=(5, 3))[:10] = Y[20:30]
    virtual(folder / "whole.h5", "shard1.h5")
    virtual(folder / "gone.h5", "gone1.h5")
    virtual(folder / "declared.h5", "gone1.h5", fill=7.0)
    virtual(folder / "short.h5", "short1.h5")
    virtual(folder / "hole.h5", "hole1.h5")
    virtual(folder / "unmapped.h5", "shard1.h5", rows=50)
    with h5py.File(folder / "nested.h5", "w") as file:
        layout = h5py.VirtualLayout(shape=(40, 3), dtype="f8")
        layout[:] = h5py.VirtualSource("gone.h5", "codes", shape=(40, 3))
        file.create_virtual_dataset("codes", layout)
    chunked(folder)
    external(folder)
    arrays(folder)
    brenier("solve", "whole.npy", "-curves", 500, "-o", "result.h5", cwd=folder)
    return folder


def virtual(path, second, rows=40, fill=None):
    """A virtual dataset over shard0.h5 and a second shard."""
    layout = h5py.VirtualLayout(shape=(rows, 3), dtype="f8")
    layout[:20] = h5py.VirtualSource("shard0.h5", "codes", shape=(20, 3))
    layout[20:40] = h5py.VirtualSource(second, "codes", shape=(20, 3))
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("codes", layout, fillvalue=fill)


def chunked(folder):
    with h5py.File(folder / "chunks.h5", "w") as file:
        for name, options in (("part", {}), ("gzip", {"compression": "gzip"}), ("fill", {"fillvalue": -1.5})):
            file.create_dataset(name, (40, 3), "f8", chunks=(5, 3), **options)[:20] = Y[:20]
        middle = file.create_dataset("middle", (40, 3), "f8", chunks=(5, 2))
        middle[:20], middle[25:] = Y[:20], Y[25:]
        file.create_dataset("columns", (40, 3), "f8", chunks=(5, 1))[:, :2] = Y[:, :2]
        file.create_dataset("ends", (40, 3), "f8", chunks=(7, 2))[:] = Y
        file.create_dataset("never", (40, 3), "f8")
        file.create_dataset("half", (40, 3), "f8")[:20] = Y[:20]
        file.create_dataset("labels", (40,), "i8", chunks=(5,))[:20] = 1
        file.create_dataset("weights", (40,), "f8", chunks=(5,))[:20] = 1
        grown = file.create_dataset("grown", (20, 3), "f8", chunks=(5, 3), maxshape=(None, 3))
        grown[:] = Y[:20]
        grown.resize((40, 3))
    with h5py.File(folder / "latest.h5", "w", libver="latest") as file:  # with another index of chunks each
        for name, rows in (("fixed", 40), ("one", None)):
            file.create_dataset(name, (40, 3), "f8", chunks=(5, 3), maxshape=(rows, 3))[:20] = Y[:20]


def external(folder):
    with h5py.File(folder / "external.h5", "w") as file:
        for name, raw in (("whole", "whole.raw"), ("short", "short.raw"), ("gone", "gone.raw")):
            file.create_dataset(name, (40, 3), "f8", external=[(raw, 0, 960)])
    (folder / "whole.raw").write_bytes(Y.tobytes())
    (folder / "short.raw").write_bytes(Y.tobytes()[:700])


def arrays(folder):
    with open(folder / "appended.npy", "wb") as file:
        np.save(file, Y[:20])
        np.save(file, Y[20:])
    content = (folder / "whole.npy").read_bytes()
    (folder / "longer.npy").write_bytes(content + Y[:1].tobytes())
    (folder / "padded.npy").write_bytes(content + bytes(4096))
    (folder / "cut.npy").write_bytes(content[:-100])
    half = np.lib.format.open_memmap(folder / "half.npy", "w+", "f8", (40, 3))
    half[:20] = Y[:20]
    half.flush()
    large = np.lib.format.open_memmap(folder / "large.npy", "w+", "f8", (40000, 3))
    large[:1000] = 1.0
    large.flush()


REFUSED = [
    ("gone.h5:/codes", IO, ["rows 20 to 39", "gone1.h5", "-allow_missing"]),
    ("declared.h5:/codes", IO, ["rows 20 to 39", "gone1.h5", "-allow_missing to read 7"]),
    ("nested.h5", IO, ["gone.h5:codes", "rows 20 to 39", "gone1.h5"]),
    ("short.h5", INPUT, ["rows 20 to 39", "short1.h5", "smaller"]),
    ("hole.h5", INPUT, ["hole1.h5", "rows 10 to 19", "2 of the 4 chunks"]),
    ("unmapped.h5", INPUT, ["rows 40 to 49", "no source"]),
    ("chunks.h5:/part", INPUT, ["rows 20 to 39", "4 of the 8 chunks", "-allow_missing"]),
    ("chunks.h5:/gzip", INPUT, ["rows 20 to 39", "chunks"]),
    ("chunks.h5:/fill", INPUT, ["rows 20 to 39", "-allow_missing to read -1.5"]),
    ("chunks.h5:/middle", INPUT, ["rows 20 to 24", "chunks"]),
    ("chunks.h5:/columns", INPUT, ["rows 0 to 39", "chunks"]),
    ("chunks.h5:/grown", INPUT, ["rows 20 to 39", "chunks"]),
    ("chunks.h5:/never", INPUT, ["rows 0 to 39", "never", "written"]),
    ("latest.h5:/fixed", INPUT, ["rows 20 to 39", "chunks"]),
    ("latest.h5:/one", INPUT, ["rows 20 to 39", "chunks"]),
    ("external.h5:/short", INPUT, ["rows 29 to 39", "short.raw", "260 bytes too short"]),
    ("external.h5:/gone", IO, ["rows 0 to 39", "gone.raw"]),
    ("appended.npy", INPUT, ["another array", "byte 608", "20 rows"]),
    ("longer.npy", INPUT, ["24 bytes", "40 rows"]),
    ("cut.npy", INPUT, ["truncated", "from row 35"]),
]


def one_error(done, words):
    lines = [line for line in done.stderr.splitlines() if line.startswith("brenier: ")]
    assert len(lines) == 1 and lines[0].startswith("brenier: error: "), done.stderr
    for word in words:
        assert word in lines[0], lines[0]


@pytest.mark.parametrize("place, code, words", REFUSED, ids=[case[0] for case in REFUSED])
def test_refused(folder, place, code, words):
    one_error(brenier("frechet", place, "whole.npy", ranks=1, code=code, cwd=folder), words)


@pytest.mark.parametrize("arguments", [
    ["solve", "chunks.h5:/part", "-o", "out.h5"],
    ["solve", "whole.npy", "-weights", "chunks.h5:/weights", "-o", "out.h5"],
    ["encode", "chunks.h5:/part", "-dim", 2, "-o", "out.h5"],
    ["map", "result.h5", "chunks.h5:/part", "-o", "out.h5"],
    ["sample", "result.h5", "-n", 9, "-labels", "chunks.h5:/labels", "-o", "out.h5"],
], ids=lambda arguments: f"{arguments[0]}-{arguments[2]}")  # fmt: skip
def test_every_array_of_every_command(folder, arguments):
    one_error(brenier(*arguments, ranks=2, code=INPUT, cwd=folder), ["chunks.h5:/", "rows 20 to 39"])
    assert not (folder / "out.h5").exists()


def read_mean(folder, place, *options):
    """What the program says, and the mean of the rows it read."""
    done = brenier("frechet", place, "whole.npy", "-splits", 0, "-map", "mean.h5", *options, ranks=2, cwd=folder)
    with h5py.File(folder / "mean.h5") as file:
        return done, file["mean"][()]


@pytest.mark.parametrize("place", ["whole.h5:/codes", "chunks.h5:/ends", "external.h5:/whole"])
def test_whole_is_read_without_a_word(folder, place):
    done, mean = read_mean(folder, place)
    assert "warning" not in done.stderr and place not in done.stderr
    np.testing.assert_allclose(mean, Y.mean(axis=0), rtol=0, atol=1e-14)


def test_sources_are_found_from_another_folder(folder, monkeypatch):
    """Beside the file, and where HDF5_VDS_PREFIX says."""
    (folder / "elsewhere").mkdir()
    brenier("frechet", "../whole.npy", "../whole.h5", ranks=1, cwd=folder / "elsewhere")
    (folder / "shard1.h5").rename(folder / "elsewhere" / "shard1.h5")
    brenier("frechet", "whole.npy", "whole.h5", ranks=1, code=IO, cwd=folder)
    monkeypatch.setenv("HDF5_VDS_PREFIX", "${ORIGIN}/elsewhere")
    brenier("frechet", "whole.npy", "whole.h5", ranks=1, cwd=folder)
    (folder / "elsewhere" / "shard1.h5").rename(folder / "shard1.h5")


@pytest.mark.parametrize("place, value", [("declared.h5", 7.0), ("chunks.h5:/fill", -1.5), ("chunks.h5:/part", 0.0)])
def test_missing_rows_are_read_when_allowed(folder, place, value):
    done, mean = read_mean(folder, place, "-allow_missing")
    assert done.stderr.count("brenier: warning: ") == 1 and "rows 20 to 39" in done.stderr
    np.testing.assert_allclose(mean, (Y[:20].mean(axis=0) + value) / 2, rtol=0, atol=1e-14)


@pytest.mark.parametrize("place", ["half.npy", "chunks.h5:/half"])
def test_rows_that_may_never_have_been_written(folder, place):
    """Where nothing more can be known, there is a warning that names the rows."""
    done = brenier("encode", place, "-dim", 2, "-o", "half_codes.h5", ranks=2, cwd=folder)
    assert done.stderr.count("brenier: warning: ") == 1 and "from row 20 to 39" in done.stderr


def test_hole(folder):
    if (folder / "large.npy").stat().st_blocks * 512 > 900000:
        pytest.skip("this file system keeps no holes")
    done = brenier("encode", "large.npy", "-dim", 2, "-o", "out.h5", ranks=2, code=INPUT, cwd=folder)
    one_error(done, ["hole", "large.npy"])


def test_padding(folder):
    done = brenier("frechet", "padded.npy", "whole.npy", ranks=1, cwd=folder)
    assert "notice: padded.npy: passes over 4096 bytes of zeros" in done.stdout and not done.stderr


WRITER = """
import sys, h5py, numpy as np
kind, path = sys.argv[1:]
file = h5py.File(path, "w", libver="earliest" if kind == "earliest" else "latest")
data = file.create_dataset("codes", (40, 3), "f8", maxshape=(None, 3), chunks=(10, 3))
if kind == "swmr":
    file.swmr_mode = True
data[:] = 1 + np.arange(120).reshape(40, 3) ** 0.5
file.flush()
print("ready", flush=True)
sys.stdin.readline()
if kind == "died":
    import os
    os._exit(0)
"""


def end(program):
    """Lets a writer end, unless it has."""
    if program.poll() is None:
        bounded.finish(program, 60, "\n")


@pytest.fixture
def writer():
    """Starts another program that has a file open for writing; it ends when the test does."""
    started = []

    def start(kind, path):
        program = bounded.start([sys.executable, "-c", WRITER, kind, path], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE)  # fmt: skip
        started.append(program)
        assert next(bounded.lines(program, 60), "") == "ready\n"
        return program

    yield start
    for program in started:
        end(program)


@pytest.mark.parametrize("locking", ["TRUE", "FALSE"])
@pytest.mark.parametrize("kind", ["earliest", "latest", "swmr"])
def test_open_for_writing_elsewhere(folder, writer, monkeypatch, kind, locking):
    monkeypatch.setenv("HDF5_USE_FILE_LOCKING", locking)
    program = writer(kind, folder / "live.h5")
    done = brenier("frechet", "live.h5", "whole.npy", ranks=1, code=IO, cwd=folder)
    one_error(done, ["live.h5", f"process {program.pid} (", "open for writing", "wait"])
    end(program)
    brenier("frechet", "live.h5", "whole.npy", ranks=1, cwd=folder)


def test_never_closed(folder, writer):
    program = writer("died", folder / "died.h5")
    end(program)
    one_error(brenier("frechet", "died.h5", "whole.npy", ranks=1, code=IO, cwd=folder), ["never closed", "h5clear -s"])


def test_shard_open_for_writing(folder, writer):
    virtual(folder / "live_shard.h5", "live1.h5")
    program = writer("earliest", folder / "live1.h5")
    done = brenier("frechet", "live_shard.h5", "whole.npy", ranks=1, code=IO, cwd=folder)
    one_error(done, ["rows 20 to 39", "live1.h5", f"process {program.pid} ("])


def test_result_open_for_writing(folder, writer):
    """h5py has a result open to add to it: it is not damaged."""
    (folder / "open.h5").write_bytes((folder / "result.h5").read_bytes())
    with h5py.File(folder / "open.h5", "r+"):
        one_error(brenier("check", "open.h5", code=IO, cwd=folder), ["open.h5", "open for writing"])
    brenier("check", "open.h5", "-curves", 64, cwd=folder)
