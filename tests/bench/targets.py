#!/usr/bin/python3
"""Synthetic codes: a mixture of normal clusters whose spread falls along the axes, as that of principal components
does.

usage: tests/bench/targets.py N DIM -o TARGETS.npy [-clusters K] [-seed S]

K clusters of unequal weight (1 to 4), centres normal with standard deviation 3 along the first axis, members normal
around them with 1; both fall as 1 / sqrt(axis + 1) to a quarter. Single precision, written in blocks.
"""
import argparse
import sys

import numpy as np


def codes(n, dim, clusters, seed, block=1 << 16):
    """Yields blocks of rows."""
    rng = np.random.default_rng(seed)
    scale = np.maximum(1 / np.sqrt(1 + np.arange(dim)), 0.25)
    weight = rng.uniform(1, 4, clusters)
    centre = 3 * scale * rng.standard_normal((clusters, dim))
    for first in range(0, n, block):
        rows = min(block, n - first)
        member = rng.choice(clusters, rows, p=weight / weight.sum())
        yield (centre[member] + scale * rng.standard_normal((rows, dim))).astype(np.float32)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("n", type=int)
    parser.add_argument("dim", type=int)
    parser.add_argument("-o", required=True)
    parser.add_argument("-clusters", type=int, default=100)
    parser.add_argument("-seed", type=int, default=1)
    args = parser.parse_args()
    out = np.lib.format.open_memmap(args.o, mode="w+", dtype=np.float32, shape=(args.n, args.dim))
    first = 0
    for rows in codes(args.n, args.dim, args.clusters, args.seed):
        out[first : first + len(rows)] = rows
        first += len(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
