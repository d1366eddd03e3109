#!/usr/bin/python3
"""Exact cells beside curves: seconds to a tolerance in two and three dimensions, in one run.

usage: tests/bench/low.py [--ranks P] [--limit SECONDS] [--sizes N ...] [-record FILE]

Targets are normal or uniform, weights log-uniform over three decades. Curves are asked for rho below 0.1; what they
would take to 1e-6 follows from the square law, seconds x (0.1 / 1e-6)^2, and is not waited for. Exact cells go to
rounding; the largest relative error of a mass is that of the file's heights.
"""
import argparse
import os
import subprocess
import sys
import tempfile
import time

import h5py
import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "analysis"))
import bench_record  # noqa: E402

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


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--limit", type=int, default=300, help="seconds that a solve may take (default 300)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10000])
    parser.add_argument("-record", metavar="FILE", help="writes a record of docs/benchmarks/")
    args = parser.parse_args()
    about = bench_record.machine(PROGRAM) if args.record else None
    table = bench_record.table("source | d | n | curves to 0.1, s | to 1e-6, by the square law, s | exact, s | "
                               "iterations | largest error", [])  # fmt: skip
    for source, d in (("gaussian", 2), ("cube", 2), ("gaussian", 3), ("cube", 3)):
        for n in args.sizes:
            rng = np.random.default_rng(n + d)
            y = rng.standard_normal((n, d)) if source == "gaussian" else rng.uniform(-0.5, 0.5, (n, d))
            with tempfile.TemporaryDirectory() as folder:
                np.save(f"{folder}/y.npy", y)
                np.save(f"{folder}/w.npy", 10 ** rng.uniform(-3, 0, n))
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
    print(bench_record.markdown(table))
    if args.record:
        bench_record.write(args.record, [table], about=about)


if __name__ == "__main__":
    main()
