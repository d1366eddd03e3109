#!/usr/bin/python3
"""How often the 95% intervals for W2^2/2 of `brenier check` hold the truth, and how it agrees with an exact solver.

Coverage, over many seeds, of the intervals of dual and primal, where the distance is known in closed form:
    box      the corners +-g_k e_k of a box: T carries every orthant to its corner, W2^2 = sum E(|x_k| - g_k)^2;
    lattice  a scaled and translated lattice against the cube: every cell is the square around its lattice point.
Bures: the distance from N(0, I) to a sample of N(m, S) of n points, beside that to N(m, S) itself; the two differ by
the distance of the sample from its own law at most, which the distance between two samples estimates.
Samples: exact transport between 2,000 points of the source and 2,000 targets (POT's emd2), over several draws of the
points. Its mean lies above the truth by what 2,000 points miss of the source, in the plane far below its own error.

Prints a line a case, writes all figures as JSON, and with -record a record (analysis/bench_record.py). Exits with 1
when a coverage lies outside 92% to 98%, which with 100 seeds a true 95% does with probability 0.12 a case and side, or
when a distance is off by more than it may be.
"""
import argparse
import json
import os
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "end_to_end"), os.path.join(HERE, "..", "..", "analysis")]
import bench_record  # noqa: E402
from brenier_files import last_event, read_log  # noqa: E402
from problem import mixture  # noqa: E402
from program import brenier  # noqa: E402

CURVES = 2000  # of a check
LEAST, MOST = 0.92, 0.98
BOX = np.array([1.0, 1.5, 2.0, 2.5])


def box(source):
    corner = np.stack(np.meshgrid(*[[-g, g] for g in BOX]), axis=-1).reshape(-1, len(BOX))
    first, second = (np.sqrt(2 / np.pi), 1.0) if source == "gaussian" else (0.25, 1 / 12)
    return corner, 0.5 * np.sum(second - 2 * BOX * first + BOX**2)


def lattice(_):
    side, scale, shift = 6, 1.7, np.array([0.3, -0.1])
    line = (np.arange(side) - (side - 1) / 2) / side
    z = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    spread = 2 / (12 * side**2) + (1 - scale) ** 2 * np.mean(np.sum(z**2, axis=1))
    return scale * z + shift, 0.5 * (spread + shift @ shift)


CASES = {"box, gaussian": (box, "gaussian"), "box, cube": (box, "cube"), "lattice, cube": (lattice, "cube")}


def event_of(command, *arguments, folder):
    log = os.path.join(folder, "log")
    brenier(*arguments, "-log", log, ranks=1)
    return last_event(read_log(log), command)


def solve(folder, y, source, *options):
    np.save(os.path.join(folder, "y.npy"), y)
    brenier("solve", os.path.join(folder, "y.npy"), "-source", source, "-o", os.path.join(folder, "r.h5"), *options)
    return os.path.join(folder, "r.h5")


def coverage(name, seeds, folder):
    make, source = CASES[name]
    y, truth = make(source)
    result = solve(folder, y, source, "-curves", 100000)
    events = [event_of("check", "check", result, "-curves", CURVES, "-seed", seed, folder=folder)
              for seed in range(1, seeds + 1)]  # fmt: skip
    figures = {"truth": truth, "seeds": seeds, "curves": CURVES}
    for side in ("dual", "primal"):
        low, high, mean = (np.array([event[side + end] for event in events]) for end in ("_low", "_high", ""))
        figures[side] = float(np.mean(mean))
        figures[f"{side}_width"] = float(np.mean(high - low))
        figures[f"{side}_coverage"] = float(np.mean((low <= truth) & (truth <= high)))
    return figures


