"""Every number type and every kind of HDF5 file is read right or refused in one sentence; labels are exact integers."""
import os

import h5py
import numpy as np
import pytest
from brenier_files import last_event, read_log
from program import brenier

INPUT, IO = 3, 4
Y = np.random.default_rng(1).standard_normal((40, 3)).astype("f4")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("types")
    np.save(folder / "y.npy", Y)
    brenier("solve", "y.npy", "-curves", 500, "-o", "result.h5", cwd=folder)
    return folder


def save(folder, name, array):
    """As .npy, or as dataset /x of an HDF5 file; returns the place."""
    if name.endswith(".npy"):
        np.save(folder / name, array)
        return name
    with h5py.File(folder / name, "w") as file:
        file["x"] = array
    return f"{name}:/x"


def one_error(done, words):
    lines = [line for line in done.stderr.splitlines() if line.startswith("brenier: ")]
    assert len(lines) == 1 and lines[0].startswith("brenier: error: "), done.stderr
    for word in words:
        assert word in lines[0], lines[0]


# ---- labels ----


def sampled_labels(folder, place):
    brenier("sample", "result.h5", "-n", 300, "-labels", place, "-noise", "no", "-o", "sample.h5", cwd=folder)
    with h5py.File(folder / "result.h5") as result, h5py.File(folder / "sample.h5") as sample:
        return sample["label"][()], result["row"][()][sample["index"][()]]


def expect_labels(folder, place, labels):
    found, row = sampled_labels(folder, place)
    assert [int(x) for x in found] == [int(x) for x in labels[row]]
    return found.dtype


@pytest.mark.parametrize("name", ["l.npy", "l.h5"])
@pytest.mark.parametrize("kind", ["<i8", ">i8", "<u8", "<i1", ">u2"])
def test_labels_are_exact(folder, name, kind):
    """To the last digit, over all of the type's range."""
    limits = np.iinfo(kind)
    labels = np.random.default_rng(2).integers(limits.min, limits.max, 40, dtype=kind[1:], endpoint=True).astype(kind)
    labels[:2] = limits.min, limits.max
    dtype = expect_labels(folder, save(folder, name, labels), labels)
    assert dtype == (np.uint64 if kind == "<u8" else np.int64)


@pytest.mark.parametrize("labels", [np.arange(40.0), np.arange(40, dtype="f2"), np.arange(40) % 2 == 0,
                                    np.arange(40)[:, None]], ids=["f8", "f2", "bool", "column"])  # fmt: skip
def test_other_labels(folder, labels):
    for name in ("l.npy", "l.h5"):
        expect_labels(folder, save(folder, name, labels), labels.ravel())


@pytest.mark.parametrize("labels", [np.arange(40, dtype="f4") + np.float32(20240101), np.arange(40) + 2.0**53,
                                    np.full(40, 2048, "f2")], ids=["f4", "f8", "f2"])  # fmt: skip
def test_labels_that_floats_may_have_rounded(folder, labels):
    for name in ("l.npy", "l.h5"):
        place = save(folder, name, labels)
        done = brenier("sample", "result.h5", "-n", 9, "-labels", place, "-o", "out.h5", code=INPUT, cwd=folder)
        one_error(done, [place, "row 0", "integers"])


def test_dates_are_no_labels(folder):
    np.save(folder / "dates.npy", np.arange("2024-01-01", "2024-02-10", dtype="M8[D]"))
    done = brenier("sample", "result.h5", "-n", 9, "-labels", "dates.npy", "-o", "out.h5", ranks=2, code=INPUT,
                   cwd=folder)
    one_error(done, ["dates.npy", "np.int64"])


# ---- targets, weights, images ----


@pytest.mark.parametrize("kind", [">i8", "u1", "?"])
def test_integers_and_bools(folder, kind):
    """As targets they are the same numbers as doubles are; tests/unit/test_array.c has all widths."""
    y = np.random.default_rng(3).permutation(2 if kind == "?" else 90)[:60].astype(kind)[:, None]
    np.save(folder / "i.npy", y)
    np.testing.assert_array_equal(solved_targets(folder, "i.npy")[0], y.astype("f8"))


SAME = ("heights", "mass", "barycenter", "weights", "row")


def solved_data(folder, place, *options, ranks=1):
    brenier("solve", place, "-curves", 1200, *options, "-o", "out_s.h5", ranks=ranks, cwd=folder)
    with h5py.File(folder / "out_s.h5") as file:
        return {name: file[name][()] for name in (*SAME, "targets")}


