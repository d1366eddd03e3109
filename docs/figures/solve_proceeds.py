#!/usr/bin/python3
"""Draws docs/figures/solve_proceeds.png: the phases of a solve and the conditions that choose between them.

usage: docs/figures/solve_proceeds.py [-o PNG]
"""
import argparse
import os
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(FOLDER, "..", "..", "analysis"))

from figure_style import BLUE, GREEN, GREY, INK, ORANGE, new_figure, plt, save  # noqa: E402

HEIGHT = 1.25
BOXES = {  # name: x and y of the centre, width, colour, lines of text
    "exact": (9.6, 9.0, 4.4, GREY, ["Exact cells", "Newton with exact masses"]),
    "start": (2.6, 9.0, 4.4, GREEN, ["Start", "heights of a Gaussian problem"]),
    "hierarchy": (2.6, 7.0, 4.4, GREEN, ["Hierarchy", "clusters of targets, coarse to fine"]),
    "warm-up": (2.6, 5.0, 4.4, GREEN, ["Warm-up", "averaged SGD on fresh curves"]),
    "newton": (2.6, 2.7, 4.4, BLUE, ["Newton stages", "one sample, larger at each stage"]),
    "sgd": (9.6, 2.7, 4.4, BLUE, ["Averaged SGD", "epochs on fresh curves"]),
    "check": (6.1, 0.4, 4.4, ORANGE, ["Held-out measurement", "rho and its interval on fresh curves"]),
}
STYLE = {"arrowstyle": "-|>", "color": GREY, "linewidth": 1.2, "shrinkA": 0, "shrinkB": 0}


def side(name, where):
    """The middle of one side of a box."""
    x, y, width = BOXES[name][:3]
    return {"below": (x, y - HEIGHT / 2), "above": (x, y + HEIGHT / 2), "left": (x - width / 2, y),
            "right": (x + width / 2, y)}[where]  # fmt: skip


def arrow(axes, begin, end, bend=None):
    style = dict(STYLE, connectionstyle=bend) if bend else STYLE
    axes.annotate("", xy=end, xytext=begin, arrowprops=style)


def label(axes, x, y, text, **more):
    axes.text(x, y, text, fontsize=8.5, color=INK, linespacing=1.35, **more)


def draw(path):
    figure = new_figure(8.0, 8.2)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, 12.2), ylim=(-1.4, 11.1))
    axes.axis("off")
    for x, y, width, colour, (title, text) in BOXES.values():
        axes.add_patch(plt.Rectangle((x - width / 2, y - HEIGHT / 2), width, HEIGHT,
                       facecolor="white", edgecolor=colour, linewidth=1.8))  # fmt: skip
        axes.text(x, y + 0.24, title, ha="center", va="center", fontweight="bold", color=colour, fontsize=10.5)
        axes.text(x, y - 0.26, text, ha="center", va="center", color=INK, fontsize=8.5)
    axes.text(6.1, 10.8, "targets, weights, source, tolerance", ha="center", va="center", fontsize=9.5)
    arrow(axes, (5.4, 10.5), (3.6, side("start", "above")[1]))
    arrow(axes, (6.8, 10.5), (8.6, side("exact", "above")[1]))
    label(axes, 8.1, 10.15, "targets span 1, 2 or 3 dimensions", va="center")
    for upper, lower in (("start", "hierarchy"), ("hierarchy", "warm-up"), ("warm-up", "newton")):
        arrow(axes, side(upper, "below"), side(lower, "above"))
    arrow(axes, side("warm-up", "right"), side("sgd", "above"), "angle,angleA=0,angleB=90")
    label(axes, 5.0, 5.15, "large problem and loose tolerance,\nor no useful sample fits into memory", va="bottom")
    arrow(axes, side("newton", "right"), side("sgd", "left"))
    label(axes, 6.1, 2.8, "large problem,\nor memory full", ha="center", va="bottom")
    arrow(axes, (3.6, side("newton", "below")[1]), (4.8, side("check", "above")[1]))
    arrow(axes, (8.6, side("sgd", "below")[1]), (7.4, side("check", "above")[1]))
    arrow(axes, side("check", "left"), (1.5, side("newton", "below")[1]), "angle,angleA=180,angleB=90")
    label(axes, 1.5, 0.2, "above tol:\na larger sample", va="top")
    arrow(axes, side("check", "right"), (10.7, side("sgd", "below")[1]), "angle,angleA=0,angleB=90")
    label(axes, 9.0, 0.2, "above tol:\nanother epoch", va="top")
    arrow(axes, side("check", "below"), (6.1, -0.75))
    label(axes, 6.1, -1.0, "upper end of the interval below tol: result", ha="center", va="center")
    save(figure, path)


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", default=os.path.join(FOLDER, "solve_proceeds.png"), metavar="PNG")
    draw(parser.parse_args(arguments).o)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
