#!/usr/bin/python3
"""Seconds to a held-out rho of all methods, on the same targets, ranks and machine.

usage: BRENIER_PROGRAM=build/release/bin/brenier tests/bench/methods.py TARGETS [-tol RHO] [-limit SECONDS] [-ranks P]
[-o OUT.json]

Each method runs `brenier solve TARGETS -tol RHO -method NAME`. Seconds are those of the whole command, reading and the
last measurement included; adam and asgd are given points, asgd curves too. adam and asgd double their samples until the
tolerance is met: what counts for them is the epoch that met it, its measurement included, so that they do not pay for
not knowing the number.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

METHODS = [("newton",), ("lmvm",), ("cg",), ("ntr",), ("asgd",), ("asgd", "-sample", "curves"), ("adam",)]


def run(args, method, log):
    """What came out, or None when the time was up."""
    command = ["mpiexec", "-n", str(args.ranks), os.environ["BRENIER_PROGRAM"], "solve", args.targets, "-o",
               log + ".h5",
               "-tol", str(args.tol), "-method", *method, "-log", log]  # fmt: skip
    if os.path.exists(log):
        os.remove(log)
    begun = time.time()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as solve:
        try:
            solve.wait(args.limit)
        except subprocess.TimeoutExpired:
            solve.terminate()  # mpiexec ends its ranks, which a kill would leave running beside the next method
            solve.wait()
    seconds = time.time() - begun
    with open(log, encoding="utf-8") as file:
        events = [json.loads(line) for line in file if line.endswith("}\n")]
    measured = [event for event in events if event["event"] == "held_out"]
    steps = [event for event in events if event["event"] == "iteration"]
    # without the steps of averaged SGD
    newton = [event for event in steps if event["damping"] > 0] or steps
    work = [event for event in events if event["event"] == "work"]
    row = {"seconds": None, "all_seconds": seconds, "rho_high": None, "curves": steps[-1]["curves"] if steps else None,
           "iterations": newton[-1]["iteration"] if newton else None,
           "scans": work[-1]["scans"] if work else None}  # fmt: skip
    if not measured:
        return row
    begin = measured[-2]["seconds"] if len(measured) > 1 and method[0] in ("asgd", "adam") else 0.0
    met = measured[-1]["rho_high"] <= args.tol and seconds <= args.limit
    return dict(row, seconds=seconds - begin if met else None, rho_high=measured[-1]["rho_high"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets")
    parser.add_argument("-tol", type=float, default=0.2)
    parser.add_argument("-limit", type=float, default=60.0)
    parser.add_argument("-ranks", type=int, default=2)
    parser.add_argument("-o", default="methods.json")
    args = parser.parse_args()
    rows = []
    print("| method | seconds | rho, upper end | samples in all |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for number, method in enumerate(METHODS):
            row = run(args, method, os.path.join(folder, f"{number}.jsonl"))
            rows.append(dict(row, method=" ".join(method)))
            seconds = f"{row['seconds']:.1f}" if row["seconds"] else f"not in {args.limit:.0f}"
            rho = f"{row['rho_high']:.3f}" if row["rho_high"] else ""
            samples = f"{row['curves']:,.0f}" if row["curves"] else ""
            print(f"| {' '.join(method)} | {seconds} | {rho} | {samples} |", flush=True)
    with open(args.o, "w", encoding="utf-8") as file:
        json.dump(rows, file, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
