#!/usr/bin/python3
"""Draws where the seconds of a solve went, and what they bought.

usage: timeline.py LOG -o PNG

Above, the wall time from the first line of the log to the last, cut into what the solver did: solving for clusters,
warm-up, scanning curves that are new, Newton's iterations on the sample at hand, epochs of averaged SGD, measuring on
held-out curves, and the rest (reading, writing). Below, over the same time, the relative error of the cell masses on
the solver's curves, the sampling error of these curves, and each held-out measurement with its interval. Exact cells
have no curves: no scans, no sampling error.
"""
import argparse
import sys

from brenier_files import BadFile, in_sgd, is_exact, log_history, read_log, run
from convergence import with_gaps
from figure_style import BLUE, GREEN, GREY, LIGHT, ORANGE, new_figure, percent, percent_axis, save

SKY, YELLOW = "#56B4E9", "#E69F00"
PHASES = {"clusters": YELLOW, "warm-up": GREEN, "scan of new curves": BLUE, "Newton": SKY, "averaged SGD": GREY,
          "measurement": ORANGE, "the rest": LIGHT}  # fmt: skip


def phase_of(event, before):
    """What the time up to an event was spent on; `before` is the iteration before it, or None."""
    name = event["event"]
    if name == "iteration" and event.get("sgd"):
        return "averaged SGD"
    if name == "iteration":
        fresh = event.get("curves", 0) > (before.get("curves", 0) if before else 0)
        return "scan of new curves" if fresh else "Newton"
    return {"level": "clusters", "warm_up": "warm-up", "held_out": "measurement"}.get(name, "the rest")


def phases(events):
    """(phase, begin, end) in order; the warm-up of a level of clusters counts as clusters."""
    spans, before, last = [], None, 0.0
    events = [event for event in events if event["event"] != "checkpoint"]  # one belongs to what it interrupts
    for number, event in enumerate(events):
        phase = phase_of(event, before)
        if phase == "warm-up" and any(later["event"] == "level" for later in events[number:]):
            phase = "clusters"
        spans.append((phase, last, event["seconds"]))
        last = event["seconds"]
        if event["event"] == "iteration":
            before = event
    return spans


def load(path):
    events = read_log(path)
    steps = [event for event in events if event["event"] == "iteration"]
    if not steps:
        raise BadFile(f"{path}: has no iterations to draw")
    for event, sgd in zip(steps, in_sgd(log_history(events))):
        event["sgd"] = bool(sgd)
    return events


def unit_of(seconds):
    """A unit in which a run is some numbers long, and how many seconds it has."""
    return ("min", 60.0) if seconds > 600 else ("s", 1.0)


def draw_phases(axes, events, one):
    total = {}
    for phase, begin, end in phases(events):
        axes.barh(0, (end - begin) / one, left=begin / one, height=0.6, color=PHASES[phase], linewidth=0)
        total[phase] = total.get(phase, 0.0) + end - begin
    whole = sum(total.values())
    for phase, colour in PHASES.items():
        if total.get(phase):
            axes.barh(0, 0, color=colour, label=f"{phase} {percent(total[phase] / whole)}")
    axes.set_yticks([])
    axes.set_ylim(-0.4, 0.4)
    axes.spines["left"].set_visible(False)
    axes.grid(False)
    axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncol=3, columnspacing=1.2, handlelength=1.2)


def draw_errors(axes, events, one):
    steps = [event for event in events if event["event"] == "iteration" and event["rho"] and not event.get("sgd")]
    at = [event["seconds"] / one for event in steps]
    exact = is_exact(log_history(steps))
    if steps:
        gaps = {"curves": [event.get("curves", 0) for event in steps]}
        axes.plot(with_gaps(gaps, at), with_gaps(gaps, [event["rho"] for event in steps]), color=BLUE, marker="o",
                  label="exact cells" if exact else "in sample")  # fmt: skip
    if steps and not exact:
        axes.plot(at, [value or float("nan") for value in log_history(steps)["sampling_error"]], color=GREY,
                  linestyle=(0, (4, 2)), linewidth=1.3, drawstyle="steps-post", label="sampling error")  # fmt: skip
    for number, event in enumerate(event for event in events if event["event"] == "held_out"):
        axes.errorbar(event["seconds"] / one, event["rho"], color=ORANGE, marker="s", capsize=3,
                      yerr=[[event["rho"] - event["rho_low"]], [event["rho_high"] - event["rho"]]],
                      label=None if number else "in the end" if exact else "held out, 95% interval")  # fmt: skip
    percent_axis(axes)
    axes.set_ylabel(r"relative error, $\rho$")
    axes.legend(loc="best")


def draw(events):
    name, one = unit_of(events[-1]["seconds"])
    figure = new_figure(9.0, 4.4)
    above, below = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [1, 4]})
    draw_phases(above, events, one)
    draw_errors(below, events, one)
    below.set_xlabel(f"wall time ({name})")
    below.set_xlim(0, events[-1]["seconds"] / one * 1.02)
    figure.tight_layout()
    return figure


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Draws where the seconds of a solve went.", allow_abbrev=False)
    parser.add_argument("run", metavar="LOG", help="JSON-lines log of brenier solve")
    parser.add_argument("-o", dest="out", required=True, metavar="PNG", help="picture to write")
    options = parser.parse_args(arguments)
    return run("timeline", lambda: save(draw(load(options.run)), options.out))


if __name__ == "__main__":
    sys.exit(main())
