#!/usr/bin/python3
"""Speed of a scan of 60,000 targets in dimension 64 on 2 ranks, as a share of the cores' multiply-add rate.

usage: BRENIER_PROGRAM=build/release/bin/brenier tests/bench/scan.py [--targets N] [--dim D] [--curves C] [--ranks P]
[--threads T]
       BRENIER_PROGRAM=build/release/bin/brenier tests/bench/scan.py -suite [-record FILE]

Targets are drawn from ten normal clusters, circles and heights are new. Prints one line of JSON: seconds of one scan of
C circles, with drawing them and making their lists; its rate; the rate that the same cores reach on registers alone,
measured in the same run; and the memory of the larger rank. -suite: the table of docs/benchmarks.md, on one and two
ranks, each run twice; where the processor has AVX-512, also without its multiplication of bytes.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "analysis"))
import bench_record  # noqa: E402

SUITE = [(60000, 64, 8192), (60000, 128, 8192), (400000, 64, 4096)]  # targets, dimension, curves a rank


def scan(n, dim, curves, ranks, threads=1, simd=None):
    """One scan, as a dictionary."""
    rng = np.random.default_rng(1)
    centre = 2 * rng.standard_normal((10, dim))
    y = centre[rng.integers(0, 10, n)] + rng.standard_normal((n, dim))
    environment = {**os.environ, "BRENIER_SIMD": simd} if simd else None
    with tempfile.TemporaryDirectory() as folder:
        np.save(os.path.join(folder, "y.npy"), y.astype(np.float32))
        subprocess.run(["mpiexec", "--bind-to", "none", "-n", str(ranks), os.environ["BRENIER_PROGRAM"], "solve",
                        "y.npy", "-o", "r.h5",
                        "-curves", str(curves), "-held_out_curves", "64", "-max_it", "0", "-warm_up", "0", "-log",
                        "l", "-threads", str(threads)],
                       cwd=folder, env=environment, capture_output=True, check=False)  # fmt: skip
        with open(os.path.join(folder, "l"), encoding="utf-8") as file:
            work = next(e for e in map(json.loads, file) if e["event"] == "work")
    rate = work["scan_flops"] / work["scan_seconds"]
    return {"targets": n, "dim": dim, "curves": curves, "ranks": ranks, "threads": threads,
            "seconds_a_scan": work["scan_seconds"] / work["scans"],
            "gflops": rate / 1e9, "peak_gflops": work["peak_flops"] / 1e9, "share": rate / work["peak_flops"],
            "memory_mb_a_rank": work["peak_memory_bytes"] / 1e6}  # fmt: skip


def suite(chosen):
    """The table of the page."""
    table = bench_record.table("targets, dimension | 1 rank | 2 ranks | rate of 2 ranks over 1 | "
                               "1 rank, `BRENIER_SIMD=avx512`", [])  # fmt: skip

    def shares(runs):
        return ", ".join(f"{run['share']:.0%}" for run in runs)

    for n, dim, curves in SUITE:
        one = [scan(n, dim, curves, 1) for _ in range(2)]
        two = [scan(n, dim, 2 * curves, 2) for _ in range(2)]
        single = [scan(n, dim, curves, 1, simd="avx512")] if chosen.startswith("avx512") else []
        gain = ", ".join(f"{b['gflops'] / a['gflops']:.2f}" for a, b in zip(one, two))
        table["rows"].append([f"{n:,}, {dim}", shares(one), shares(two), gain, shares(single)])
        print(" | ".join(table["rows"][-1]), flush=True)
    return table


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", type=int, default=60000)
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--curves", type=int, default=20000)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1, help="of each rank")
    parser.add_argument("-suite", action="store_true", help="the table of docs/benchmarks.md")
    parser.add_argument("-record", metavar="FILE", help="writes a record of docs/benchmarks/; needs -suite")
    args = parser.parse_args()
    if not args.suite:
        print(json.dumps(scan(args.targets, args.dim, args.curves, args.ranks, args.threads)))
        return
    about = bench_record.machine()
    table = suite(about["instruction_set"])
    print(bench_record.markdown(table))
    if args.record:
        bench_record.write(args.record, [table], about=about)


if __name__ == "__main__":
    main()
