"""IDX files of every element type and rank come through unchanged; damaged ones are refused in words."""
import gzip
import os
import struct

import h5py
import idx_to_hdf5
import numpy as np
import pytest


def idx_bytes(array, code):
    element = idx_to_hdf5.ELEMENT_TYPES[code]
    head = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(element).tobytes()


def write(path, content):
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return str(path)


IMAGES = np.arange(3 * 4 * 5).reshape(3, 4, 5)


@pytest.mark.parametrize("code", sorted(idx_to_hdf5.ELEMENT_TYPES))
@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_every_element_type(tmp_path, code, name):
    images = write(tmp_path / name, idx_bytes(IMAGES, code))
    out = str(tmp_path / "out.h5")
    assert idx_to_hdf5.main([images, "-o", out]) == 0
    with h5py.File(out) as file:
        assert list(file) == ["images"]
        assert file["images"].dtype == np.dtype(idx_to_hdf5.ELEMENT_TYPES[code]).newbyteorder("=")
        np.testing.assert_array_equal(file["images"][()], IMAGES)


@pytest.mark.parametrize("shape", [(60,), (6, 10), (3, 4, 5), (3, 2, 2, 5)])
def test_every_rank(tmp_path, shape):
    images = write(tmp_path / "a", idx_bytes(IMAGES.reshape(shape), 0x0C))
    assert idx_to_hdf5.read_idx(images).shape == shape


def test_extreme_values_keep_their_byte_order(tmp_path):
    values = np.array([-(2**31), 2**31 - 1, 258])
    np.testing.assert_array_equal(idx_to_hdf5.read_idx(write(tmp_path / "a", idx_bytes(values, 0x0C))), values)


def test_labels_and_limit(tmp_path):
    images = write(tmp_path / "images.gz", idx_bytes(IMAGES, 0x08))
    labels = write(tmp_path / "labels", idx_bytes(np.array([7, 8, 9]), 0x08))
    out = str(tmp_path / "out.h5")
    assert idx_to_hdf5.main([images, labels, "-o", out, "-n", "2"]) == 0
    with h5py.File(out) as file:
        np.testing.assert_array_equal(file["images"][()], IMAGES[:2])
        np.testing.assert_array_equal(file["labels"][()], [7, 8])
        assert file["labels"].attrs["source"] == "labels"


GOOD = idx_bytes(IMAGES, 0x08)


@pytest.mark.parametrize(
    "content, words",
    [
        (b"", "not an IDX file; it begins with the bytes of nothing"),
        (GOOD[:10], "cut short in its header, after 10 of 16 bytes"),
        (GOOD[:-1], "cut short: the shape [3, 4, 5] asks for 76 bytes, there are 75"),
        (GOOD + b"x", "too long"),
        (b"\0\0\x0a\x01" + GOOD[4:], "not an IDX file; it begins with the bytes 00 00 0a 01"),
        (b"\x89PNG" + GOOD, "not an IDX file"),
        (b"\0\0\x08\0", "not an IDX file"),
        (bytes([0, 0, 8, 1, 0, 0, 0, 0]), "empty"),
        (b"\0\0\x0e\x03" + b"\xff" * 12, "cut short"),
        (gzip.compress(GOOD, mtime=0)[:-9], "gzip stream is damaged or cut short"),
        (gzip.compress(GOOD, mtime=0)[:-8] + b"\0" * 8, "gzip stream is damaged"),
    ],
)
def test_damaged_files_are_refused(tmp_path, capsys, content, words):
    images = tmp_path / "images"
    images.write_bytes(content)
    assert idx_to_hdf5.main([str(images), "-o", str(tmp_path / "out.h5")]) == 3
    message = capsys.readouterr().err
    assert words in message and str(images) in message
    assert os.listdir(tmp_path) == ["images"]


def test_other_failures(tmp_path, capsys):
    images = write(tmp_path / "images", GOOD)
    labels = write(tmp_path / "labels", idx_bytes(np.array([7, 8]), 0x08))
    out = str(tmp_path / "out.h5")
    assert idx_to_hdf5.main([images, labels, "-o", out]) == 3
    assert "3 images" in capsys.readouterr().err
    assert idx_to_hdf5.main([images, "-o", out, "-n", "4"]) == 3
    assert idx_to_hdf5.main([str(tmp_path / "gone"), "-o", out]) == 4
    assert idx_to_hdf5.main([images, "-o", str(tmp_path / "no" / "out.h5")]) == 4
    with pytest.raises(SystemExit) as stop:
        idx_to_hdf5.main([images, "-o", out, "-n", "0"])
    assert stop.value.code == 2
    assert sorted(os.listdir(tmp_path)) == ["images", "labels"]


def test_an_older_file_survives_a_failure(tmp_path):
    out = tmp_path / "out.h5"
    out.write_text("older")
    assert idx_to_hdf5.main([write(tmp_path / "images", GOOD[:-1]), "-o", str(out)]) == 3
    assert out.read_text() == "older"
