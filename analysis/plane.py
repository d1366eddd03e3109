#!/usr/bin/python3
"""Draws what a map in the plane does: its cells, the facets by angle, arrows from noise to targets, generated points.

usage: plane.py RESULT.h5 -o PNG [-samples SAMPLES.h5] [-angle lifted|unlifted] [-threshold DEGREES]

A target and its cell have one colour: its hue tells the direction of the target from their mean, pale ones lie near it.
Facets are coloured by the angle between the two targets that meet there (docs/manual.md); those above the threshold
are drawn thick. Cells are found on a grid, so a facet is drawn to half a grid width. SAMPLES.h5 is from brenier sample.
"""
import argparse
import sys

import matplotlib.collections
import matplotlib.colors
import numpy as np

from brenier_files import BadFile, read_dataset, read_result, run
from figure_style import GREY, INK, new_figure, save

GRID = 600
ARROWS = 250
MOST_SAMPLES = 5000


def on_the_circle(rng, shape):
    x = rng.standard_normal(shape)
    return x / np.linalg.norm(x, axis=1)[:, None]


def in_the_disc(power):
    """Uniform directions, and lengths that are a power of a uniform number."""
    return lambda rng, shape: on_the_circle(rng, shape) * rng.uniform(0, 1, (shape[0], 1)) ** power


# Half the side of the square of noise that is drawn, and what draws noise: a line for each source
NOISE = {
    "gaussian": (3.0, lambda rng, shape: rng.standard_normal(shape)),
    "cube": (0.5, lambda rng, shape: rng.uniform(-0.5, 0.5, shape)),
    "sphere": (1.2, on_the_circle),
    "ball": (1.2, in_the_disc(0.5)),
    "spherical": (1.2, in_the_disc(1.0)),
}


def colours(y):
    """A colour for each target, [n, 3]."""
    away = y - y.mean(axis=0)
    radius = np.linalg.norm(away, axis=1)
    hue = np.arctan2(away[:, 1], away[:, 0]) / (2 * np.pi) % 1
    saturation = 0.25 + 0.6 * radius / max(radius.max(), 1e-300)
    return matplotlib.colors.hsv_to_rgb(np.stack([hue, saturation, np.full(len(y), 0.92)], axis=1))


def cells(y, h, half):
    """Cell of each point of a grid, [GRID, GRID], rows from below, and the points of one axis."""
    axis = (np.arange(GRID) + 0.5) / GRID * 2 * half - half
    index = np.empty((GRID, GRID), int)
    for k, second in enumerate(axis):
        index[k] = np.argmax(np.outer(axis, y[:, 0]) + second * y[:, 1] + h, axis=1)
    return index, axis


def angle_between(y, i, j, convention):
    """Degrees between targets, as brenier facets."""
    y = np.concatenate([y, -np.ones((len(y), 1))], axis=1) if convention == "lifted" else y
    length = np.linalg.norm(y, axis=1)
    unit = y / np.where(length > 0, length, 1)[:, None]
    minus, plus = np.linalg.norm(unit[i] - unit[j], axis=1), np.linalg.norm(unit[i] + unit[j], axis=1)
    return np.where(length[i] * length[j] > 0, np.degrees(2 * np.arctan2(minus, plus)), 90.0)


def facet_segments(y, index, axis, convention):
    """Sides of grid squares between two cells: segments [m, 2, 2] and the angle of each."""
    half = 0.5 * (axis[1] - axis[0])
    segment, angle = [], []
    for across in (0, 1):
        a, b = (index[:-1], index[1:]) if across == 0 else (index[:, :-1], index[:, 1:])
        row, column = np.nonzero(a != b)
        x, z = axis[column], axis[row]
        if across == 0:
            ends = [[x - half, z + half], [x + half, z + half]]
        else:
            ends = [[x + half, z - half], [x + half, z + half]]
        segment.append(np.transpose(ends, (2, 0, 1)))
        angle.append(angle_between(y, a[row, column], b[row, column], convention))
    return np.concatenate(segment), np.concatenate(angle)


def square(axes, half, title):
    axes.set_xlim(-half, half)
    axes.set_ylim(-half, half)
    axes.set_aspect("equal")
    axes.grid(False)
    axes.set_title(title)


def draw_cells(axes, index, colour, segments, half):
    axes.imshow(colour[index], origin="lower", extent=(-half, half, -half, half), interpolation="nearest")
    axes.add_collection(matplotlib.collections.LineCollection(segments, colors="white", linewidths=0.35))
    square(axes, half, "Noise: each cell goes to one target")


