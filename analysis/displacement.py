#!/usr/bin/python3
"""Draws noise on its way to the targets: McCann's displacement interpolation (1 - t) x + t T(x) in the plane.

usage: displacement.py MAPPED.h5 ... -o PNG

Each MAPPED.h5 is from `brenier map RESULT.h5 POINTS.npy -t T -o MAPPED.h5`, with the same points and one T each;
pictures come in the order of T. A point has the colour of its target throughout: hue tells the direction of the target
from their mean, pale ones lie near it. Paths never cross, so what lies together at one time lies together before.
"""
import argparse
import sys

import numpy as np

from brenier_files import BadFile, open_hdf5, run
from figure_style import new_figure, save
from plane import colours

MOST_POINTS = 6000
SHOWN = 0.999  # share of the points that lies in the window at any time
WIDTH = 3.1


def read_mapped(path):
    """(t, positions [n, 2], codes [n, 2]) of a file of brenier map -t."""
    with open_hdf5(path) as file:
        if "position" not in file or "t" not in file.attrs:
            raise BadFile(f"{path}: has no /position; make it with brenier map -t")
        if file["position"].shape[1] != 2:
            raise BadFile(f"{path}: points of dimension {file['position'].shape[1]}; this picture is for the plane")
        return float(file.attrs["t"]), file["position"][:MOST_POINTS], file["code"][:MOST_POINTS]


def draw(frames):
    frames = sorted(frames, key=lambda frame: frame[0])
    code = frames[0][2]
    if any(not np.array_equal(other, code) for _, _, other in frames):
        raise BadFile("the files hold different points or maps; give one T each to the same ones")
    colour = colours(code)
    half = 1.03 * max(np.quantile(np.abs(position), SHOWN) for _, position, _ in frames)
    figure = new_figure(WIDTH * len(frames), WIDTH + 0.4)
    for axes, (t, position, _) in zip(np.atleast_1d(figure.subplots(1, len(frames))), frames):
        axes.scatter(*position.T, s=3, color=colour, linewidths=0)
        axes.set(xlim=(-half, half), ylim=(-half, half), aspect="equal", xticks=[], yticks=[], title=f"t = {t:g}")
        axes.grid(False)
        axes.spines[:].set_visible(False)
    figure.tight_layout()
    return figure


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Draws noise on its way to the targets.", allow_abbrev=False)
    parser.add_argument("mapped", nargs="+", metavar="MAPPED.h5", help="from brenier map -t, of dimension 2")
    parser.add_argument("-o", dest="out", required=True, metavar="PNG", help="picture to write")
    options = parser.parse_args(arguments)
    return run("displacement", lambda: save(draw([read_mapped(path) for path in options.mapped]), options.out))


if __name__ == "__main__":
    sys.exit(main())
