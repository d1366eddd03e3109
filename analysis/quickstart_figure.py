#!/usr/bin/python3
"""Draws the picture that ./quickstart ends with: how the solve converged, how good it is, and what it makes.

usage: quickstart_figure.py RESULT.h5 SAMPLES.h5 DECODED.h5 IMAGES.h5:/images -o PNG

SAMPLES.h5 is from brenier sample, DECODED.h5 from brenier decode of its codes. The first samples are drawn, none is
picked. A semi-discrete map carries noise to the codes of the training set, so each drawn image has one it came from: it
stands at the same place in the lower grid, and the difference is what the linear decoder loses.
"""
import argparse
import sys

import numpy as np

import convergence
import masses
from brenier_files import is_exact, read_dataset, read_result, run
from figure_style import GREY, new_figure, percent, save
from image_grid import as_images, draw_images

ROWS, COLUMNS = 6, 15


def load_pairs(result, samples, decoded, images):
    """The first sampled images and the training images their codes came from."""
    target = read_dataset(f"{samples}:/index")[: ROWS * COLUMNS]
    real = as_images(read_dataset(images, result["/row"][target]))
    made = as_images(read_dataset(f"{decoded}:/data", np.arange(len(target))), real.shape[1:])
    return made, real


def caption(result):
    """One line under the picture: what was solved, and its error."""
    n = result.attributes.get("n_targets") or len(result["/weights"])
    if is_exact(result.history):
        how, interval = "Exact", ""
    else:
        how, interval = "Held-out", f" (95% interval {percent(result.rho_low)} to {percent(result.rho_high)})"
    return (
        f"{n:,} targets in {result.dim} dimensions, {result.source} source. {how} relative error of the cell masses "
        f"{percent(result.rho)}{interval}."
    )


def draw(result, made, real):
    figure = new_figure(12.0, 7.0)
    grid = figure.add_gridspec(
        2, 2, width_ratios=[1, 1.3], left=0.072, right=0.988, top=0.945, bottom=0.13, hspace=0.36, wspace=0.09
    )
    axes = figure.add_subplot(grid[0, 0])
    held_out = {name: result.attributes[name] for name in ("rho", "rho_low", "rho_high")}
    convergence.draw_rho(axes, "seconds", result.history, held_out)
    axes.set_xlabel("wall time (s)")
    axes.set_ylabel(r"relative error $\rho$")
    axes.set_title("Error of the cell masses")
    axes.legend(loc="upper right")

    axes = figure.add_subplot(grid[1, 0])
    error = result["/mass_error"] if "/mass_error" in result else None
    masses.draw_masses(axes, result["/weights"], result["/mass"], error)
    axes.set_title("Cell masses, exact" if is_exact(result.history) else "Cell masses, measured on fresh curves")
    axes.legend(loc="upper left", handlelength=1.4, borderaxespad=0)
    axes.set_ylim(top=1.22 * axes.get_ylim()[1])

    maximum = 255.0 if real.max() > 1.5 else 1.0
    for row, images, title in (
        (0, made, "Noise, transported and decoded"),
        (1, real, "The training image that each of them comes from")):
        axes = figure.add_subplot(grid[row, 1])
        draw_images(axes, images, COLUMNS, maximum)
        axes.set_anchor("NW")
        axes.set_title(title)
    figure.text(0.07, 0.022, caption(result), color=GREY, fontsize=9.5)
    return figure


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Draws the picture of ./quickstart.", allow_abbrev=False)
    parser.add_argument("result", metavar="RESULT.h5", help="from brenier solve")
    parser.add_argument("samples", metavar="SAMPLES.h5", help="from brenier sample")
    parser.add_argument("decoded", metavar="DECODED.h5", help="from brenier decode")
    parser.add_argument("images", metavar="IMAGES.h5:/images", help="the images that were encoded")
    parser.add_argument("-o", dest="out", required=True, metavar="PNG", help="picture to write")
    options = parser.parse_args(arguments)

    def work():
        result = read_result(options.result)
        made, real = load_pairs(result, options.samples, options.decoded, options.images)
        save(draw(result, made, real), options.out)

    return run("quickstart_figure", work)


if __name__ == "__main__":
    sys.exit(main())
