#!/usr/bin/python3
"""Prints a hash of what some twenty small runs compute: a change of the code that should compute the same prints the
same.

usage: BRENIER_PROGRAM=build/release/bin/brenier tests/bench/bits.py [-o OUT.txt] [--only NAME,NAME] [--against
OTHER.txt] [--with "OPTIONS"]

A line for each run: its name, the hash of its heights, of its masses, of the samples drawn by it where it draws some.
--with adds options to every solve and sample, "-device gpu" for instance.
--against compares with what an earlier program printed, names the runs that differ, and ends with exit code 1 then.
The bits depend on the processor and the libraries: compare on one machine.
"""
import argparse
import hashlib
import os
import subprocess
import sys
import tempfile

import h5py
import numpy as np

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TESTS, "end_to_end"))
from program import brenier  # noqa: E402

DONE, ABOVE, STOPPED = 0, 6, 85


def mixture(n, d, seed, width=0.3):
    """Six clusters."""
    rng = np.random.default_rng(seed)
    return 2 * rng.standard_normal((6, d))[rng.integers(0, 6, n)] + width * rng.standard_normal((n, d))


def segments(n, d, seed):
    """Clusters on segments, a far point, points that come twice, pairs 1e-8 apart: what scales and lifts are for."""
    rng = np.random.default_rng(seed)
    centres = 2 * rng.standard_normal((5, d))[rng.integers(0, 5, n)]
    y = centres + rng.uniform(-1e-3, 1e-3, (n, 1)) * rng.standard_normal(d)
    y[0] *= 1e4
    y[1:5] = y[5:9]
    y[10:20] = y[20:30] + 1e-8
    return y


def weights(n, decades, seed):
    return 10.0 ** np.random.default_rng(seed).uniform(-decades, 0, n)


# name: (targets, decades of weights, ranks, options of solve, exit code)
RUNS = {
    "gaussian": (mixture(600, 8, 1), 0, 2, "-tol 0.15", DONE),
    "gaussian, one rank": (mixture(600, 8, 1), 0, 1, "-tol 0.15", DONE),
    "gaussian, three ranks": (mixture(600, 8, 1), 0, 3, "-tol 0.15", DONE),
    "64 dimensions": (mixture(1500, 64, 2), 0, 2, "-tol 0.2", DONE),
    "sphere": (mixture(300, 6, 3), 1, 2, "-source sphere -tol 0.2", DONE),
    "cube": (mixture(300, 5, 4), 0, 2, "-source cube -tol 0.3", DONE),
    "weights": (mixture(500, 10, 5), 2, 2, "-tol 0.2", DONE),
    "segments": (segments(400, 9, 6), 1, 2, "-curves 20000", DONE),
    "passes": (mixture(4000, 64, 7, 1.0), 0, 2, "-tol 0.25 -memory 0.02 -check_curves 4000", DONE),
    "line": (mixture(200, 1, 8), 1, 2, "", DONE),
    "line on the cube": (mixture(200, 1, 8), 0, 1, "-source cube", DONE),
    "circle": (mixture(100, 2, 9), 0, 2, "-source sphere", DONE),
    "plane": (mixture(800, 2, 10), 2, 2, "", DONE),
    "plane on the cube": (mixture(500, 2, 10), 0, 3, "-source cube", DONE),
    "space": (mixture(300, 3, 11), 0, 2, "", DONE),
    "plane by curves": (mixture(300, 2, 12), 0, 2, "-cells curves -curves 5000", DONE),
    "a plane in 30 dimensions": (mixture(200, 2, 13) @ np.eye(2, 30), 0, 2, "", DONE),
    "lmvm": (mixture(300, 8, 14), 0, 2, "-method lmvm -curves 5000", DONE),
    "ntr": (mixture(300, 8, 14), 0, 2, "-method ntr -curves 5000", DONE),
    "cg": (mixture(300, 8, 14), 0, 2, "-method cg -curves 5000", DONE),
    "asgd": (mixture(300, 8, 14), 0, 2, "-method asgd -curves 100000 -check_curves 2000", DONE),
    "asgd on curves": (mixture(300, 8, 14), 0, 3, "-method asgd -sample curves -curves 20000 -check_curves 2000", DONE),
    "adam": (mixture(300, 8, 14), 0, 2, "-method adam -curves 100000 -check_curves 2000", DONE),
    "one step": (mixture(300, 8, 14), 0, 2, "-max_it 1 -curves 3000 -damping 0.5 -linear_rtol 0.1 -warm_up 0.5", ABOVE),
}  # fmt: skip

