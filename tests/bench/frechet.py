#!/usr/bin/python3
"""brenier frechet against SciPy, on several ranks, and how often its 95% intervals hold the truth.

Accuracy: 2 d rows (unless -rows) of d features, means and covariances known to NumPy, the root of the product of the
covariances by scipy.linalg.sqrtm; and sets of fewer rows than features, where sqrtm fails and the sum of the singular
values of the product of the centred data, by LAPACK, is the reference.
Coverage: over many seeds, both sets drawn from laws whose distance is known; "same" is the law against itself.

usage: BRENIER_PROGRAM=build/release/bin/brenier tests/bench/frechet.py [-dims 64,512,2048] [-seeds 100] [-only
accuracy|coverage] [-record FILE]

Prints tables, and writes them as a record (analysis/bench_record.py). Exits with 1 when a distance is off by more than
1e-8, ranks differ by more than that, or a coverage lies outside 90% to 99.5%.
"""
import argparse
import os
import sys
import tempfile
import time

import numpy as np
from scipy.linalg import sqrtm

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "end_to_end"), os.path.join(HERE, "..", "..", "analysis")]
import bench_record  # noqa: E402
from brenier_files import last_event, read_log  # noqa: E402
from program import brenier  # noqa: E402

RANKS = (1, 2, 4)
MOST_OFF = 1e-8
LEAST, MOST = 0.90, 0.995


def features(n, dim, rng, decay, shift=0.0):
    """Correlated rows whose variances fall like those of real features; the mixing is the same for all sets."""
    mix = np.random.default_rng(dim).standard_normal((dim, dim)) / np.sqrt(dim)
    return (rng.standard_normal((n, dim)) * np.arange(1, dim + 1) ** -decay) @ mix + shift


def measure(folder, a, b, ranks, *options):
    """The event of a run, and its seconds."""
    for name, x in (("a", a), ("b", b)):
        np.save(os.path.join(folder, f"{name}.npy"), x)
    log, begin = os.path.join(folder, "log"), time.monotonic()
    brenier("frechet", "a.npy", "b.npy", "-log", log, *options, ranks=ranks, cwd=folder)
    return last_event(read_log(log), "frechet"), time.monotonic() - begin


def by_sqrtm(a, b):
    m, s, t = a.mean(axis=0) - b.mean(axis=0), np.cov(a.T), np.cov(b.T)
    return m @ m + np.trace(s) + np.trace(t) - 2 * np.trace(sqrtm(s @ t)).real


def by_singular_values(a, b):
    m = a.mean(axis=0) - b.mean(axis=0)
    p, q = ((x - x.mean(axis=0)) / np.sqrt(len(x) - 1) for x in (a, b))
    return m @ m + np.sum(p**2) + np.sum(q**2) - 2 * np.linalg.svd(p @ q.T, compute_uv=False).sum()


def accuracy(dims):
    """Table of distances; whether all are right."""
    fine = True
    table = bench_record.table("features | rows | reference | its seconds | distance | relative difference | "
                               "ranks apart | seconds, 1, 2, 4 ranks", [])  # fmt: skip
    for dim in dims:
        for rows, reference in ((2 * dim, by_sqrtm), (dim // 2, by_singular_values)):
            rng = np.random.default_rng(7)
            a, b = features(rows, dim, rng, 0.5), features(rows + 3, dim, rng, 0.4, 0.01)
            begin = time.monotonic()
            wanted = reference(a, b)
            spent = time.monotonic() - begin
            with tempfile.TemporaryDirectory() as folder:
                runs = [measure(folder, a, b, ranks, "-splits", 0) for ranks in RANKS]
            value = [event["value"] for event, _ in runs]
            off, apart = abs(value[0] / wanted - 1), np.ptp(value) / wanted
            fine = fine and max(off, apart) < MOST_OFF
            seconds = ", ".join(f"{s:.1f}" for _, s in runs)
            add(table, dim, rows, reference.__name__[3:].replace("_", " "), f"{spent:.1f}", f"{value[0]:.10g}",
                f"{off:.1e}", f"{apart:.1e}", seconds)  # fmt: skip
    return fine, table


def add(table, *cells):
    """A row, shown as soon as it is there."""
    table["rows"].append([str(cell) for cell in cells])
    print(" | ".join(table["rows"][-1]), flush=True)


def normal(n, dim, rng, which):
    return rng.standard_normal((n, dim)) * np.linspace(0.5, 1.5 if which == 0 else 2.0, dim) + (0.2 if which else 0.0)


def skewed(n, dim, rng, which):
    """Exponential coordinates, far from normal: mean and deviation are the scale."""
    return rng.exponential(size=(n, dim)) * np.linspace(0.5, 1.5 if which == 0 else 2.0, dim)


def truth(make, dim):
    scale = [np.linspace(0.5, top, dim) for top in (1.5, 2.0)]
    shift = 0.2 if make is normal else scale[1] - scale[0]
    return np.sum((shift + np.zeros(dim)) ** 2) + np.sum((scale[1] - scale[0]) ** 2)


CASES = [("normal", normal, 8, 1000, 1), ("normal", normal, 64, 1000, 1), ("exponential", skewed, 8, 1000, 1),
         ("exponential", skewed, 64, 4000, 1), ("same, normal", normal, 8, 1000, 0),
         ("same, normal", normal, 64, 1000, 0),
         ("same, exponential", skewed, 8, 1000, 0)]  # fmt: skip


def coverage(seeds):
    fine = True
    table = bench_record.table("laws | features | rows | truth | mean distance | mean without bias | mean width | "
                               "intervals that hold the truth", [])  # fmt: skip
    for name, make, dim, rows, other in CASES:
        wanted, events = truth(make, dim) if other else 0.0, []
        with tempfile.TemporaryDirectory() as folder:
            for seed in range(seeds):
                rng = np.random.default_rng(seed)
                a, b = make(rows, dim, rng, 0), make(rows, dim, rng, other)
                events.append(measure(folder, a, b, 1, "-seed", seed)[0])
        low, high, value, without = (np.array([e[k] for e in events]) for k in ("low", "high", "value", "extrapolated"))
        held = np.mean((low <= wanted) & (wanted <= high))
        fine = fine and LEAST <= held <= (MOST if other else 1.0)
        add(table, name, dim, rows, f"{wanted:.4g}", f"{value.mean():.4g}", f"{without.mean():.4g}",
            f"{np.mean(high - low):.3g}", f"{held * seeds:.0f} of {seeds}")  # fmt: skip
    return fine, table


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-dims", default="64,512,2048")
    parser.add_argument("-seeds", type=int, default=100)
    parser.add_argument("-only", choices=["accuracy", "coverage"])
    parser.add_argument("-record", metavar="FILE", help="writes a record of docs/benchmarks/")
    args = parser.parse_args()
    about, parts = bench_record.machine() if args.record else None, []
    if args.only != "coverage":
        parts.append(accuracy([int(dim) for dim in args.dims.split(",")]))
    if args.only != "accuracy":
        parts.append(coverage(args.seeds))
    print("\n\n".join(bench_record.markdown(table) for _, table in parts))
    if args.record:
        bench_record.write(args.record, [table for _, table in parts], about=about)
    return 0 if all(fine for fine, _ in parts) else 1


if __name__ == "__main__":
    sys.exit(main())
