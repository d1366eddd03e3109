#!/usr/bin/python3
"""Many nodes of 64 cores, by a model: seconds of a solve, what they are made of, and the memory of a node.

usage: BRENIER_PROGRAM=build/release/bin/brenier tests/bench/nodes.py [-log LOG.jsonl] [-record RECORD.json]

Measured here, each core with a run of its own, for d = 64 and for d = 500: seconds of a step of averaged SGD with m
fresh circles,

    step(n, m) = a n d + m (b n d + c d),

by least squares over steps of several n and m, relative to their seconds. Counted in LOG, a solve of a large problem
(docs/figures/million.jsonl): circles of its warm-up and of its averaged SGD. Both are proportional to n / rho^2, and
both are cut into 128 steps. Assumed: a node's bandwidth to memory and to the network, and the latency of a message.

With N nodes a step of m circles takes

    max(products + packing, memory, network) + messages:

    products    step(n, m / (64 N)), at least one circle a rank
    packing     p n d where packed targets are not kept, else 0: each rank packs all of them
    memory      64 n (d + 8) / bandwidth: each rank reads all targets in bytes, and their heights
    network     16 n (N - 1) / N / bandwidth: two heights of each target, sent meanwhile; and where packed targets are
                not kept, 4 n d more: coordinates
    messages    (N + 4 log2(64 N)) latency: a message for each node's heights, and sums over all ranks

Packed targets, 5 bytes a coordinate, are kept once a node, with the coordinates of other nodes, while both are within
192 MiB a rank. A node has these, its targets in single precision, all heights, and its part of the barycentres. The
table names the largest part of a step.
"""
import argparse
import math
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy.optimize import nnls

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "analysis"))
import bench_record  # noqa: E402
from brenier_files import last_event, read_log  # noqa: E402

CORES = 64
MEMORY = 300e9  # bytes a second of a node: eight channels of DDR5
NETWORK = 25e9  # bytes a second of a node: 200 Gbit/s
LATENCY = 2e-6  # seconds of a message
KEPT = 192 * 2**20 * CORES  # bytes that a node keeps between scans (docs/design/constants.md)
PACK = 4.2e-9  # seconds a coordinate (docs/devlog/2026-11.md, "Packed again in each scan")
STEPS = 128  # of a warm-up and of an epoch of averaged SGD, in large problems
NODES = (1, 4, 16, 64, 256)
MEASURED = {64: ((20000, 0.4), (60000, 0.3), (60000, 0.6), (150000, 0.6)),
            500: ((10000, 0.3), (20000, 0.3), (20000, 0.6), (60000, 0.6))}  # d: targets and tolerances  # fmt: skip


def circles_of(log):
    """The last events of the warm-up, which is that of all targets, and of the work."""
    events = read_log(log)
    return last_event(events, "warm_up"), last_event(events, "work")


def solved(program, n, d, tol):
    """Circles of warm-up and averaged SGD, steps of the second, seconds of both."""
    with tempfile.TemporaryDirectory() as folder:
        rng = np.random.default_rng(1)
        y = rng.standard_normal((100, d))[rng.integers(0, 100, n)] + 0.5 * rng.standard_normal((n, d))
        np.save(os.path.join(folder, "y.npy"), y.astype(np.float32))
        subprocess.run([program, "solve", "y.npy", "-o", "r.h5", "-tol", str(tol), "-sgd_from", "1", "-log", "log",
                        "-held_out_curves", "64"], cwd=folder, capture_output=True, check=False)  # fmt: skip
        warm_up, work = circles_of(os.path.join(folder, "log"))
    print(f"{n} x {d} to {tol}: {work['scan_seconds']:.1f} s in {work['evaluations']} steps", flush=True)
    return {"n": n, "d": d, "tol": tol, "steps": work["evaluations"],
            "circles": (warm_up["curves"], work["one_pass_curves"]),
            "seconds": (warm_up["warm_up_seconds"], work["scan_seconds"])}  # fmt: skip


def fit(runs):
    """a, b and c of the steps of averaged SGD, none below 0."""
    rows, ones = [], []
    for run in runs:
        m, seconds, size = run["circles"][1] / run["steps"], run["seconds"][1] / run["steps"], run["n"] * run["d"]
        rows.append(np.array([size, m * size, m * run["d"]]) / seconds)
        ones.append(1.0)
    scale = np.max(rows, axis=0)
    return nnls(np.array(rows) / scale, np.array(ones))[0] / scale


def counted(log):
    """Circles of warm-up and averaged SGD, in units of n / rho^2."""
    start, (warm_up, work) = last_event(read_log(log), "start"), circles_of(log)
    return [curves * start["tol"] ** 2 / start["n_targets"] for curves in (warm_up["curves"], work["one_pass_curves"])]


