#!/usr/bin/python3
"""Draws how a solve converged: relative error of the cell masses against iterations and against time.

usage: convergence.py LOG_OR_RESULT -o PNG

Three things are drawn. rho is the root-mean-square relative error of the cell masses on the curves the solver works
with, which it can drive to zero; its line has a gap where the sample grew. The sampling error is what those curves
leave undecided: rho below it says nothing about the true masses. The held-out rho, with its 95% interval, is measured
on curves the solver never saw; it is the error of the result. The time of averaged SGD on fresh curves is shaded: it
has no sample that could have a rho. Of exact cells rho is all there is to draw.
"""
import argparse
import sys

import numpy as np

from brenier_files import BadFile, in_sgd, is_exact, read_history, run
from figure_style import BLUE, GREY, LIGHT, ORANGE, new_figure, percent, percent_axis, save


def positive(values):
    """Values for a logarithmic axis: what is not above zero is left out."""
    values = np.asarray(values, dtype=float)
    return np.where(values > 0, values, np.nan)


def with_gaps(history, values):
    """Values with a gap wherever the sample grew: rho on two samples makes no line."""
    curves = np.asarray(history.get("curves", np.zeros(len(values))))
    return np.insert(np.asarray(values, dtype=float), np.flatnonzero(np.diff(curves) > 0) + 1, np.nan)


def draw_rho(axes, along, history, held_out):
    """rho, the sampling error and the held-out rho along a column of the history, "iteration" or "seconds"."""
    sgd, exact = in_sgd(history), is_exact(history)
    if sgd.any() and along == "seconds":
        begin = history[along][max(np.argmax(sgd) - 1, 0)]
        axes.axvspan(begin, history[along][-1], color=LIGHT, alpha=0.5, linewidth=0, label="averaged SGD")
    history = {name: values[~sgd] for name, values in history.items()}
    x = history[along]
    if len(x):
        axes.plot(with_gaps(history, x), with_gaps(history, positive(history["rho"])), color=BLUE, marker="o", zorder=3,
                  label="exact cells" if exact else "in sample")  # fmt: skip
    if len(x) and "sampling_error" in history and np.any(positive(history["sampling_error"]) > 0):
        axes.plot(x, positive(history["sampling_error"]), color=GREY, linestyle=(0, (4, 2)), linewidth=1.3,
                  drawstyle="steps-post", label="sampling error")  # fmt: skip
    if held_out and held_out.get("rho") is not None:
        rho, low, high = (held_out[name] for name in ("rho", "rho_low", "rho_high"))
        if low < high:
            axes.axhspan(max(low, 1e-12), high, color=ORANGE, alpha=0.25, linewidth=0)
        if rho > 0:
            axes.axhline(rho, color=ORANGE, linewidth=1.5,
                         label=f"{'in the end' if exact else 'held out'}: {percent(rho)}")
        if not len(x):
            axes.set_ylim(0.5 * low, 2.0 * high)
            axes.set_xlim(left=0)
        elif rho > 0 and np.nanmax(positive(history["rho"]), initial=0) <= 2.0 * rho and low >= 0.5 * rho:
            axes.set_ylim(0.1 * rho, 10.0 * rho)  # one point, or about: there is no range to choose
    percent_axis(axes)
    axes.set_ylabel(r"relative error of the cell masses, $\rho$")
    axes.yaxis.grid(True, which="major")
    axes.margins(x=0.03)


def load(path):
    """History and held-out error of a run with iterations."""
    history, held_out = read_history(path)
    if not len(history.get("rho", ())):
        raise BadFile(f"{path}: has no iterations to draw")
    return history, held_out


def draw(history, held_out):
    """The figure of two panels."""
    figure = new_figure(9.0, 3.8)
    left, right = figure.subplots(1, 2, sharey=True)
    draw_rho(left, "iteration", history, held_out)
    left.set_xlabel("iteration")
    left.xaxis.get_major_locator().set_params(integer=True)
    draw_rho(right, "seconds", history, held_out)
    right.set_xlabel("wall time (s)")
    right.set_ylabel("")
    right.legend(loc="best")
    figure.tight_layout()
    return figure


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Draws how a solve converged.", allow_abbrev=False)
    parser.add_argument("run", metavar="LOG_OR_RESULT", help="JSON-lines log or result file of brenier solve")
    parser.add_argument("-o", dest="out", required=True, metavar="PNG", help="picture to write")
    options = parser.parse_args(arguments)
    return run("convergence", lambda: save(draw(*load(options.run)), options.out))


if __name__ == "__main__":
    sys.exit(main())
