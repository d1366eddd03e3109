#!/usr/bin/python3
"""Exact cells beside curves: seconds to a tolerance in two and three dimensions, in one run.

usage: tests/bench/low.py [--ranks P] [--limit SECONDS] [--sizes N ...] [-record FILE]
       tests/bench/low.py --check CELLS [--cases SOURCE:D ...] and the same

Targets are normal or uniform, weights log-uniform over three decades. Curves are asked for rho below 0.1; what they
would take to 1e-6 follows from the square law, seconds x (0.1 / 1e-6)^2, and is not waited for. Exact cells go to
rounding; the largest relative error of a mass is that of the file's heights.

With --check there are no curves. The masses of some cells are computed again by other code
(tests/end_to_end/cell_masses.py), from /heights + /heights_low and from /heights alone: of so many of the lightest, of
those with the nearest neighbours, of those that the program finds worst, and of random ones.
"""
import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time

import h5py
import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "analysis"))
sys.path.insert(0, os.path.join(ROOT, "tests", "end_to_end"))
import bench_record  # noqa: E402
import cell_masses  # noqa: E402
from scipy.spatial import cKDTree  # noqa: E402

PROGRAM = os.environ.get("BRENIER_PROGRAM", os.path.join(ROOT, "build", "release", "bin", "brenier"))
SHELL = f'. "{ROOT}/tools/mpi-environment.sh"; exec mpiexec -n "$BRENIER_RANKS" "$@"'


def run(folder, ranks, limit, *options):
    """Seconds and exit code of one solve of y.npy, or None when the limit ended it."""
    environment = {**os.environ, "BRENIER_RANKS": str(ranks)}
    command = ["timeout", str(limit), "bash", "-c", SHELL, "bash", PROGRAM, "solve", "y.npy", "-weights", "w.npy",
               "-o", "r.h5", *options]
    begun = time.monotonic()
    code = subprocess.run(command, cwd=folder, env=environment, capture_output=True,
                          stdin=subprocess.DEVNULL).returncode
    return None if code == 124 else (time.monotonic() - begun, code)


CASES = ["gaussian:2", "cube:2", "cube:3"]  # what cell_masses.py knows


def write_problem(folder, source, d, n):
    rng = np.random.default_rng(n + d)
    y = rng.standard_normal((n, d)) if source == "gaussian" else rng.uniform(-0.5, 0.5, (n, d))
    np.save(f"{folder}/y.npy", y)
    np.save(f"{folder}/w.npy", 10 ** rng.uniform(-3, 0, n))


def spent():
    """Processor seconds of all programs so far, and MiB of the largest of them."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def checked(path, source, n_cells):
    """Largest relative errors by other code: from heights in twice the precision, and from doubles alone."""
    names = ("targets", "weights", "heights", "heights_low", "barycenter", "mass")
    with h5py.File(path) as file:
        r = {name: file[name][()] for name in names}
    nearest = cKDTree(r["targets"]).query(r["targets"], 2)[0][:, 1]
    worst = np.argsort(-np.abs(r["mass"] / r["weights"] - 1))
    some = np.random.default_rng(0).integers(0, len(nearest), n_cells)
    cells = np.unique(
        np.concatenate([np.argsort(r["weights"])[:n_cells], np.argsort(nearest)[:n_cells], worst[:n_cells], some])
    )
    both = np.abs(cell_masses.errors(r, source, cells)).max()
    del r["heights_low"]
    return len(cells), both, np.abs(cell_masses.errors(r, source, cells)).max()


def check(args):
    """The table of --check."""
    table = bench_record.table("source | d | n | exact, s | processor s, all ranks | largest rank so far, MiB | "
                               "iterations | largest error | cells computed again | their largest error | "
                               "from /heights alone", [])  # fmt: skip
    for case in args.cases:
        source, d = case.split(":")
        for n in args.sizes:
            with tempfile.TemporaryDirectory() as folder:
                write_problem(folder, source, int(d), n)
                before = spent()[0]
                exact = run(folder, args.ranks, args.limit, "-source", source)
                after, memory = spent()
                seconds = f"{exact[0]:.1f}" if exact else f"> {args.limit}"
                row = [source, d, f"{n:,}", seconds, f"{after - before:.1f}"]
                if exact and exact[1] == 0:
                    with h5py.File(f"{folder}/r.h5") as file:
                        error, iterations = file.attrs["largest_error"], len(file["history"]) - 1
                    count, both, alone = checked(f"{folder}/r.h5", source, args.check)
                    row += [f"{memory:.0f}", iterations, f"{error:.0e}", count, f"{both:.0e}", f"{alone:.0e}"]
                table["rows"].append([str(cell) for cell in row])
                print(table["rows"][-1], flush=True)
    return table


def compare(args):
    """The table of curves and exact cells."""
    table = bench_record.table("source | d | n | curves to 0.1, s | to 1e-6, by the square law, s | exact, s | "
                               "iterations | largest error", [])  # fmt: skip
    for source, d in (("gaussian", 2), ("cube", 2), ("gaussian", 3), ("cube", 3)):
        for n in args.sizes:
            with tempfile.TemporaryDirectory() as folder:
                write_problem(folder, source, d, n)
                curves = run(folder, args.ranks, args.limit, "-source", source, "-cells", "curves")
                exact = run(folder, args.ranks, args.limit, "-source", source)
                error = iterations = float("nan")
                if exact and exact[1] == 0:
                    with h5py.File(f"{folder}/r.h5") as file:
                        error, iterations = file.attrs["largest_error"], len(file["history"]) - 1
            said = [
                f"{c[0]:.1f}" + (f" (exit {c[1]})" if c[1] else "") if c else f"> {args.limit}" for c in (curves, exact)
            ]
            law = f"{curves[0] * 1e10:.0e}" if curves else ""
            row = [source, d, f"{n:,}", said[0], law, said[1], iterations, f"{error:.0e}"]
            table["rows"].append([str(cell) for cell in row])
            print(table["rows"][-1], flush=True)
    return table


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--limit", type=int, default=300, help="seconds that a solve may take (default 300)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10000])
    parser.add_argument("--check", type=int, metavar="CELLS", help="computes masses again, of so many of each kind")
    parser.add_argument("--cases", nargs="+", default=CASES, choices=CASES, help="of --check (default: all)")
    parser.add_argument("-record", metavar="FILE", help="writes a record of docs/benchmarks/")
    args = parser.parse_args()
    about = bench_record.machine(PROGRAM) if args.record else None
    table = check(args) if args.check else compare(args)
    print(bench_record.markdown(table))
    if args.record:
        bench_record.write(args.record, [table], about=about)


if __name__ == "__main__":
    main()
