#!/usr/bin/python3
"""Draws the bench: seconds of every method to the same error, and what a solve costs as targets grow in number.

usage: bench_figure.py [METHODS.json GROWTH.json] -o PNG

The files are records that tests/bench/suite.py writes with -only cells and -only growth; docs/benchmarks/ has those
that are drawn by default. Left, one row for each set of targets, one mark for each method: seconds until the held-out
error was met, or an arrow from where its time was up. Right, seconds and the operations of the scans against the number
of targets, with fitted exponents.
"""
import argparse
import os
import sys

import numpy as np

import bench_record
from brenier_files import BadFile, run
from figure_style import BLUE, GREEN, GREY, INK, ORANGE, new_figure, save

SKY, YELLOW, PINK = "#56B4E9", "#E69F00", "#CC79A7"
METHODS = {
    "newton": (BLUE, "o", "default"),
    "lmvm": (SKY, "s", "lmvm: quasi-Newton"),
    "cg": (GREEN, "D", "cg: conjugate gradients"),
    "ntr": (YELLOW, "P", "ntr: Newton, trust region"),
    "asgd -sample curves": (PINK, "v", "asgd -sample curves"),
    "asgd": (ORANGE, "^", "asgd: averaged SGD on points"),
    "adam": (GREY, "X", "adam: Adam on points"),
}


FOLDER = os.path.join(bench_record.ROOT, "docs", "benchmarks")
MORE = "more than "  # before the seconds after which a method was stopped


def load(path, columns):
    """The rows of a record that has these columns, among others."""
    try:
        rows = bench_record.rows(path)
    except ValueError as error:
        raise BadFile(str(error)) from error
    if not rows or any(name not in rows[0] for name in columns):
        raise BadFile(f"{path}: has no columns {', '.join(columns)}; tests/bench/suite.py -record writes them")
    return rows


def load_cells(path):
    """Seconds of each method on each set of targets; None, and the limit, where the time was up."""
    rows = []
    for row in load(path, ("targets", "method", "seconds")):
        late = row["seconds"].startswith(MORE)
        seconds = float(row["seconds"].removeprefix(MORE))
        rows.append({"targets": row["targets"], "method": row["method"],
                    "seconds": None if late else seconds, "limit": seconds})
    return rows


def load_growth(path):
    """Columns n, seconds and operations, each an array."""
    rows = load(path, ("targets", "seconds", "operations of the scans"))
    n = np.array([float(row["targets"].replace(",", "")) for row in rows])
    seconds = np.array([float(row["seconds"]) for row in rows])
    return n, seconds, np.array([float(row["operations of the scans"]) for row in rows])


def exponent(n, value):
    """Slope of log value against log n, least squares."""
    return np.polyfit(np.log(n), np.log(value), 1)[0]


def in_words(cell):
    """Name of a set of targets as it stands beside its row: "10,000 x 8" by its numbers."""
    n, _, d = cell.partition(" x ")
    return f"n = {n}\nd = {d}" if d else cell


def draw_cells(axes, rows):
    cells = list(dict.fromkeys(row["targets"] for row in rows))
    late = max(row["limit"] for row in rows)
    for row in rows:
        colour, marker, _ = METHODS[row["method"]]
        order = list(METHODS).index(row["method"])
        at = cells.index(row["targets"]) + 0.09 * (order - (len(METHODS) - 1) / 2)
        up = row["limit"]  # its seconds, or where its time was up
        axes.scatter(up, at, color=colour if row["seconds"] else "white", edgecolor=colour, marker=marker,
                     s=34, linewidth=1.1, zorder=3)  # fmt: skip
        if not row["seconds"]:
            arrow = {"arrowstyle": "->", "color": colour, "linewidth": 1.1}
            axes.annotate("", (up * 1.5, at), (up * 1.06, at), arrowprops=arrow)
    axes.set_xscale("log")
    axes.set_xlim(right=late * 1.7)
    axes.set_yticks(range(len(cells)), [in_words(cell) for cell in cells])
    axes.set_ylim(len(cells) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    for border in range(1, len(cells)):
        axes.axhline(border - 0.5, color="#ECECEC", linewidth=0.8)
    axes.set_xlabel(r"seconds to a held-out $\rho$ of 0.2; open mark with arrow: stopped there")
    axes.set_title("Methods on the same targets")
    for colour, marker, label in METHODS.values():
        axes.scatter([], [], color=colour, marker=marker, s=34, label=label)
    axes.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.13), ncol=3, columnspacing=1.2, handletextpad=0.3)


def draw_growth(axes, n, seconds, operations):
    axes.plot(n, seconds, color=BLUE, marker="o")
    axes.annotate(f"seconds ~ n$^{{{exponent(n, seconds):.2f}}}$", (n[-1], seconds[-1]), (-8, 0),
                  textcoords="offset points", ha="right", color=BLUE)  # fmt: skip
    axes.plot(n, operations / 1e11, color=INK, marker="s", linestyle=(0, (4, 2)), linewidth=1.3)
    axes.annotate(f"10$^{{11}}$ operations ~ n$^{{{exponent(n, operations):.2f}}}$",
                  (n[1], operations[1] / 1e11), (8, -4), textcoords="offset points", color=INK)  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(n, [f"{value:,.0f}" for value in n])
    axes.minorticks_off()
    axes.set_xlabel("targets n, d = 64")
    axes.set_title(r"The default to $\rho$ = 0.2")


def draw(cells, growth, path):
    figure = new_figure(10.5, 5.6)
    left, right = figure.subplots(1, 2, width_ratios=[1.75, 1])
    draw_cells(left, cells)
    draw_growth(right, *growth)
    figure.subplots_adjust(left=0.09, right=0.98, top=0.93, bottom=0.25, wspace=0.16)
    save(figure, path)


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    for name, what in (("methods", "cells"), ("growth", "growth")):
        default = os.path.join(FOLDER, f"{name}.json")
        parser.add_argument(name, nargs="?", default=default, help=f"record of -only {what}")
    parser.add_argument("-o", dest="out", required=True)
    options = parser.parse_args(arguments)
    return run("bench_figure", lambda: draw(load_cells(options.methods), load_growth(options.growth), options.out))


if __name__ == "__main__":
    sys.exit(main())