def expect_same_solve(folder, single, double, *options, ranks=1):
    """Targets in single precision are kept so; all else is what the same numbers in double precision lead to."""
    found, expected = (solved_data(folder, place, *options, ranks=ranks) for place in (single, double))
    for name in SAME:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)
    np.testing.assert_array_equal(found["targets"], expected["targets"])
    return found["targets"].dtype, expected["targets"].dtype


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_single_precision(folder, ranks):
    """With duplicates, of which one is -0; where they span all dimensions, and where they do not; from
    clusters, from a result."""
    y = np.random.default_rng(4).standard_normal((420, 6)).astype("f4")
    y[[7, 300]] = y[5]
    y[[8, 9, 400]] = 0.0
    y[9] = -0.0
    flat = y @ np.random.default_rng(5).integers(-8, 9, (6, 9)).astype("f4")
    for kind in "f4", "f8":
        np.save(folder / f"y{kind}.npy", y.astype(kind))
        np.save(folder / f"flat{kind}.npy", flat.astype(kind))
    np.save(folder / "w.npy", np.random.default_rng(6).uniform(1, 2, len(y)))
    place = save(folder, "single.h5", y)
    to = ("-tol", 0.4)
    assert expect_same_solve(folder, "yf4.npy", "yf8.npy", "-weights", "w.npy", *to, ranks=ranks) == ("f4", "f8")
    os.replace(folder / "out_s.h5", folder / "start.h5")
    expect_same_solve(folder, "yf4.npy", "yf8.npy", "-start", "start.h5", *to, ranks=ranks)
    expect_same_solve(folder, "yf4.npy", "yf8.npy", "-method", "asgd", "-sample", "points", ranks=ranks)
    expect_same_solve(folder, place, "yf8.npy", *to, ranks=ranks)
    expect_same_solve(folder, "flatf4.npy", "flatf8.npy", "-source", "sphere", *to, ranks=ranks)


@pytest.mark.parametrize("rank, source, cells, ranks", [(1, "gaussian", "", 1), (2, "gaussian", "", 1),
                         (2, "sphere", "", 3), (3, "gaussian", "", 3), (2, "gaussian", "curves", 1)])  # fmt: skip
def test_single_precision_in_few_dimensions(tmp_path, rank, source, cells, ranks):
    """On a line, in a plane, in space: barycentres are lifted from single precision, all else is the same."""
    y = np.round(64 * np.random.default_rng(rank).standard_normal((60, rank))) / 64
    y = y @ np.random.default_rng(5).integers(-8, 9, (rank, 5))
    found = []
    for kind in "f4", "f8":
        np.save(tmp_path / "y.npy", y.astype(kind))
        brenier("solve", "y.npy", "-source", source, *(("-cells", cells) if cells else ()), "-tol", 0.5, "-o",
                f"{kind}.h5", ranks=ranks, cwd=tmp_path)  # fmt: skip
        with h5py.File(tmp_path / f"{kind}.h5") as file:
            found.append({name: file[name][()] for name in (*SAME, "targets")})
    single, double = found
    np.testing.assert_allclose(single.pop("barycenter"), double.pop("barycenter"), rtol=0, atol=1e-6)
    for name, value in double.items():
        np.testing.assert_array_equal(single[name], value, err_msg=name)


RESULT_COMMANDS = [
    ("sample", "-n", 300, "-o", "made.h5"),
    ("sample", "-n", 300, "-extension", "linear", "-quantile", 0.9, "-o", "made.h5"),
    ("map", "x.npy", "-critic", "-o", "made.h5"),
    ("facets", "-curves", 800, "-o", "made.h5"),
    ("check", "-curves", 800),
]
OF_A_SHAPE = {"whole": ("density", "-o", "made.h5"),
              "plane": ("sample", "-n", 300, "-extension", "piecewise", "-o", "made.h5")}  # fmt: skip


def said_by(folder, result, command, ranks):
    """Datasets of made.h5, or the last event."""
    name, *rest = command
    (folder / "made.h5").unlink(missing_ok=True)
    brenier(name, result, *rest, "-log", "log", ranks=ranks, cwd=folder)
    if "-o" not in rest:
        event = last_event(read_log(folder / "log"), name)
        return {key: value for key, value in event.items() if isinstance(value, float) and key != "seconds"}
    with h5py.File(folder / "made.h5") as file:
        return {key: item[()] for key, item in file.items() if isinstance(item, h5py.Dataset)}