def on_a_rank(n, d, m, cost):
    """step(n, m)."""
    a, b, c = cost
    return a * n * d + m * (b * n * d + c * d)


def kept(n, d, nodes):
    """Bytes of packed targets and of coordinates of other nodes, and whether they stay between scans."""
    size = 5 * n * d + 4 * n * d * (nodes - 1) / nodes
    return size, size <= KEPT


def step(n, d, circles, nodes, cost):
    """Seconds of a step by its parts."""
    stays, others = kept(n, d, nodes)[1], n * (nodes - 1) / nodes
    return {"products": on_a_rank(n, d, max(circles / (CORES * nodes), 1.0), cost),
            "packing": 0 if stays else PACK * n * d,
            "memory": CORES * n * (d + 8) / MEMORY, "network": (16 + (0 if stays else 4 * d)) * others / NETWORK,
            "messages": (nodes + 4 * math.log2(CORES * nodes)) * LATENCY}  # fmt: skip


def seconds_of(parts):
    return max(parts["products"] + parts["packing"], parts["memory"], parts["network"]) + parts["messages"]


def row(n, d, rho, nodes, cost, counts):
    """A row of the table, and its seconds."""
    per_step = [count * n / rho**2 / STEPS for count in counts]
    parts = [step(n, d, circles, nodes, cost) for circles in per_step]
    seconds = STEPS * sum(map(seconds_of, parts)) + 4 * n * d * (nodes - 1) / nodes / NETWORK
    ideal = STEPS * sum(cost[1] * n * d * circles / (CORES * nodes) for circles in per_step)
    largest = max(parts[1], key=parts[1].get)
    size, stays = kept(n, d, nodes)
    memory = size * stays + 16 * n + 8 * n * d / nodes
    return [str(nodes), f"{n:.3g}", f"{per_step[1] / (CORES * nodes):.3g}", f"{seconds:.3g}", f"{ideal / seconds:.0%}",
            largest, f"{parts[1]['network']:.2g}", f"{memory / 2**30:.0f}"]  # fmt: skip


COLUMNS = ("nodes | targets | circles a rank and step | seconds | share of products | largest part of a "
           "step | network in a step, s | memory of a node, GiB")  # fmt: skip


def against_runs(runs, costs):
    """What the model says of the runs from which it comes."""
    rows = []
    for run in runs:
        n, d = run["n"], run["d"]
        seconds = sum(
            steps * on_a_rank(n, d, m / steps, costs[d]) for m, steps in zip(run["circles"], (STEPS, run["steps"]))
        )
        rows.append([f"{n} x {d}", str(run["tol"]), str(run["steps"]), f"{sum(run['circles']):.3g}",
                     f"{seconds:.1f}", f"{sum(run['seconds']):.1f}"])  # fmt: skip
    return bench_record.table("targets | rho | steps | circles | seconds by the model | seconds", rows,
                              title="The model and runs on one core")  # fmt: skip


def tables(costs, counts):
    """Strong and weak growth of both problems."""
    made = []
    for n, d, rho in ((2.56e6, 500, 0.2236), (1e8, 64, 0.4)):
        # Products are as n^2: so many targets that those of a node are as many on any number of nodes
        growing = [n * (nodes / NODES[-1]) ** 0.5 for nodes in NODES]
        for title, targets in (("as many targets", [n] * len(NODES)), ("as many products a node", growing)):
            rows = [row(targets[k], d, rho, nodes, costs[d], counts) for k, nodes in enumerate(NODES)]
            made.append(bench_record.table(COLUMNS, rows, title=f"d = {d}, rho = {rho}: {title}"))
    return made


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-log", default=os.path.join(ROOT, "docs", "figures", "million.jsonl"))
    parser.add_argument("-record", metavar="RECORD.json")
    options = parser.parse_args()
    program, counts = os.path.abspath(os.environ["BRENIER_PROGRAM"]), counted(options.log)
    problems = [(program, n, d, tol) for d, several in MEASURED.items() for n, tol in several]
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        runs = list(pool.map(lambda problem: solved(*problem), problems))
    costs = {d: fit([run for run in runs if run["d"] == d]) for d in MEASURED}
    made = [against_runs(runs, costs), *tables(costs, counts)]
    for d, cost in costs.items():
        print(f"d = {d}: a = {cost[0]:.2e} s, b = {cost[1]:.2e} s, c = {cost[2]:.2e} s")
    for one in made:
        print(f"\n{one['title']}")
        for cells in (one["columns"], *one["rows"]):
            print(f"| {' | '.join(cells)} |")
    if options.record:
        bench_record.write(options.record, made)


if __name__ == "__main__":
    main()
