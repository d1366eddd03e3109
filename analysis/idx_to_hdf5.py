#!/usr/bin/python3
"""Converts IDX files (MNIST, Fashion-MNIST, KMNIST, EMNIST, ...) to HDF5 for `brenier encode`.

usage: idx_to_hdf5.py IMAGES[.gz] [LABELS[.gz]] -o OUT.h5 [-n N]

An IDX file is two zero bytes, one byte for the element type, one for the number of axes, the lengths of the axes as
big-endian 32-bit numbers, and the elements in C order, big-endian. OUT.h5 gets /images, and /labels when labels are
given, of the same shape and type in the byte order of this machine. OUT.h5 appears whole or not at all.

Exit codes as those of brenier: 0 done, 2 usage, 3 bad input, 4 input or output failed.
"""
import argparse
import gzip
import os
import sys
import zlib

import h5py
import numpy as np

from whole_file import write_whole

ELEMENT_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
GZIP_MAGIC = b"\x1f\x8b"
CHUNK_BYTES = 1 << 24


class BadInput(Exception):
    """The content of a file is not what it should be; says which file, what and where."""


def read_bytes(path):
    """All bytes of a file, decompressed when it is gzip, whatever its name."""
    with open(path, "rb") as file:
        is_gzip = file.read(2) == GZIP_MAGIC
    try:
        with (gzip.open if is_gzip else open)(path, "rb") as file:
            return b"".join(iter(lambda: file.read(CHUNK_BYTES), b""))
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BadInput(f"{path}: the gzip stream is damaged or cut short ({error}); fetch the file again") from error


def read_idx(path):
    """The array in an IDX file, in the byte order of this machine."""
    raw = read_bytes(path)
    if len(raw) < 4 or raw[:2] != b"\0\0" or raw[2] not in ELEMENT_TYPES or raw[3] == 0:
        raise BadInput(f"{path}: not an IDX file; it begins with the bytes {raw[:4].hex(' ') or 'of nothing'}")
    element = np.dtype(ELEMENT_TYPES[raw[2]])
    begin = 4 + 4 * raw[3]
    if len(raw) < begin:
        raise BadInput(f"{path}: cut short in its header, after {len(raw)} of {begin} bytes")
    shape = tuple(int(length) for length in np.frombuffer(raw, ">u4", raw[3], 4))
    count = 1
    for length in shape:
        count *= length
    if count == 0:
        raise BadInput(f"{path}: empty; its header gives the shape {list(shape)}")
    expected = begin + count * element.itemsize
    if len(raw) != expected:
        what = "cut short" if len(raw) < expected else "too long"
        raise BadInput(f"{path}: {what}: the shape {list(shape)} asks for {expected} bytes, there are {len(raw)}")
    return np.frombuffer(raw, element, count, begin).reshape(shape).astype(element.newbyteorder("="))


def write_hdf5(path, datasets, sources):
    """Writes arrays as datasets of a new file."""

    def fill(temporary):
        with h5py.File(temporary, "w") as file:
            for name, array in datasets.items():
                dataset = file.create_dataset(name, data=array, track_times=False)
                dataset.attrs["source"] = os.path.basename(sources[name])

    write_whole(path, fill)


def convert(images_path, labels_path, out, limit=None):
    """Converts one pair of files; returns the arrays written."""
    sources = {"images": images_path}
    if labels_path:
        sources["labels"] = labels_path
    datasets = {name: read_idx(path) for name, path in sources.items()}
    lengths = [len(array) for array in datasets.values()]
    if len(set(lengths)) > 1:
        raise BadInput(f"{images_path} holds {lengths[0]} images, but {labels_path} {lengths[1]} labels")
    if limit is not None and limit > lengths[0]:
        raise BadInput(f"{images_path}: -n {limit} is more than the {lengths[0]} images it holds")
    datasets = {name: array[:limit] for name, array in datasets.items()}
    write_hdf5(out, datasets, sources)
    return datasets


def positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Converts IDX files (MNIST and its kin) to HDF5.", allow_abbrev=False)
    parser.add_argument("images", help="IDX file of the images, .gz or not")
    parser.add_argument("labels", nargs="?", help="IDX file of their labels")
    parser.add_argument("-o", dest="out", required=True, metavar="OUT.h5", help="file to write")
    parser.add_argument("-n", dest="limit", type=positive, metavar="N", help="take the first N only")
    options = parser.parse_args(arguments)
    try:
        datasets = convert(options.images, options.labels, options.out, options.limit)
    except BadInput as error:
        print(f"idx_to_hdf5: error: {error}", file=sys.stderr)
        return 3
    except OSError as error:
        print(f"idx_to_hdf5: error: {error}", file=sys.stderr)
        return 4
    for name, array in datasets.items():
        print(f"{options.out}:/{name}  {' x '.join(str(length) for length in array.shape)}  {array.dtype}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
