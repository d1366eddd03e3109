#!/usr/bin/python3
"""Speed of a scan of 60,000 targets in dimension 64 on 2 ranks, as a share of the cores' multiply-add rate.

usage: BRENIER_PROGRAM=build/release/bin/brenier tests/bench/scan.py [--targets N] [--dim D] [--curves C] [--ranks P]
[--threads T]

Targets are drawn from ten normal clusters, circles and heights are new. Prints one line of JSON: seconds of one scan of
C circles, with drawing them and making their lists; its rate; the rate that the same cores reach on registers alone,
measured in the same run; and the memory of the larger rank.
"""
import argparse
import json
import os
import subprocess
import tempfile

import numpy as np


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", type=int, default=60000)
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--curves", type=int, default=20000)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1, help="of each rank")
    args = parser.parse_args()
    rng = np.random.default_rng(1)
    centre = 2 * rng.standard_normal((10, args.dim))
    y = centre[rng.integers(0, 10, args.targets)] + rng.standard_normal((args.targets, args.dim))
    with tempfile.TemporaryDirectory() as folder:
        np.save(os.path.join(folder, "y.npy"), y.astype(np.float32))
        subprocess.run(["mpiexec", "--bind-to", "none", "-n", str(args.ranks), os.environ["BRENIER_PROGRAM"], "solve",
                        "y.npy", "-o", "r.h5",
                        "-curves", str(args.curves), "-check_curves", "64", "-max_it", "0", "-warm_up", "0", "-log",
                        "l", "-threads", str(args.threads)],
                       cwd=folder, capture_output=True, check=False)
        with open(os.path.join(folder, "l"), encoding="utf-8") as file:
            work = next(e for e in map(json.loads, file) if e["event"] == "work")
    rate = work["scan_flops"] / work["scan_seconds"]
    print(json.dumps({"targets": args.targets, "dim": args.dim, "curves": args.curves, "ranks": args.ranks,
                      "threads": args.threads,
                      "seconds_a_scan": work["scan_seconds"] / work["scans"],
                      "gflops": rate / 1e9, "peak_gflops": work["peak_flops"] / 1e9, "share": rate / work["peak_flops"],
                      "memory_mb_a_rank": work["peak_memory_bytes"] / 1e6}))


if __name__ == "__main__":
    main()
