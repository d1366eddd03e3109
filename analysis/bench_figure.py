#!/usr/bin/python3
"""Draws the bench: seconds of every method to the same error, and what a solve costs as targets grow in number.

usage: bench_figure.py SUITE.json [SUITE.json ...] -o PNG

The files are what tests/bench/suite.py writes, whole or part by part. Left, one row for each set of targets, one mark for each
method: seconds until the held-out error was met, or an arrow from where its time was up. Right, seconds and the floating point
operations of the scans against the number of targets, with the fitted exponents.
"""
import argparse
import json
import sys

from brenier_files import BadFile, run
from figure_style import BLUE, GREEN, GREY, INK, ORANGE, new_figure, save

SKY, YELLOW, PINK = "#56B4E9", "#E69F00", "#CC79A7"
METHODS = {
    "newton": (BLUE, "o", "Newton and passes (default)"),
    "lmvm": (SKY, "s", "quasi-Newton"),
    "cg": (GREEN, "D", "conjugate gradients"),
    "ntr": (YELLOW, "P", "Newton, trust region"),
    "asgd -sample curves": (PINK, "v", "averaged SGD on circles"),
    "asgd": (ORANGE, "^", "averaged SGD on points"),
    "adam": (GREY, "X", "Adam on points"),
}


def load(paths):
    """The parts of all files together."""
    parts = {}
    for path in paths:
        try:
            with open(path, encoding="utf-8") as file:
                part = json.load(file)
            if not isinstance(part, dict) or not part.keys() & {"cells", "growth"}:
                raise ValueError("neither cells nor growth in it")
        except (OSError, ValueError) as error:
            raise BadFile(f"{path}: is not what tests/bench/suite.py writes ({error})") from error
        parts.update(part)
    if not {"cells", "growth"} <= parts.keys():
        raise BadFile(f"{paths[-1]}: cells and growth are needed, in one file or several: run tests/bench/suite.py without -only")
    return parts


def in_words(cell):
    """Name of a set of targets as it stands beside its row: "10000 x 8" by its numbers."""
    n, _, d = cell.partition(" x ")
    return f"n = {int(n):,}\nd = {d}" if d else cell


def draw_cells(axes, rows):
    cells = list(dict.fromkeys(row["targets"] for row in rows))
    late = max(row["all_seconds"] for row in rows)
    for row in rows:
        colour, marker, _ = METHODS[row["method"]]
        order = list(METHODS).index(row["method"])
        at = cells.index(row["targets"]) + 0.09 * (order - (len(METHODS) - 1) / 2)
        up = row.get("limit") or late  # where its time was up
        axes.scatter(row["seconds"] or up, at, color=colour if row["seconds"] else "white", edgecolor=colour, marker=marker,
                     s=34, linewidth=1.1, zorder=3)  # fmt: skip
        if not row["seconds"]:
            axes.annotate("", (up * 1.5, at), (up * 1.06, at), arrowprops={"arrowstyle": "->", "color": colour, "linewidth": 1.1})
    axes.set_xscale("log")
    axes.set_xlim(right=late * 1.7)
    axes.set_yticks(range(len(cells)), [in_words(cell) for cell in cells])
    axes.set_ylim(len(cells) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    for border in range(1, len(cells)):
        axes.axhline(border - 0.5, color="#ECECEC", linewidth=0.8)
    axes.set_xlabel("seconds to a relative error of 0.2, held out, upper end")
    axes.set_title("Every method, the same targets")
    for colour, marker, label in METHODS.values():
        axes.scatter([], [], color=colour, marker=marker, s=34, label=label)
    axes.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.13), ncol=3, columnspacing=1.2, handletextpad=0.3)


def draw_growth(axes, growth):
    n = [row["n"] for row in growth["rows"]]
    axes.plot(n, [row["seconds"] for row in growth["rows"]], color=BLUE, marker="o")
    axes.annotate(f"seconds ~ n$^{{{growth['exponent']['seconds']:.2f}}}$", (n[-1], growth["rows"][-1]["seconds"]), (-8, 0),
                  textcoords="offset points", ha="right", color=BLUE)  # fmt: skip
    axes.plot(n, [row["flops"] / 1e11 for row in growth["rows"]], color=INK, marker="s", linestyle=(0, (4, 2)), linewidth=1.3)
    axes.annotate(f"10$^{{11}}$ operations ~ n$^{{{growth['exponent']['flops']:.2f}}}$", (n[1], growth["rows"][1]["flops"] / 1e11),
                  (8, -4), textcoords="offset points", color=INK)  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(n, [f"{value:,}" for value in n])
    axes.minorticks_off()
    axes.set_xlabel("targets, d = 64")
    axes.set_title("The default as n grows")


def draw(parts, path):
    figure = new_figure(10.5, 5.6)
    left, right = figure.subplots(1, 2, width_ratios=[1.75, 1])
    draw_cells(left, parts["cells"])
    draw_growth(right, parts["growth"])
    figure.subplots_adjust(left=0.09, right=0.98, top=0.93, bottom=0.25, wspace=0.16)
    save(figure, path)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("suite", nargs="+")
    parser.add_argument("-o", dest="out", required=True)
    options = parser.parse_args(arguments)
    return run("bench_figure", lambda: draw(load(options.suite), options.out))


if __name__ == "__main__":
    sys.exit(main())
