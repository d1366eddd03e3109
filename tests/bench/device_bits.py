#!/usr/bin/python3
"""Compares solve, check and sample with and without -device gpu, bit by bit, for all problems of bits.py and more.

usage: BRENIER_PROGRAM=build/release/bin/brenier tests/bench/device_bits.py [--only NAME,NAME] [--ranks 1,3] [--short]

A line for each problem and number of ranks: megabytes that went to the devices in solve, check and sample, a dash where
a command gave them nothing to do; then "same bits", or what differs. Compared are all datasets of a result but its
history and times, the numbers that check puts into its log, and the samples. The last line counts. The exit code is 1
if anything differs, or if no device had anything to do.

--short: where circles or chords are drawn, a sample of 300 and two steps, whatever the tolerance.

Without a GPU, PoCL makes two devices of the processor.
"""
import argparse
import json
import os
import resource
import sys
import tempfile

import h5py
import numpy as np
from bits import ABOVE, DONE, RUNS, mixture, weights

from program import PROGRAM, run_on

POCL = {"POCL_DEVICES": "basic basic", "HWLOC_COMPONENTS": "-opencl"}
ONE_OF_RANKS = ("gaussian, one rank", "gaussian, three ranks")  # of bits.py: here every problem has several
BY_CELLS = ("line", "circle", "plane", "space", "a plane")  # names begin so: check draws no curves for these
SHORT = {"-curves": "300", "-check_curves": "64", "-max_it": "2", "-warm_up": "0"}
MIXTURE = "-source mixture -source_file m.h5 -tol 0.3"


def with_outliers(n, d, seed):
    """Four clusters 1e-3 wide, and a far point: most pairs pass the first test."""
    y = mixture(n, d, seed, 1e-3)
    y[0] *= 100
    return y


# As in bits.py: targets, decades of weights, ranks (not used), options of solve, exit code
MORE = {
    "ball": (mixture(250, 6, 21), 0, 0, "-source ball -tol 0.3", DONE),
    "spherical": (mixture(250, 6, 22), 0, 0, "-source spherical -tol 0.3", DONE),
    "student": (mixture(250, 6, 23), 0, 0, "-source student -tol 0.3", DONE),
    "mean and factor": (mixture(250, 6, 24), 1, 0, "-source_mean 0.5 -source_factor 2 -tol 0.3", DONE),
    "mixture": (mixture(250, 6, 25), 0, 0, MIXTURE, DONE),
    "narrow clusters": (with_outliers(300, 16, 26), 0, 0, "-curves 3000", DONE),
    "17,000 targets": (mixture(17000, 16, 27), 0, 0, "-curves 100 -check_curves 64 -warm_up 0 -max_it 1", ABOVE),
    "512 dimensions": (mixture(300, 512, 28), 0, 0, "-curves 1500 -check_curves 64 -warm_up 0 -max_it 3", ABOVE),
    "2,000 dimensions": (mixture(150, 2000, 29), 0, 0, "-curves 600 -check_curves 64 -warm_up 0 -max_it 2", ABOVE),
}


def datasets(path):
    """All but histories and times."""
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: item[()].tobytes()} if hasattr(item, "dtype") else {}))
    return {name: value for name, value in found.items() if not name.endswith(("history", "seconds"))}


def events(path):
    with open(path, encoding="utf-8") as file:
        return {event["event"]: event for event in map(json.loads, file)}


def measured(path):
    """The numbers of a check."""
    return {name: value for name, value in events(path)["check"].items() if "second" not in name and name != "time"}


def sent(path):
    """Megabytes that devices got."""
    return events(path).get("device", {"bytes_to": 0})["bytes_to"] / 1e6


def shortened(options):
    """The same options with a sample of few curves, few steps, and no tolerance."""
    given = dict(zip(options[::2], options[1::2]))
    given.pop("-tol", None)
    return [word for pair in {**given, **SHORT}.items() for word in pair]


def run(words, ranks, folder):
    """Runs `brenier WORDS`; a tolerance that is not met is no failure."""
    done = run_on(ranks, [PROGRAM, *words], folder)
    if done.returncode not in (DONE, ABOVE):
        sys.exit(f"brenier {' '.join(words)}\nexit code {done.returncode}\n{done.stdout}\n{done.stderr}")


def commands(name, options):
    """What is run on a result: the words, the file to compare, and how it is read."""
    check = ["check", "r.h5", *([] if name.startswith(BY_CELLS) else ["-curves", "400"]), "-log", "check.log"]
    sample = ["sample", "r.h5", "-n", "400", "-o", "s.h5", "-log", "sample.log"]
    return [(["solve", "y.npy", "-o", "r.h5", "-log", "solve.log", *options], "r.h5", datasets),
            (check, "check.log", measured), (sample, "s.h5", datasets)]  # fmt: skip


def compare(name, problem, ranks, short):
    """Megabytes sent by each command, and which of them computed something else."""
    targets, decades, _, options, _ = problem
    moved, other = [], []
    with tempfile.TemporaryDirectory() as folder:
        path = lambda file: os.path.join(folder, file)  # noqa: E731
        np.save(path("y.npy"), targets)
        options = shortened(options.split()) if short and not name.startswith(BY_CELLS) else options.split()
        if decades:
            np.save(path("w.npy"), weights(len(targets), decades, 99))
            options += ["-weights", "w.npy"]
        with h5py.File(path("m.h5"), "w") as file:
            file["weight"], file["mean"] = [0.7, 0.3], mixture(2, targets.shape[1], 30)
        for words, result, read in commands(name, options):
            found = []
            for more in ([], ["-device", "gpu"]):
                if os.path.exists(path(f"{words[0]}.log")):
                    os.remove(path(f"{words[0]}.log"))
                run([*words, *more], ranks, folder)
                found.append(read(path(result)))
            moved.append(sent(path(f"{words[0]}.log")))
            if found[0] != found[1]:
                other.append(words[0])
    return moved, other


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="names, by commas: problems whose name begins with one of them")
    parser.add_argument("--ranks", default="1,3")
    parser.add_argument("--short", action="store_true")
    given = parser.parse_args()
    for name, value in POCL.items():
        os.environ.setdefault(name, value)
    n, differ, n_moved = 0, [], 0
    for name, problem in {**RUNS, **MORE}.items():
        if name in ONE_OF_RANKS or not name.startswith(tuple(given.only.split(","))):
            continue
        for ranks in map(int, given.ranks.split(",")):
            moved, other = compare(name, problem, ranks, given.short)
            told = " ".join(f"{size:.3g}" if size else "-" for size in moved)
            print(f"{name}, {ranks} ranks: {told} MB: {'other bits: ' + ', '.join(other) if other else 'same bits'}",
                  flush=True)  # fmt: skip
            n, n_moved = n + 3, n_moved + sum(map(bool, moved))
            differ += [f"{name}, {ranks} ranks"] if other else []
    seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    print(f"{n} pairs of runs, {n_moved} of them on a device, {seconds:.0f} s of processor time: "
          f"{'other bits in ' + '; '.join(differ) if differ else 'the same bits in all'}")  # fmt: skip
    sys.exit(1 if differ or not n_moved else 0)


if __name__ == "__main__":
    main()