def bures(folder, n=2000):
    from ot import emd2

    rng = np.random.default_rng(3)
    mean, root = np.array([1.0, -0.5]), np.array([[1.5, 0.3], [0.3, 0.6]])  # S = root root
    y, other = (mean + rng.standard_normal((n, 2)) @ root for _ in range(2))
    event = event_of("check", "check", solve(folder, y, "gaussian", "-tol", 0.1), folder=folder)
    wanted = np.sqrt(mean @ mean + 2 + np.trace(root @ root) - 2 * np.trace(root))
    apart = np.sqrt(emd2([], [], np.sum((y[:, None] - other) ** 2, axis=2)))
    return {"bures": wanted, "w2": event["w2"], "w2_bound_low": event["w2_bound_low"],
            "w2_bound_high": event["w2_bound_high"],
            "discretisation": apart,
            "agrees": bool(event["w2_bound_low"] - apart <= wanted <= event["w2_bound_high"] + apart)}  # fmt: skip


def samples(folder, n=2000, draws=6):
    from ot import emd2

    y, rng = mixture(n, 2, seed=21), np.random.default_rng(22)
    event = event_of("check", "check", solve(folder, y, "gaussian", "-tol", 0.1), folder=folder)
    exact = [0.5 * emd2([], [], np.sum((rng.standard_normal((n, 2))[:, None] - y) ** 2, axis=2)) for _ in range(draws)]
    error = np.hypot(np.std(exact, ddof=1) / np.sqrt(draws), (event["dual_high"] - event["dual_low"]) / 4)
    off = (event["dual"] - np.mean(exact)) / error
    return {"dual": event["dual"], "primal": event["primal"], "emd2_half": float(np.mean(exact)),
            "standard_errors_apart": float(off), "agrees": bool(abs(off) < 4)}  # fmt: skip


def told(figures):
    """Table of the coverages, and sentences of the other two."""
    rows = []
    for name in CASES:
        f = figures[name]
        held = [f"{f[f'{side}_coverage'] * f['seeds']:.0f} of {f['seeds']}" for side in ("dual", "primal")]
        rows.append([name, f"{f['truth']:.4g}", f"{f['dual']:.4g}", held[0], f"{f['primal']:.4g}", held[1]])
    b, s = figures["bures"], figures["samples"]
    return bench_record.table("case | truth | mean dual | dual | mean primal | primal", rows), [
        f"From N(0, I) to 2,000 points of another normal law in the plane: W2 {b['w2']:.3f} ({b['w2_bound_low']:.3f} "
        f"to {b['w2_bound_high']:.3f}). Bures' distance of the two laws is {b['bures']:.3f}, and the 2,000 points are "
        f"within {b['discretisation']:.3f} of their law.",
        "Exact transport (POT's `emd2`) between 2,000 points of the source and the 2,000 targets, six draws, gave "
        f"W2^2/2 = {s['emd2_half']:.3f}; the dual was {s['dual']:.3f}, {abs(s['standard_errors_apart']):.1f} standard "
        "errors away."]  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-record", metavar="FILE", help="writes a record of docs/benchmarks/")
    parser.add_argument("-seeds", type=int, default=100)
    parser.add_argument("-o", default="distance.json", help="figures as JSON; default distance.json")
    arguments = parser.parse_args()
    about, figures = bench_record.machine() if arguments.record else None, {}
    work = [(name, lambda folder, name=name: coverage(name, arguments.seeds, folder)) for name in CASES]
    for name, run in [*work, ("bures", bures), ("samples", samples)]:
        with tempfile.TemporaryDirectory() as folder:
            figures[name] = run(folder)
        print(name, " ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in figures[name].items()),
              flush=True)  # fmt: skip
        with open(arguments.o, "w", encoding="utf-8") as file:
            json.dump(figures, file, indent=1)
    if arguments.record:
        table, remarks = told(figures)
        bench_record.write(arguments.record, [table], remarks, about)
    covered = [figures[name][f"{side}_coverage"] for name in CASES for side in ("dual", "primal")]
    fine = all(LEAST <= c <= MOST for c in covered) and figures["bures"]["agrees"] and figures["samples"]["agrees"]
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
