#!/usr/bin/python3
"""Draws images from HDF5 files as grids, one block for each dataset, side by side.

usage: image_grid.py DATA.h5:/dataset [DATA.h5:/dataset ...] -o PNG [-rows R] [-columns C] [-shape HxW] [-titles A,B]

The first R x C rows of every dataset are drawn, so nothing is picked by hand. A row of p numbers is an image of shape
HxW; without -shape it is square. Values are shown from 0 (white) to the maximum of the first dataset, or 255 (black).
"""
import argparse
import math
import sys

import h5py
import numpy as np

from brenier_files import BadFile, open_hdf5, read_dataset, run, split_place
from figure_style import new_figure, save

GAP = 2  # pixels between images


def image_shape(p, shape=None):
    """Height and width of an image of p pixels: as given, or square."""
    if shape is None:
        side = math.isqrt(p)
        shape = (side, side)
    if shape[0] * shape[1] != p:
        raise BadFile(f"images of {p} pixels are not {shape[0]}x{shape[1]}; give -shape HxW")
    return shape


def as_images(rows, shape=None):
    """Rows [n, ...] as images [n, h, w] in double precision."""
    rows = np.asarray(rows, dtype=float)
    if rows.ndim == 3 and shape is None:
        return rows
    rows = rows.reshape(len(rows), -1)
    return rows.reshape(len(rows), *image_shape(rows.shape[1], shape))


def tile(images, columns):
    """Images [n, h, w] as one picture, row by row; NaN (drawn white) between them and where there is none."""
    n, h, w = images.shape
    lines = -(-n // columns)
    picture = np.full((lines * (h + GAP) - GAP, columns * (w + GAP) - GAP), np.nan)
    for k, image in enumerate(images):
        top, left = (k // columns) * (h + GAP), (k % columns) * (w + GAP)
        picture[top : top + h, left : left + w] = image
    return picture


def draw_images(axes, images, columns, maximum):
    """A grid of images on given axes, dark on white."""
    axes.imshow(tile(images, columns), cmap="gray_r", vmin=0, vmax=maximum, interpolation="nearest")
    axes.set_axis_off()


def load(place, count, shape):
    """The first `count` images at a place `file.h5:/dataset`."""
    path, name = split_place(place)
    with open_hdf5(path) as file:
        n = len(file[name]) if name in file and isinstance(file[name], h5py.Dataset) else 0
    return as_images(read_dataset(place, np.arange(min(n, count)) if n else None), shape)


def draw(blocks, titles, columns):
    first = blocks[0]
    maximum = 255.0 if first.max() > 1.5 else 1.0
    lines = max(-(-len(images) // columns) for images in blocks)
    height = 0.42 * lines * first.shape[1] / first.shape[2] + 0.7
    figure = new_figure(0.42 * columns * len(blocks) + 0.4 * (len(blocks) + 1), height)
    for axes, images, title in zip(np.ravel(figure.subplots(1, len(blocks))), blocks, titles):
        draw_images(axes, images, columns, maximum)
        axes.set_title(title)
    figure.subplots_adjust(left=0.02, right=0.98, bottom=0.15 / height, top=1 - 0.45 / height, wspace=0.05)
    return figure


def parse_shape(text):
    try:
        height, width = (int(part) for part in text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not of the form HxW, such as 28x28") from None
    return height, width


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Draws images from HDF5 files as grids.", allow_abbrev=False)
    parser.add_argument("data", nargs="+", metavar="DATA.h5:/dataset", help="images, one a row")
    parser.add_argument("-o", dest="out", required=True, metavar="PNG", help="picture to write")
    parser.add_argument("-rows", type=int, default=8, help="rows of a grid (8)")
    parser.add_argument("-columns", type=int, default=12, help="columns of a grid (12)")
    parser.add_argument("-shape", type=parse_shape, metavar="HxW", help="shape of an image (square)")
    parser.add_argument("-titles", default=None, help="titles of the grids, separated by commas")
    options = parser.parse_args(arguments)
    titles = options.titles.split(",") if options.titles else [""] * len(options.data)
    if len(titles) != len(options.data):
        parser.error(f"{len(titles)} titles for {len(options.data)} datasets")

    def work():
        blocks = [load(place, options.rows * options.columns, options.shape) for place in options.data]
        save(draw(blocks, titles, options.columns), options.out)

    return run("image_grid", work)


if __name__ == "__main__":
    sys.exit(main())