@pytest.mark.parametrize("ranks", [1, 3])
@pytest.mark.parametrize("shape", ["whole", "plane"])
def test_results_in_single_precision(folder, shape, ranks):
    """Every command on a result with targets in single precision, and on one with the same in double precision: means
    of barycentres, which are lifted from the plane in that precision, differ by its rounding, and nothing else."""
    rng = np.random.default_rng(4)
    y = rng.standard_normal((150, 5 if shape == "whole" else 2)).astype("f4")
    if shape == "plane":
        y = (np.round(64 * y) / 64 @ np.random.default_rng(5).integers(-8, 9, (2, 5))).astype("f4")
    np.save(folder / "x.npy", rng.standard_normal((100, 5)))
    for kind in "f4", "f8":
        np.save(folder / f"y{kind}.npy", y.astype(kind))
        brenier("solve", f"y{kind}.npy", "-tol", 0.4, "-o", f"{kind}.h5", cwd=folder)
    for command in [*RESULT_COMMANDS, OF_A_SHAPE[shape]]:
        single, double = (said_by(folder, f"{kind}.h5", command, ranks) for kind in ("f4", "f8"))
        assert len(single) > 0 and single.keys() == double.keys(), command
        for name, value in double.items():
            rounding = 1e-6 if shape == "plane" and name == "code" else 0.0
            np.testing.assert_allclose(single[name], value, rtol=rounding, atol=rounding, err_msg=f"{command} {name}")


@pytest.mark.parametrize("kind", ["<f2", ">f4", "u1", "<i2"])
def test_types_that_single_precision_holds(folder, kind):
    y = (90 + 30 * np.random.default_rng(4).standard_normal((100, 5))).clip(0, 255).astype(kind)
    np.save(folder / "narrow.npy", y)
    np.save(folder / "wide.npy", y.astype("f8"))
    for place in ("narrow.npy", save(folder, "narrow.h5", y)):
        assert expect_same_solve(folder, place, "wide.npy") == ("f4", "f8")


def solved_targets(folder, place, *options):
    brenier("solve", place, *options, "-curves", 300, "-o", "out_t.h5", cwd=folder)
    with h5py.File(folder / "out_t.h5") as file:
        return file["targets"][()], file["weights"][()]


def bfloat16():
    kind = h5py.h5t.IEEE_F32LE.copy()
    kind.set_fields(15, 7, 8, 0, 7)
    kind.set_size(2)
    kind.set_ebias(127)
    return kind


def test_types_of_hdf5(folder):
    """Half floats, bfloat16, bool as h5py and as PyTables keep it, and an enumeration."""
    short = (Y.view("u4") >> 16 << 16).view("f4")  # has no more digits than bfloat16
    half = Y.astype("f2")
    with h5py.File(folder / "t.h5", "w") as file:
        file["half"] = half
        space = h5py.h5s.create_simple(Y.shape)
        h5py.h5d.create(file.id, b"bfloat16", bfloat16(), space).write(h5py.h5s.ALL, h5py.h5s.ALL, short)
        file["bool"] = Y > 0
        bits = h5py.h5d.create(file.id, b"bits", h5py.h5t.STD_B8LE, space)
        bits.write(h5py.h5s.ALL, h5py.h5s.ALL, (Y > 0).astype("u1"), mtype=h5py.h5t.NATIVE_B8)
        file.create_dataset("codes", data=(Y > 0) * 2, dtype=h5py.enum_dtype({"A": 0, "B": 2}, basetype="u2"))
        file["weights"] = np.arange(1, 41)
    np.testing.assert_array_equal(solved_targets(folder, "t.h5:/half")[0], half.astype("f8"))
    targets, weights = solved_targets(folder, "t.h5:bfloat16", "-weights", "t.h5:weights")  # without the slash, too
    np.testing.assert_array_equal(targets, short.astype("f8"))
    np.testing.assert_allclose(weights, np.arange(1, 41) / 820, rtol=1e-15)
    for name, scale in (("bool", 1), ("bits", 1), ("codes", 2)):
        targets, _ = solved_targets(folder, f"t.h5:/{name}")
        assert sorted(map(tuple, targets)) == sorted({tuple(row) for row in (Y > 0) * float(scale)})


REFUSED = [
    ("complex", Y.astype("c16"), "complex numbers"),
    ("records", np.zeros(40, dtype=[("x", "f4"), ("y", "f4")]), "records"),
    ("text", np.array([["a", "b"]] * 40, dtype="S3"), "text"),
]


@pytest.mark.parametrize("name, array, words", REFUSED, ids=[case[0] for case in REFUSED])
def test_no_numbers(folder, name, array, words):
    for place in (save(folder, f"{name}.npy", array), save(folder, f"{name}.h5", array)):
        one_error(brenier("frechet", place, "y.npy", ranks=1, code=INPUT, cwd=folder), [place, words])


def test_no_numbers_of_hdf5(folder):
    with h5py.File(folder / "no.h5", "w") as file:
        file.create_dataset("array", (40,), dtype=np.dtype(("f4", (3,))))
        file.create_dataset("lengths", (40,), dtype=h5py.vlen_dtype("f4"))
        file["ref"] = np.array([[file["array"].ref] * 3], dtype=h5py.ref_dtype)
        file["gone"] = h5py.ExternalLink("nofile.h5", "/x")
    for name, words in (("array", "array in each"), ("lengths", "lengths"), ("ref", "references"),
                        ("gone", "nofile.h5")):
        one_error(brenier("frechet", f"no.h5:/{name}", "y.npy", ranks=1, code=INPUT, cwd=folder), [name, words])


