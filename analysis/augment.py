#!/usr/bin/python3
"""Makes many images of few: each is moved, turned and mirrored at random, for problems with millions of targets.

usage: augment.py IMAGES.h5 -o OUT.h5 -n N [-shift PIXELS] [-turn DEGREES] [-flip] [-seed S]

Image i of OUT.h5 comes from image i modulo m of the m images in /images of IMAGES.h5. The first m are the images
themselves. A pixel p of a later one has the value of its original at c + R (p - c) - t, interpolated between the four
nearest pixels, 0 outside: R turns by an angle that is uniform within +-DEGREES about the centre c, and t is uniform
within +-PIXELS along both axes. -flip mirrors half of them, left to right. /labels go along. The same arguments give
the same file, and the first images do not depend on N. Memory does not depend on N. OUT.h5 appears whole or not at all.

Exit codes as those of brenier: 0 done, 2 usage, 3 bad input, 4 input or output failed.
"""
import argparse
import sys

import h5py
import numpy as np

from whole_file import write_whole

AT_ONCE = 4096  # images; each such block has random numbers of its own


class BadInput(Exception):
    """The content of a file is not what it should be; says which file, what and where."""


def moved(images, shift, angle, mirrored):
    """Images [n, height, width] at turned and shifted pixels, as floats: shift [n, 2] in pixels, angle [n]."""
    n, height, width = images.shape
    centre = 0.5 * np.array([height - 1, width - 1])
    down, right = np.meshgrid(np.arange(height) - centre[0], np.arange(width) - centre[1], indexing="ij")
    cosine, sine = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    row = centre[0] + cosine * down - sine * right - shift[:, 0, None, None]
    column = centre[1] + sine * down + cosine * right - shift[:, 1, None, None]
    column = np.where(mirrored[:, None, None], width - 1 - column, column)
    framed = np.zeros((n, height + 2, width + 2), np.float32)  # so that what lies outside is read as 0
    framed[:, 1:-1, 1:-1] = images
    top, left = np.floor(row).astype(int), np.floor(column).astype(int)
    below, beside = (row - top).astype(np.float32), (column - left).astype(np.float32)
    number = np.arange(n)[:, None, None]

    def at(i, j):
        return framed[number, np.clip(i + 1, 0, height + 1), np.clip(j + 1, 0, width + 1)]

    upper = at(top, left) * (1 - beside) + at(top, left + 1) * beside
    lower = at(top + 1, left) * (1 - beside) + at(top + 1, left + 1) * beside
    return upper * (1 - below) + lower * below


def draw(images, block, options):
    """A block of changed images, of the type of the originals."""
    rng = np.random.default_rng([options.seed, block])
    n = AT_ONCE  # all of a block are drawn, so that the first ones do not depend on how many are kept
    shift = rng.uniform(-options.shift, options.shift, (n, 2))[: len(images)]
    angle = np.radians(rng.uniform(-options.turn, options.turn, n))[: len(images)]
    mirrored = (rng.random(n) < 0.5 * options.flip)[: len(images)]
    found = moved(images, shift, angle, mirrored)
    return np.rint(found).astype(images.dtype) if images.dtype.kind in "iu" else found.astype(images.dtype)


def read(path):
    """The images of a file, [m, height, width], and their labels or None."""
    with h5py.File(path) as file:
        if "images" not in file:
            raise BadInput(f"{path}: has no dataset /images; analysis/idx_to_hdf5.py makes such a file")
        images = file["images"]
        if images.ndim != 3 or images.dtype.kind not in "iuf" or 0 in images.shape:
            found = f"{images.dtype} of shape {list(images.shape)}"
            raise BadInput(f"{path}: /images is {found}, not gray images [m, h, w]")
        labels = file["labels"][()] if "labels" in file else None
        if labels is not None and len(labels) != len(images):
            raise BadInput(f"{path}: {len(images)} images, but {len(labels)} labels")
        return images[()], labels


def write(path, images, labels, options):
    """Images and labels as datasets of a new file, block by block."""
    m, n = len(images), options.n

    def fill(temporary):
        with h5py.File(temporary, "w") as file:
            rows = max(1, 2**20 // images[0].nbytes)
            out = file.create_dataset("images", (n, *images.shape[1:]), images.dtype, track_times=False,
                                      chunks=(min(rows, n), *images.shape[1:]))  # fmt: skip
            for block, first in enumerate(range(0, n, AT_ONCE)):
                index = np.arange(first, min(first + AT_ONCE, n))
                same = index < m
                chosen = images[index % m]
                out[first : first + len(index)] = np.where(same[:, None, None], chosen, draw(chosen, block, options))
            if labels is not None:
                file.create_dataset("labels", data=labels[np.arange(n) % m], track_times=False)

    write_whole(path, fill)


def number(kind, least):
    def parse(text):
        value = kind(float(text)) if kind is int else kind(text)
        if not least <= value < np.inf:
            raise argparse.ArgumentTypeError(f"must be at least {least}")
        return value

    return parse


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Makes many images of few.", allow_abbrev=False)
    parser.add_argument("images", help="file with /images, [m, h, w], and perhaps /labels")
    parser.add_argument("-o", dest="out", required=True, metavar="OUT.h5", help="file to write")
    parser.add_argument("-n", type=number(int, 1), required=True, metavar="N", help="images to make, such as 2.56e6")
    parser.add_argument("-shift", type=number(float, 0), default=2.0, metavar="PIXELS", help="largest; default 2")
    parser.add_argument("-turn", type=number(float, 0), default=10.0, metavar="DEGREES", help="largest; default 10")
    parser.add_argument("-flip", action="store_true", help="mirror half of them")
    parser.add_argument("-seed", type=number(int, 0), default=1, metavar="S", help="of the random numbers; default 1")
    options = parser.parse_args(arguments)
    try:
        images, labels = read(options.images)
        write(options.out, images, labels, options)
    except BadInput as error:
        print(f"augment: error: {error}", file=sys.stderr)
        return 3
    except OSError as error:
        print(f"augment: error: {options.images}, {options.out}: {error}", file=sys.stderr)
        return 4
    print(f"{options.out}:/images  {options.n} x {images.shape[1]} x {images.shape[2]}  {images.dtype}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