# What begins with another run's result, and what is stopped at a safe point and continued
STARTED, RESUMED = "gaussian", {"gaussian": (5, 40, 90), "plane": (1, 2, 3, 5, 8, 12), "passes": (30, 120)}
ADDED = []  # by --with

SAMPLED = {"gaussian": "-noise yes", "sphere": "-noise no", "plane": "-noise yes", "64 dimensions": "-extension linear"}


def digest(path, names):
    with h5py.File(path) as file:
        return [hashlib.sha256(np.ascontiguousarray(file[name][()]).tobytes()).hexdigest()[:16] if name in file else "-"
                for name in names]  # fmt: skip


def solve(name, folder, *more, code=None):
    targets, decades, ranks, options, expected = RUNS[name]
    np.save(os.path.join(folder, "y.npy"), targets)
    words = ["solve", "y.npy", "-o", "r.h5", *options.split(), *ADDED, *more]
    if decades:
        np.save(os.path.join(folder, "w.npy"), weights(len(targets), decades, 99))
        words += ["-weights", "w.npy"]
    brenier(*words, ranks=ranks, cwd=folder, code=expected if code is None else code)


def of_result(folder):
    return digest(os.path.join(folder, "r.h5"), ("/heights", "/mass"))


def sample(name, folder):
    brenier("sample", "r.h5", "-n", 500, "-o", "s.h5", *SAMPLED[name].split(), *ADDED, ranks=2, cwd=folder)
    return digest(os.path.join(folder, "s.h5"), ("/index", "/code"))


def resume(name, at, folder):
    """The same hash as the whole run's."""
    os.environ["BRENIER_TEST_STOP_AT"] = str(at)
    try:
        solve(name, folder, "-checkpoint", "c", code=STOPPED)
    finally:
        del os.environ["BRENIER_TEST_STOP_AT"]
    solve(name, folder, "-checkpoint", "c")
    return of_result(folder)


def every_run():
    """Name and what computes its hashes in a folder."""
    for name in RUNS:
        yield name, lambda folder, name=name: (solve(name, folder), of_result(folder))[1]
        if name in SAMPLED:
            yield f"{name}, sampled", lambda folder, name=name: (solve(name, folder), sample(name, folder))[1]
        for at in RESUMED.get(name, ()):
            yield f"{name}, stopped at {at}", lambda folder, name=name, at=at: resume(name, at, folder)
    yield f"{STARTED}, started from a result", started


def started(folder):
    solve(STARTED, folder)
    os.rename(os.path.join(folder, "r.h5"), os.path.join(folder, "start.h5"))
    solve(STARTED, folder, "-start", "start.h5", "-seed", "2")
    return of_result(folder)


def read(path):
    with open(path, encoding="utf-8") as file:
        return dict(line.rstrip("\n").split(": ", 1) for line in file)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", default="/dev/null", help="also written there")
    parser.add_argument("--only", default="", help="names, by commas: runs whose name begins with one of them")
    parser.add_argument("--against", help="what an earlier program printed")
    parser.add_argument("--with", dest="added", default="", help="options")
    given = parser.parse_args()
    ADDED.extend(given.added.split())
    earlier, differ = read(given.against) if given.against else {}, []
    with open(given.o, "w", encoding="utf-8") as file:
        for name, run in every_run():
            if not name.startswith(tuple(given.only.split(","))):
                continue
            with tempfile.TemporaryDirectory() as folder:
                said = " ".join(run(folder))
            if given.against and earlier.get(name) != said:
                differ.append(name)
            print(f"{name}: {said}", flush=True)
            file.write(f"{name}: {said}\n")
    if given.against:
        print("the same bits in every run" if not differ else f"other bits in: {'; '.join(differ)}")
    sys.exit(1 if differ else 0)


if __name__ == "__main__":
    main()
