#!/usr/bin/python3
"""What a pair of noise and target costs, beside the matrix product that it needs at least.

    tests/bench/couplings.py [--targets 60000] [--dim 64] [--pairs 16384] [--batch 4096] [--repeat 3] [--most RATIO]

Processor seconds of one thread, the least of some repeats: of `Couplings` (noise, cells, codes), and of NumPy's
product of the same noise with all targets in single precision, in blocks of its own choice. Targets and heights are
made up: the work does not depend on a solve. With --most the exit code is 1 when the ratio is larger.
"""
import argparse
import os
import sys
import time

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "analysis"))

import numpy as np  # noqa: E402

import brenier  # noqa: E402

BLOCKS = (256, 1024, 4096)  # rows of noise in one product


def seconds(work):
    """Processor seconds of a call."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def product(noise, targets, rows):
    """NumPy's product, block by block into the same memory."""
    room = np.empty((rows, len(targets)), dtype=np.float32)
    table = targets.T
    for first in range(0, len(noise), rows):
        part = noise[first : first + rows]
        np.matmul(part, table, out=room[: len(part)])


def pairs(couplings, batches):
    for _ in range(batches):
        next(couplings)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    for name, value in (("targets", 60000), ("dim", 64), ("pairs", 16384), ("batch", 4096), ("repeat", 3)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--most", type=float)
    options = parser.parse_args()
    rng = np.random.default_rng(1)
    y = rng.standard_normal((options.targets, options.dim))
    couplings = brenier.Couplings(y, -0.5 * (y**2).sum(axis=1), "gaussian", 1.0, options.batch)
    next(couplings)
    batches = -(-options.pairs // options.batch)
    noise = rng.standard_normal((batches * options.batch, options.dim), dtype=np.float32)
    single = np.ascontiguousarray(y, dtype=np.float32)
    ours = min(seconds(lambda: pairs(couplings, batches)) for _ in range(options.repeat))
    theirs = {
        rows: min(seconds(lambda: product(noise, single, rows)) for _ in range(options.repeat)) for rows in BLOCKS
    }
    rows, least = min(theirs.items(), key=lambda item: item[1])
    ratio = ours / least
    print(f"{len(noise)} pairs of {options.targets} targets in dimension {options.dim}: {ours:.2f} s of one thread, "
          f"{1e6 * ours / len(noise):.0f} s a million")  # fmt: skip
    print(f"the product alone: {least:.2f} s, in blocks of {rows} rows (" +
          ", ".join(f"{r}: {t:.2f} s" for r, t in theirs.items()) + f"); ratio {ratio:.2f}")  # fmt: skip
    return int(options.most is not None and ratio > options.most)


if __name__ == "__main__":
    sys.exit(main())
