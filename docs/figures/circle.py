#!/usr/bin/python3
"""Draws one great circle: the cells that it crosses, the planes along it, and their upper envelope (docs/theory.md).

usage: circle.py -o PNG     with a built program, BRENIER_PROGRAM or build/release/bin/brenier

Targets are ten normal points in the plane, the source is N(0, I), and the heights are those of brenier solve by exact
cells. The circle x(t) = z1 cos t + z2 sin t has z1 and z2 from the source. Crossings are roots of the difference of two
planes, found between neighbouring points of a fine grid.
"""
import argparse
import os
import sys

import numpy as np
from matplotlib.colors import to_rgb

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "analysis"))
import brenier  # noqa: E402
from figure_style import BLUE, GREEN, GREY, INK, ORANGE, new_figure, save  # noqa: E402

COLOURS = (BLUE, ORANGE, GREEN, "#CC79A7", "#E69F00", "#56B4E9", "#7A5195", "#8C564B", "#BCBD22", "#4C6A92")
N, SEED, CIRCLE = 10, 5, 376  # targets, their seed, the seed of the circle
GRID, EDGE = 4001, 2.6  # points on the circle and along the side of the picture; half that side


def crossings(a, b, h):
    """Angles where u changes planes, with the planes before and behind, in order."""
    t = np.linspace(0, 2 * np.pi, GRID)
    top = np.argmax(np.outer(a, np.cos(t)) + np.outer(b, np.sin(t)) + h[:, None], axis=0)
    found = []
    for k in np.flatnonzero(np.diff(top)):
        i, j = top[k], top[k + 1]
        # (a_j - a_i) cos t + (b_j - b_i) sin t = h_i - h_j, the root within this step of the grid
        size, phase = np.hypot(a[j] - a[i], b[j] - b[i]), np.arctan2(b[j] - b[i], a[j] - a[i])
        turn = np.arccos((h[i] - h[j]) / size)
        roots = np.mod([phase - turn, phase + turn], 2 * np.pi)
        found.append((float(roots[np.argmin(np.abs(roots - 0.5 * (t[k] + t[k + 1])))]), int(i), int(j)))
    return found


def pieces(a, b, h):
    """(cell, begin, end) around the circle from angle 0."""
    found = crossings(a, b, h)
    ends = [0.0, *[angle for angle, _, _ in found], 2 * np.pi]
    return list(zip([found[0][1], *[j for _, _, j in found]], ends[:-1], ends[1:])), found


def draw_plane(axes, y, h, z, parts, found):
    """Cells in pale colours, targets, and the circle in the colours of the cells that it crosses."""
    side = np.linspace(-EDGE, EDGE, 1001)
    x = np.stack(np.meshgrid(side, side), axis=-1)
    cell = np.argmax(x @ y.T + h, axis=-1)
    crossed = {i for i, _, _ in parts}
    pale = np.array([0.25 * np.array(to_rgb(COLOURS[i])) + 0.75 if i in crossed else (0.96,) * 3 for i in range(N)])
    axes.imshow(pale[cell], extent=(-EDGE, EDGE, -EDGE, EDGE), origin="lower")
    for i in range(N):
        axes.contour(side, side, cell == i, levels=[0.5], colors=GREY, linewidths=0.6)
    for i, begin, end in parts:
        t = np.linspace(begin, end, 200)
        axes.plot(*(np.outer(np.cos(t), z[0]) + np.outer(np.sin(t), z[1])).T, color=COLOURS[i], linewidth=3)
    for angle, _, _ in found:
        place = np.cos(angle) * z[0] + np.sin(angle) * z[1]
        axes.plot(*place, "o", color="white", markeredgecolor=INK, markersize=5, zorder=4)
    for i in range(N):
        axes.text(*x[cell == i].mean(axis=0), f"$W_{i}$", ha="center", va="center", zorder=5,
                  color=INK if i in crossed else GREY)  # fmt: skip
    axes.plot(*z[0], marker="s", color=INK, markersize=5)
    axes.annotate("t = 0", z[0], (9, -10), textcoords="offset points")
    axes.set_aspect("equal")
    axes.set_xlim(-EDGE, EDGE)
    axes.set_ylim(-EDGE, EDGE)
    axes.grid(False)
    axes.set_title("The circle crosses cells")


def draw_envelope(axes, a, b, h, parts, found):
    """All planes along the circle, and their maximum in the colours of the cells."""
    t = np.linspace(0, 2 * np.pi, 721)
    for i in range(N):
        colour = COLOURS[i] if i in {p[0] for p in parts} else GREY
        axes.plot(t, a[i] * np.cos(t) + b[i] * np.sin(t) + h[i], color=colour, linewidth=0.8, alpha=0.7)
    for i, begin, end in parts:
        s = np.linspace(begin, end, 200)
        axes.plot(s, a[i] * np.cos(s) + b[i] * np.sin(s) + h[i], color=COLOURS[i], linewidth=3)
        if end - begin > 0.15:
            axes.text(0.5 * (begin + end), -0.02,
                      f"{i}", transform=axes.get_xaxis_transform(), ha="center", va="top", color=COLOURS[i])
    for angle, i, _ in found:
        height = a[i] * np.cos(angle) + b[i] * np.sin(angle) + h[i]
        axes.plot(angle, height, "o", color="white", markeredgecolor=INK, markersize=5, zorder=4)
        axes.axvline(angle, color=GREY, linewidth=0.7, linestyle=(0, (2, 2)), zorder=0)
    axes.set_xticks([0, 2 * np.pi], ["0", r"2$\pi$"])
    axes.tick_params(axis="x", pad=14)
    axes.set_xlim(0, 2 * np.pi)
    axes.grid(False)
    axes.set_xlabel("t; below the axis: the cell of each piece")
    axes.set_title(r"Planes $f_i(t)$ (thin), and their maximum $u(x(t))$ (thick)")


def draw(y, h, z):
    a, b = y @ z[0], y @ z[1]
    parts, found = pieces(a, b, h)
    figure = new_figure(11.0, 4.8)
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.45])
    draw_plane(left, y, h, z, parts, found)
    draw_envelope(right, a, b, h, parts, found)
    figure.tight_layout()
    return figure


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("-o", required=True, metavar="PNG")
    options = parser.parse_args()
    y = np.random.default_rng(SEED).standard_normal((N, 2))
    result = brenier.solve(y)
    z = np.random.default_rng(CIRCLE).standard_normal((2, 2))
    save(draw(np.asarray(result.targets), np.asarray(result.heights), z), options.o)
    return 0


if __name__ == "__main__":
    sys.exit(main())
