#!/usr/bin/python3
"""Newton's iterations, evaluations and seconds on mixtures and images: the table of docs/devlog/2026-11.md.

usage: BRENIER_PROGRAM=build/release/bin/brenier tests/bench/newton.py [-o OUT.json] [--draws N] [-- SOLVER OPTIONS]

mixture: ten clusters, each near its own linear subspace of dimension d/4 (at least 2), noise 0.1. tight: ten balls of
standard deviation 0.1 around centres of standard deviation 2. 1,500 targets, 4 circles a target; images: 3,000
Fashion-MNIST codes, d = 64, 4 circles a target; cube: the mixtures with 16 chords a target. Stops at an in-sample L1
residual of 2e-2.
"""
import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

IMAGES = "/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz"
RESIDUAL = 2e-2


def mixture(n, d, rng):
    centre = rng.standard_normal((10, d)) * 2
    label = rng.integers(0, 10, n)
    rank = max(2, d // 4)
    basis = rng.standard_normal((10, rank, d)) / np.sqrt(rank)
    along = np.einsum("nr,nrd->nd", rng.standard_normal((n, rank)), basis[label])
    return centre[label] + along + 0.1 * rng.standard_normal((n, d))


def tight(n, d, rng):
    centre = rng.standard_normal((10, d)) * 2
    return centre[rng.integers(0, 10, n)] + 0.1 * rng.standard_normal((n, d))


def images(n, d, rng):
    raw = gzip.open(IMAGES).read()
    x = np.frombuffer(raw, np.uint8, offset=16).reshape(-1, 784).astype(np.float32) / 255
    _, v = np.linalg.eigh(np.cov(x.T))
    y = ((x - x.mean(0)) @ v[:, ::-1][:, :d]).astype(np.float32)
    return y[rng.permutation(len(y))[:n]]


def solve(folder, y, source, curves, extra):
    """Runs one solve; returns its last iteration and how it ended."""
    np.save(os.path.join(folder, "y.npy"), y)
    log = os.path.join(folder, "log.jsonl")
    command = ["mpiexec", "-n", "2", os.environ["BRENIER_PROGRAM"], "solve", "y.npy", "-o", "r.h5", "-source", source]
    command += ["-curves", str(curves), "-held_out_curves", "4096", "-l1_tol", str(RESIDUAL), "-max_it", "20", "-log",
                log]
    done = subprocess.run(command + extra, cwd=folder, capture_output=True, text=True, timeout=600)
    events = [json.loads(line) for line in open(log)]
    start = max(i for i, e in enumerate(events) if e["event"] == "iteration" and e["iteration"] == 0)
    steps = [e for e in events[start:] if e["event"] == "iteration"]
    warm = sum(e["warm_up_seconds"] for e in events if e["event"] == "warm_up")
    before = [e for e in events[:start] if e["event"] == "iteration"]
    return {"iterations": int(steps[-1]["iteration"]), "evaluations": int(steps[-1]["evaluations"]),
            "start_iterations": int(before[-1]["iteration"]) if before else 0,
            "seconds": steps[-1]["solver_seconds"], "warm_up_seconds": warm, "l1": steps[-1]["l1"],
            "linear": int(sum(e["linear_iterations"] for e in steps)), "exit": done.returncode}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", default="newton.json")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("extra", nargs="*", help="options for the solver, behind --")
    args = parser.parse_args()
    cases = [(f.__name__, "gaussian", f, 1500, d, 6000) for f in (mixture, tight) for d in (2, 3, 8, 32)]
    cases += [("images", "gaussian", images, 3000, 64, 12000)]
    cases += [("mixture", "cube", mixture, 1500, d, 24000) for d in (2, 8, 32, 64)]
    rows = []
    print(
        "| targets | source | d | draw | iterations | evaluations | linear | seconds | warm-up, s | L1 |\n"
        + "|---" * 10
        + "|"
    )
    with tempfile.TemporaryDirectory() as folder:
        for name, source, make, n, d, curves in cases:
            for draw in range(1, args.draws + 1):
                try:
                    r = solve(folder, make(n, d, np.random.default_rng(draw)), source, curves, args.extra)
                except subprocess.TimeoutExpired:
                    print(f"| {name} | {source} | {d} | {draw} | not in 600 s |")
                    continue
                rows.append(dict(r, targets=name, source=source, dim=d, draw=draw))
                reached = "" if r["l1"] <= RESIDUAL else " (not reached)"
                print(f"| {name} | {source} | {d} | {draw} | {r['iterations']} | {r['evaluations']} | {r['linear']} | "
                      f"{r['seconds']:.1f} | {r['warm_up_seconds']:.1f} | {r['l1']:.1e}{reached} |", flush=True)
    with open(args.o, "w", encoding="utf-8") as file:
        json.dump(rows, file, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