# ---- HDF5 files ----


@pytest.mark.parametrize("user", [512, 1024, 2048, 65536])
def test_user_block(folder, user):
    with h5py.File(folder / "user.h5", "w", userblock_size=user) as file:
        file["y"] = Y
    np.testing.assert_array_equal(solved_targets(folder, "user.h5")[0], Y)


def test_matlab(folder):
    with h5py.File(folder / "m.mat", "w", userblock_size=512) as file:
        for name, class_, data in (("y", "double", Y), ("word", "char", np.full((1, 4), 65, "u2")),
                                   ("none", "double", np.array([0, 3], "u8"))):  # fmt: skip
            file[name] = data
            file[name].attrs["MATLAB_class"] = np.bytes_(class_)
        file["none"].attrs["MATLAB_empty"] = np.uint8(1)
    with open(folder / "m.mat", "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64 HDF5 schema 1.00 .".ljust(124) + b"\x00\x02IM")
    done = brenier("frechet", "m.mat:y", "y.npy", ranks=1, cwd=folder)
    assert "notice: m.mat:y: MATLAB stores arrays transposed" in done.stdout and "40 rows of 3" in done.stdout
    one_error(brenier("frechet", "m.mat:word", "y.npy", ranks=1, code=INPUT, cwd=folder), ["text"])
    one_error(brenier("solve", "y.npy", "-weights", "m.mat:none", "-o", "out.h5", code=INPUT, cwd=folder), ["empty"])
    (folder / "old.mat").write_bytes(b"MATLAB 5.0 MAT-file, Platform: GLNXA64".ljust(2000))
    one_error(brenier("frechet", "old.mat", "y.npy", ranks=1, code=INPUT, cwd=folder), ["-v7.3"])


@pytest.mark.parametrize("number, name", [(32000, "lzf"), (32001, "blosc"), (32004, "lz4"), (32008, "bitshuffle"),
                                          (32015, "zstd"), (32026, "blosc2"), (307, "bzip2")])  # fmt: skip
def test_filters_are_named(folder, number, name):
    """Chunks said to be packed by a filter that is not here."""
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_chunk((20, 3))
    if number == 32000:  # h5py has this one
        creation.set_filter(number, h5py.h5z.FLAG_OPTIONAL, (4, 261, 240))
    else:
        creation.set_filter(number, h5py.h5z.FLAG_OPTIONAL, (2, 2, 8, 1536, 5, 1, 0))
    with h5py.File(folder / "f.h5", "w") as file:
        dataset = h5py.h5d.create(file.id, b"y", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((40, 3)), creation)
        for row in (0, 20):
            dataset.write_direct_chunk((row, 0), bytes(range(200)), 0)
    done = brenier("frechet", "f.h5:/y", "y.npy", ranks=1, code=IO, cwd=folder)
    one_error(done, [f"{name} ({number})", "h5repack -f GZIP=4", "HDF5_PLUGIN_PATH"])


def test_group_where_a_dataset_is_wanted(folder):
    with h5py.File(folder / "cells.h5ad", "w") as file:
        x = file.create_group("X")
        x.attrs["encoding-type"], x.attrs["shape"] = "csr_matrix", (40, 3)
        x["data"] = Y.ravel()
        file["obsm/X_pca"] = Y
    for place in ("cells.h5ad:/X", "cells.h5ad:X"):
        done = brenier("frechet", place, "y.npy", ranks=1, code=INPUT, cwd=folder)
        one_error(done, ["/X is a group", "sparse", "csr_matrix", "/obsm/X_pca [40, 3]"])
    done = brenier("frechet", "cells.h5ad", "y.npy", ranks=1, code=INPUT, cwd=folder)
    one_error(done, ["cells.h5ad:/NAME", "/obsm/X_pca [40, 3]"])


def test_places(folder):
    """A colon may be part of a file's name, and an output is known to be an input without its slash, too."""
    (folder / "a:b.npy").write_bytes((folder / "y.npy").read_bytes())
    brenier("frechet", "a:b.npy", "y.npy", ranks=1, cwd=folder)
    with h5py.File(folder / "c:d.h5", "w") as file:
        file["g/y"] = Y
    brenier("frechet", "c:d.h5:g/y", "y.npy", ranks=1, cwd=folder)
    one_error(brenier("solve", "c:d.h5:g/y", "-o", "c:d.h5", code=2, cwd=folder), ["c:d.h5", "input"])
