#!/usr/bin/python3
"""Draws the histogram of relative cell masses w_i / nu_i, and what sampling alone would make of perfect ones.

usage: masses.py RESULT.h5 -o PNG

The masses of a result are measured on curves the solver never saw, so each carries a sampling error of its own,
/mass_error. Were all true masses exactly nu_i, the measured ones would still scatter. Over a number of curves the
variance of a measured mass is nearly proportional to the mass itself, so a perfect cell i would show
w_i / nu_i = 1 with a standard error s_i = sqrt(k / nu_i), where k = sum mass_error^2 / sum mass over all cells. (The
error of a cell's own mass is not used: an empty cell would seem to be known exactly.) The dashed outline is the
histogram expected from that. The excess of the measured histogram over it is the true error, and
spread^2 = rho^2 + (sampling error)^2 on the average. Masses of exact cells have no sampling error: what is drawn of
them are their deviations w_i / nu_i - 1, which are rounding's where the solve came to its end.
"""
import argparse
import math
import sys

import numpy as np

from brenier_files import read_result, run
from figure_style import BLUE, GREY, INK, new_figure, percent, save

BINS = 60
normal_distribution = np.vectorize(lambda z: 0.5 * math.erfc(-z / math.sqrt(2)), otypes=[float])


def relative_masses(weights, mass):
    return np.asarray(mass, dtype=float) / np.asarray(weights, dtype=float)


def sampling_error(weights, mass, mass_error):
    """Standard error s_i that sampling alone gives to the relative mass of a perfect cell (see the head of the
    file)."""
    k = np.sum(np.square(mass_error)) / np.sum(mass)
    return np.sqrt(k / np.asarray(weights, dtype=float))


def expected_counts(edges, error, groups=200):
    """Cells expected in each bin when all true relative masses are 1, each measured with its normal error."""
    error = np.sort(np.maximum(error, 1e-12))
    parts = np.array_split(error, min(groups, len(error)))  # cells of nearly equal error are taken together
    below = sum(len(part) * normal_distribution((edges - 1) / part.mean()) for part in parts)
    return np.diff(below)


def bin_edges(deviation, error):
    """Bins around 0 that hold nearly all deviations from 1, symmetric unless that would begin below -1."""
    width = max(np.quantile(np.abs(deviation), 0.998), 4 * (np.median(error) if error is not None else 0), 1e-15)
    return np.linspace(max(-1.0, -width), width, BINS + 1)


def draw_masses(axes, weights, mass, mass_error=None):
    """The histogram on given axes; returns (spread, sampling error or None), both relative, averaged with weights
    nu."""
    exact = mass_error is not None and not np.any(mass_error)
    error = None if mass_error is None or exact else sampling_error(weights, mass, mass_error)
    deviation = relative_masses(weights, mass) - 1
    origin = 0 if exact else 1
    edges = bin_edges(deviation, error)
    spread = math.sqrt(np.sum(weights * np.square(deviation)))
    # Cells outside the range are drawn in the last bin at that end, so none is missing
    counts, _ = np.histogram(np.clip(deviation, edges[0], edges[-1]), edges)
    edges = edges + origin
    axes.stairs(counts, edges, fill=True, color=BLUE, alpha=0.75,
                label=f"{'exact' if exact else 'measured'}: deviation {percent(spread)}")  # fmt: skip
    noise = None
    if error is not None:
        noise = math.sqrt(np.sum(weights * np.square(error)))
        axes.stairs(expected_counts(edges, error), edges, color=INK, linewidth=1.3, linestyle=(0, (4, 2)),
                    label=f"sampling error alone: {percent(noise)}")  # fmt: skip
    axes.axvline(origin, color=GREY, linewidth=0.8, zorder=0.5)
    axes.set_xlim(edges[0], edges[-1])
    axes.set_xlabel(r"cell mass over target weight, $w_i\,/\,\nu_i$" + (r" $- 1$" if exact else ""))
    axes.set_ylabel("cells")
    axes.xaxis.grid(False)
    return spread, noise


def draw(result):
    figure = new_figure(5.6, 3.8)
    axes = figure.subplots()
    draw_masses(axes, result["/weights"], result["/mass"], result["/mass_error"] if "/mass_error" in result else None)
    axes.legend(loc="upper right", handlelength=1.4)
    figure.tight_layout()
    return figure


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Draws the histogram of relative cell masses.", allow_abbrev=False)
    parser.add_argument("result", metavar="RESULT.h5", help="result file of brenier solve")
    parser.add_argument("-o", dest="out", required=True, metavar="PNG", help="picture to write")
    options = parser.parse_args(arguments)
    return run("masses", lambda: save(draw(read_result(options.result)), options.out))


if __name__ == "__main__":
    sys.exit(main())
