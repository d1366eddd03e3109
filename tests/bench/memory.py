#!/usr/bin/python3
"""Memory of a solve of many targets in single precision, over the bytes of its input.

usage: tests/bench/memory.py [--shape 400000,256] [--ranks 1,2] [--tol 2] [--times 2.2] [--beside 800]

The memory is the sum over the ranks of their proportional set sizes (what ranks share counts once), read every half
second. Exit code 1 where it passes --times the input plus --beside megabytes: what does not grow with the targets. Two
times the input are the targets and the barycentres of their cells.
"""
import argparse
import os
import subprocess
import sys
import tempfile
import time

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "..", "analysis")]
import bench_record  # noqa: E402

PROGRAM = os.path.abspath(bench_record.PROGRAM)
LAUNCH = f'. "{bench_record.ROOT}/tools/mpi-environment.sh"; exec mpiexec -n "$0" "$@"'


def write_targets(path, n, d):
    """Clusters of low rank with noise of full rank, some rows at a time."""
    rng = np.random.default_rng(1)
    centre, factor = rng.standard_normal((50, d), "f4"), rng.standard_normal((32, d), "f4")
    y = np.lib.format.open_memmap(path, mode="w+", dtype="f4", shape=(n, d))
    for i in range(0, n, 20000):
        m = min(20000, n - i)
        y[i:i + m] = centre[rng.integers(0, 50, m)] + 0.3 * rng.standard_normal((m, 32), "f4") @ factor
        y[i:i + m] += 0.1 * rng.standard_normal((m, d), "f4")


def shared_once():
    """Bytes of all processes that run the program, also where its file was built anew meanwhile."""
    total = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)") == os.path.realpath(PROGRAM):
                with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                    total += 1024 * next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
        except (OSError, StopIteration):
            pass
    return total


def peak(folder, ranks, tol):
    command = ["bash", "-c", LAUNCH, str(ranks), PROGRAM, "solve", "y.npy", "-tol", str(tol), "-o", "r.h5"]
    begun, most = time.monotonic(), 0
    child = subprocess.Popen(command, cwd=folder, env={**os.environ, "BRENIER_RANKS": str(ranks)},
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)  # fmt: skip
    while child.poll() is None:
        most = max(most, shared_once())
        time.sleep(0.5)
    if child.returncode:
        sys.exit(f"{' '.join(command[4:])}: exit code {child.returncode}")
    if not most:
        sys.exit(f"{' '.join(command[4:])}: no process of {PROGRAM} was seen")
    return most, time.monotonic() - begun


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", default="400000,256")
    parser.add_argument("--ranks", default="1,2")
    parser.add_argument("--tol", type=float, default=2)
    parser.add_argument("--times", type=float, default=2.2)
    parser.add_argument("--beside", type=float, default=800)
    given = parser.parse_args()
    n, d = map(int, given.shape.split(","))
    size, passed = 4 * n * d, False
    with tempfile.TemporaryDirectory() as folder:
        write_targets(os.path.join(folder, "y.npy"), n, d)
        print(f"{n} x {d}: input {size / 1e6:.0f} MB, at most {given.times} times that and {given.beside:.0f} MB")
        for ranks in map(int, given.ranks.split(",")):
            most, seconds = peak(folder, ranks, given.tol)
            passed |= most > given.times * size + 1e6 * given.beside
            print(f"ranks {ranks}: {most / 1e6:.0f} MB, {most / size:.2f} times the input, {seconds:.0f} s", flush=True)
    sys.exit(passed)


if __name__ == "__main__":
    main()
