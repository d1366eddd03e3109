#!/usr/bin/python3
"""The bench: methods by seconds to a tolerance, cost against n, and ranks.

usage: BRENIER_PROGRAM=build/release/bin/brenier tests/bench/suite.py [-codes CODES.h5:/codes] [-limit SECONDS]
[-only cells|growth|ranks [-record FILE]]

Cells: (n, d) of 10^4 x 8, 10^4 x 64, 6 10^4 x 64 and 10^5 x 128 targets of tests/bench/targets.py, and codes of images
(default: 64 components of Fashion-MNIST, where they are installed), to rho = 0.2, by every method of
tests/bench/methods.py; the others get one and a half times what Newton took, those that double their samples three
times, and never more than the limit. Growth: n from 2,500 to 40,000 in d = 64 at rho = 0.2, with the exponent fitted to
seconds and to flops. Ranks: one scan of 20,000 circles on 1, 2, 4 and 8 ranks, beside the model

    seconds = flops / rate + bytes / bandwidth + messages latency,  flops, bytes and messages as counted on a rank,

whose rate is that of one rank; more ranks than cores only show that the counts scale. Prints tables, and writes one
part as a record (analysis/bench_record.py), which analysis/bench_figure.py draws.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "..", "analysis")]
import bench_record  # noqa: E402
import methods  # noqa: E402
import solves  # noqa: E402
import targets  # noqa: E402

CELLS = [(10000, 8), (10000, 64), (60000, 64), (100000, 128)]
GROWTH = [2500, 5000, 10000, 20000, 40000]
RANKS = [1, 2, 4, 8]
TOL = 0.2
PATIENCE = {"asgd": 3.0}  # in seconds of Newton; 1.5 for the others
BANDWIDTH, LATENCY = 5e9, 5e-6  # of messages between ranks: bytes a second, seconds


def write_targets(folder, n, dim):
    path = os.path.join(folder, f"y.{n}.{dim}.npy")
    np.save(path, np.concatenate(list(targets.codes(n, dim, 100, 1))))
    return path


def text(value, form):
    return "" if value is None else form.format(value)


def run_cells(args, folder, codes):
    """Table of seconds of every method in every cell."""
    table = bench_record.table("targets | method | seconds | over the best | iterations | scans", [])
    for name, path in [(f"{n:,} x {d}", write_targets(folder, n, d)) for n, d in CELLS] + codes:
        cell = []
        for method in methods.METHODS:
            given = args.limit
            if cell and cell[0]["seconds"]:  # Newton comes first
                given = min(given, cell[0]["seconds"] * PATIENCE.get(method[0], 1.5))
            request = argparse.Namespace(targets=path, tol=TOL, limit=given, ranks=2)
            row = methods.run(request, method, os.path.join(folder, "log"))
            cell.append(dict(row, method=" ".join(method), limit=given))
        best = min((row["seconds"] for row in cell if row["seconds"]), default=None)
        for row in cell:
            over = row["seconds"] / best if row["seconds"] else None
            seconds = f"{row['seconds']:.1f}" if row["seconds"] else f"more than {row['limit']:.0f}"
            table["rows"].append([name, row["method"], seconds, text(over, "{:.2f}"), text(row["iterations"], "{}"),
                                  text(row["scans"], "{:.2f}")])  # fmt: skip
            print(" | ".join(table["rows"][-1]), flush=True)
    return table, []


def solve(folder, path, ranks, *options):
    """The events of one solve."""
    log = os.path.join(folder, "log")
    command = ["mpiexec", "-n", str(ranks), os.environ["BRENIER_PROGRAM"], "solve", path, "-o", log + ".h5", "-log",
               log]
    subprocess.run(command + list(options), capture_output=True, check=False)
    with open(log, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def exponent(rows, name):
    """Slope of log value against log n, least squares."""
    return float(np.polyfit(np.log([row["n"] for row in rows]), np.log([row[name] for row in rows]), 1)[0])


def run_growth(folder):
    rows = []
    for n in GROWTH:
        events = solve(folder, write_targets(folder, n, 64), 2, "-tol", str(TOL))
        work = next(event for event in events if event["event"] == "work")
        rows.append({"n": n, "seconds": events[-1]["seconds"], "flops": work["scan_flops"]})
        print(rows[-1], flush=True)
    fit = {name: exponent(rows, name) for name in ("seconds", "flops")}
    texts = [[f"{row['n']:,}", f"{row['seconds']:.1f}", f"{row['flops']:.2e}"] for row in rows]
    return bench_record.table("targets | seconds | operations of the scans", texts), [
        f"A fit gives seconds ~ n^{fit['seconds']:.2f} and operations ~ n^{fit['flops']:.2f}."]  # fmt: skip


def run_ranks(folder):
    rows, rate = [], None
    n, dim = 60000, 64
    path = write_targets(folder, n, dim)
    for ranks in RANKS:
        events = solve(folder, path, ranks, "-curves", "20000", "-held_out_curves", "64", "-max_it", "0", "-warm_up",
                       "0")  # fmt: skip
        work = next(event for event in events if event["event"] == "work")
        flops = work["scan_flops"] / ranks
        rate = rate or flops / work["scan_seconds"]
        # a block of targets is coordinates and three columns
        messages = work["ring_bytes"] / (n / ranks * (dim + 3) * 8)
        model = flops / rate + work["ring_bytes"] / BANDWIDTH + messages * LATENCY
        sent = f"{work['ring_bytes']:.2e}" if work["ring_bytes"] else "0"
        rows.append([ranks, f"{work['scan_seconds']:.1f}", f"{model:.1f}", f"{flops:.2e}", sent])
        print(rows[-1], flush=True)
    return bench_record.table("ranks | scan, s | model, s | flops a rank | bytes sent a rank", rows), []


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-codes", help="codes of images as one more cell, file.h5:/dataset")
    parser.add_argument("-limit", type=float, default=120.0, help="seconds that a method gets in a cell")
    parser.add_argument("-only", choices=["cells", "growth", "ranks"])
    parser.add_argument("-record", metavar="FILE", help="writes a record of docs/benchmarks/; needs -only")
    args = parser.parse_args()
    if args.record and not args.only:
        parser.error("-record holds one part: name it with -only")
    about = bench_record.machine() if args.record else None
    with tempfile.TemporaryDirectory() as folder:
        if args.only in (None, "cells") and not args.codes and solves.has_images():
            solves.fashion_codes(folder, False)
            args.codes = os.path.join(folder, "codes.h5:/codes")
        parts = {"cells": lambda: run_cells(args, folder, [("codes", args.codes)] if args.codes else []),
                 "growth": lambda: run_growth(folder), "ranks": lambda: run_ranks(folder)}  # fmt: skip
        for name in [args.only] if args.only else parts:
            table, remarks = parts[name]()
            print("\n".join([bench_record.markdown(table), *remarks]), flush=True)
    if args.record:
        bench_record.write(args.record, [table], remarks, about)
    return 0


if __name__ == "__main__":
    sys.exit(main())
