#!/usr/bin/python3
"""The error of `brenier density` for normal laws in d = 1, 2, 3 and 8: a line for each estimate.

usage: tests/bench/density.py [FOLDER]     results stay in a folder that is given, and are used again
"""
import os
import subprocess
import sys
import tempfile

import h5py
import numpy as np

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.environ.get("BRENIER_PROGRAM", os.path.join(REPOSITORY, "build", "release", "bin", "brenier"))
SIZES = {1: 2000, 2: 2000, 3: 2000, 8: 4000}
TOLERANCE = {1: 0.1, 2: 1e-6, 3: 1e-6, 8: 0.1}


def run(folder, *words):
    subprocess.run([PROGRAM, *map(str, words)], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def compare(folder, d, n):
    """Targets and fresh points of N(0, A^2)."""
    rng = np.random.default_rng(d)
    factor = rng.standard_normal((d, d))
    a = factor @ factor.T / d + np.eye(d)
    np.save(os.path.join(folder, "y.npy"), rng.standard_normal((n, d)) @ a)
    if not os.path.exists(os.path.join(folder, f"d{d}.h5")):
        run(folder, "solve", "y.npy", "-o", f"d{d}.h5", "-tol", TOLERANCE[d])
    p = rng.standard_normal((1000, d)) @ a
    np.save(os.path.join(folder, "p.npy"), p)
    square = np.sum((p @ np.linalg.inv(a)) ** 2, 1)
    true = -0.5 * square - 0.5 * d * np.log(2 * np.pi) - np.linalg.slogdet(a)[1]
    halves = {"inner": square <= np.median(square), "outer": square > np.median(square)}
    choices = [("cells",)] * (d <= 3) + [("fits", "-neighbours", k * (d + 1)) for k in (2, 5, 10, 20, 40)]
    for choice in choices:
        run(folder, "density", f"d{d}.h5", "-points", "p.npy", "-o", "g.h5", "-estimate", *choice)
        with h5py.File(os.path.join(folder, "g.h5")) as g:
            error = g["log_density"][()] - true
        known = np.isfinite(error)
        said = [f"{name} half: median {np.median(error[known & half]):+.3f}, "
                f"rms {np.sqrt(np.mean(error[known & half] ** 2)):.3f}" for name, half in halves.items()]  # fmt: skip
        print(f"d = {d}, n = {n}, {choice[0]} {choice[-1] if len(choice) > 1 else ''}: {'; '.join(said)}; "
              f"0 or unknown at {1 - known.mean():.1%}", flush=True)  # fmt: skip


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="brenier-density-")
    os.makedirs(folder, exist_ok=True)
    for d, n in SIZES.items():
        compare(folder, d, n)


if __name__ == "__main__":
    main()