def draw_facets(figure, axes, segments, angle, half, threshold):
    norm = matplotlib.colors.Normalize(0, max(np.quantile(angle, 0.999), 1e-9))
    singular = angle > threshold
    for chosen, width in ((~singular, 0.6), (singular, 2.4)):
        lines = matplotlib.collections.LineCollection(segments[chosen], linewidths=width, cmap="viridis_r", norm=norm)
        lines.set_array(angle[chosen])
        axes.add_collection(lines)
    bar = figure.colorbar(lines, ax=axes, fraction=0.045, pad=0.02, extend="max")
    bar.outline.set_visible(False)
    bar.set_label("jump of the map across the facet (degrees)")
    square(axes, half, "Facets by angle" + ("" if threshold >= 180 else f": thick above {threshold:g} degrees"))


def target_window(axes, y):
    centre, half = 0.5 * (y.min(axis=0) + y.max(axis=0)), 0.58 * np.ptp(y, axis=0).max() + 1e-9
    axes.set_xlim(centre[0] - half, centre[0] + half)
    axes.set_ylim(centre[1] - half, centre[1] + half)
    axes.set_aspect("equal")
    axes.grid(False)


def draw_arrows(axes, result, y, h, colour):
    x = NOISE[result.source][1](np.random.default_rng(0), (ARROWS, 2))
    cell = np.argmax(x @ y.T + h, axis=1)
    axes.scatter(*y.T, s=3, color="#BBBBBB", zorder=1, linewidths=0)
    axes.quiver(*x.T, *(y[cell] - x).T, color=colour[cell], angles="xy", scale_units="xy", scale=1, width=0.0028,
                headwidth=5, zorder=2)  # fmt: skip
    axes.scatter(*x.T, s=5, color=INK, zorder=3, linewidths=0)
    target_window(axes, np.concatenate([y, x]))
    axes.set_title("The map: from noise (black) to targets")


def draw_samples(axes, y, code, colour):
    if code is None:
        axes.scatter(*y.T, s=8, color=colour, linewidths=0)
        axes.set_title(f"The {len(y):,} targets")
    else:
        axes.scatter(*code.T, s=7, color="#E69F00", linewidths=0, zorder=1)
        axes.scatter(*y.T, s=1.6, color=INK, linewidths=0, zorder=2)
        axes.set_title(f"{len(code):,} generated, {len(y):,} targets (black)")
    target_window(axes, y)


def draw(result, code=None, convention="lifted", threshold=180.0):
    y, h = result["/targets"], result["/heights"]
    if y.shape[1] != 2:
        raise BadFile(f"{result.path}: its targets have dimension {y.shape[1]}; this picture is for the plane")
    if "source_mean" in result:
        raise BadFile(f"{result.path}: its source has a mean and a factor of its own; this picture knows none")
    if result.source not in NOISE:
        raise BadFile(f"{result.path}: source {result.source}; this picture knows noise of {', '.join(NOISE)}")
    half, colour = NOISE[result.source][0], colours(y)
    index, axis = cells(y, h, half)
    figure = new_figure(11.0, 10.4)
    axes = figure.subplots(2, 2)
    segments, angle = facet_segments(y, index, axis, convention)
    draw_cells(axes[0, 0], index, colour, segments, half)
    if len(angle):
        draw_facets(figure, axes[0, 1], segments, angle, half, threshold)
    draw_arrows(axes[1, 0], result, y, h, colour)
    draw_samples(axes[1, 1], y, code, colour)
    figure.text(0.02, 0.012, f"{len(y):,} targets, {result.source} source, relative error of the cell masses "
                f"{100 * result.rho:.2g}%", color=GREY, fontsize=9.5)  # fmt: skip
    figure.tight_layout(rect=(0, 0.025, 1, 1))
    return figure


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Draws what a map in the plane does.", allow_abbrev=False)
    parser.add_argument("result", metavar="RESULT.h5", help="from brenier solve, of dimension 2")
    parser.add_argument("-samples", metavar="SAMPLES.h5", help="from brenier sample; drawn over the targets")
    parser.add_argument("-angle", choices=("lifted", "unlifted"), default="lifted")
    parser.add_argument("-threshold", type=float, default=180.0, metavar="DEGREES", help="facets above are drawn thick")
    parser.add_argument("-o", dest="out", required=True, metavar="PNG", help="picture to write")
    options = parser.parse_args(arguments)

    def work():
        code = None
        if options.samples:
            code = read_dataset(f"{options.samples}:/code")[:MOST_SAMPLES]
        save(draw(read_result(options.result), code, options.angle, options.threshold), options.out)

    return run("plane", work)


if __name__ == "__main__":
    sys.exit(main())
