#!/usr/bin/python3
"""Solves many classes in one run, then counts points of each: time, memory, and the largest rho.

usage: tests/bench/classes.py [--classes 1000] [--targets 1300] [--dim 256] [--tol 0.2] [--ranks 2] [--points 40000]
                              [--folder FOLDER]

Targets of class k are normal with a mean and standard deviations of their own, in single precision: 4 bytes a number
(1.3 GB by default), and the result 12. A folder that is given stays, with its checkpoint: the same command continues.
The count has nothing in common with the program: points by NumPy, the highest plane of each by a product of matrices.
Of two halves of the points, with masses w' and w'', sum (w' - nu) (w'' - nu) / nu has the mean rho^2. Its standard
deviation is sqrt(2 n) / (points / 2) or less. The largest counts of many classes are made again, with more points.
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

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.environ.get("BRENIER_PROGRAM", os.path.join(REPOSITORY, "build", "release", "bin", "brenier"))
MORE = 10
SHELL = '. "$0/tools/mpi-environment.sh"; exec mpiexec -n "$BRENIER_RANKS" "$@"'


def make(folder, classes, targets, dim):
    """y.npy and label.npy, class after class, so that memory is that of one class."""
    y = np.lib.format.open_memmap(os.path.join(folder, "y.npy"), "w+", "<f4", (classes * targets, dim))
    for k in range(classes):
        rng = np.random.default_rng([7, k])
        mean, spread = rng.standard_normal(dim), rng.uniform(0.3, 1.5, dim)
        y[k * targets : (k + 1) * targets] = mean + spread * rng.standard_normal((targets, dim))
    np.save(os.path.join(folder, "label.npy"), np.repeat(np.arange(classes), targets))


def run(folder, ranks, *words):
    """A command on ranks; seconds, and the largest memory of a rank in GB."""
    begun = time.time()
    environment = {**os.environ, "BRENIER_RANKS": str(ranks)}
    done = subprocess.run(["bash", "-c", SHELL, REPOSITORY, PROGRAM, *map(str, words)], cwd=folder, env=environment)
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    seconds = time.time() - begun
    print(f"{words[0]}: exit code {done.returncode}, {seconds:.0f} s, {memory:.2f} GB a rank at most", flush=True)
    return done.returncode


def masses(rng, planes, heights, points):
    """Cell masses by points, some at a time, so that their products stay in the cache."""
    n, at_once = np.zeros(len(heights)), 2000
    for begin in range(0, points, at_once):
        x = rng.standard_normal((min(at_once, points - begin), len(planes)), np.float32)
        n += np.bincount(np.argmax(x @ planes + heights, 1), minlength=len(n))
    return n / points


def count(path, points):
    """rho of each class, by points; by MORE times as many where it is largest, which chance may have made it."""
    with h5py.File(path) as file:
        label, y, h, nu = (file[name] for name in ("label", "targets", "heights", "weights"))
        order = np.argsort(label[()], kind="stable")
        parts = np.split(order, np.flatnonzero(np.diff(label[()][order])) + 1)

        def rho(k, many):
            of, rng = np.sort(parts[k]), np.random.default_rng([8, k, many])
            if of[-1] - of[0] + 1 == len(of):
                of = slice(of[0], of[-1] + 1)  # read at once
            planes, heights, weight = np.float32(y[of].T), np.float32(h[of]), nu[of] / nu[of].sum()
            half = [masses(rng, planes, heights, many // 2) - weight for _ in range(2)]
            return np.sqrt(max(np.sum(half[0] * half[1] / weight), 0.0))

        found = np.array([rho(k, points) for k in range(len(parts))])
        print(f"rho by {points} points a class: median {np.median(found):.4f}, largest {found.max():.4f}", flush=True)
        again = np.argsort(-found)[: max(len(found) // 25, 10)]
        found[again] = [rho(k, MORE * points) for k in again]
    print(f"by {MORE * points} points of the {len(again)} largest: the largest {found.max():.4f}", flush=True)
    return found


def main():
    parser = argparse.ArgumentParser(usage=__doc__, add_help=False)
    for name, value in (("classes", 1000), ("targets", 1300), ("dim", 256), ("ranks", 2), ("points", 40000)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--tol", type=float, default=0.2)
    parser.add_argument("--folder")
    given = parser.parse_args()
    folder = given.folder or tempfile.mkdtemp(prefix="brenier-classes-")
    os.makedirs(folder, exist_ok=True)
    if not os.path.exists(os.path.join(folder, "label.npy")):
        make(folder, given.classes, given.targets, given.dim)
    code = run(folder, given.ranks, "solve", "y.npy", "-classes", "label.npy", "-o", "maps.h5", "-tol", given.tol,
               "-checkpoint", "maps.ckpt", "-log", "solve.jsonl")  # fmt: skip
    if code == 0:
        code = int(np.any(count(os.path.join(folder, "maps.h5"), given.points) >= given.tol))
    sys.exit(code)


if __name__ == "__main__":
    main()
