#!/usr/bin/python3
"""Speed of scans on a device beside that of the processor, and a model of other sizes.

usage: BRENIER_PROGRAM=build/release/bin/brenier tests/bench/device.py [--sizes N:D:C,...] [--ranks P] [--threads T]
[--device-ranks P] [--device-threads T]
       tests/bench/device.py --model --peak TOPS --share S --bus GB --cpu GOPS --circle-us T [--dim D]

For each size, N targets in dimension D from ten normal clusters and P C circles: one scan that makes candidate lists,
on the processor (P ranks of T threads), then with -device gpu. Prints a line of JSON: circles a second of both; of the
device also bytes over the bus a circle, operations of the products a second in its kernels, and their share of the
rate that it reaches on registers alone. Heights of both runs must be the same to the bit.

--model prints circles a second for n = 10^5 to 10^7, and from which n on the device is faster. Of a circle all cores
together take T microseconds for what is not a product (drawing, candidates, bounds, envelope), before or after the
device, which overlaps products and the bus. 4 n d operations are products. Bytes over the bus: 10 d for its vectors,
1,180 for its bounds of u and 12 for the answer in each step of 16,384 targets, 12 for each of the 100 pairs that are
found.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import h5py
import numpy as np

RANGE, BOUNDS, ANSWER, PAIRS, PAIR = 16384, 1180, 12, 100, 12


def run(folder, curves, ranks, threads, *options):
    """Events `work` and `device` of a run, and its heights."""
    words = ["mpiexec", "--bind-to", "none", "-n", str(ranks), os.environ["BRENIER_PROGRAM"], "solve", "y.npy", "-o",
             "r.h5", "-curves", str(curves), "-check_curves", "64", "-max_it", "0", "-warm_up", "0", "-log",
             "l", "-threads", str(threads), *options]  # fmt: skip
    if os.path.exists(os.path.join(folder, "l")):
        os.remove(os.path.join(folder, "l"))
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    if done.returncode not in (0, 6):
        sys.exit(f"{' '.join(words)}\nexit code {done.returncode}\n{done.stdout}\n{done.stderr}")
    with open(os.path.join(folder, "l"), encoding="utf-8") as file:
        events = {e["event"]: e for e in map(json.loads, file)}
    with h5py.File(os.path.join(folder, "r.h5")) as file:
        heights = file["heights"][()].tobytes()
    return events["work"], events.get("device"), heights


def measure(n, dim, curves, args):
    rng = np.random.default_rng(1)
    centre = 2 * rng.standard_normal((10, dim))
    with tempfile.TemporaryDirectory() as folder:
        y = centre[rng.integers(0, 10, n)] + rng.standard_normal((n, dim))
        np.save(os.path.join(folder, "y.npy"), y.astype(np.float32))
        curves *= args.ranks
        cpu, _, plain = run(folder, curves, args.ranks, args.threads)
        gpu, device, heights = run(folder, curves, args.device_ranks, args.device_threads, "-device", "gpu")
    rate = device["products"] / device["product_seconds"]
    scanned = gpu["scans"] * curves
    return {"targets": n, "dim": dim, "device": device["name"],
            "circles_a_second": {"processor": cpu["scans"] * curves / cpu["scan_seconds"],
                                 "device": scanned / gpu["scan_seconds"]},
            "product_gops": rate / 1e9, "peak_gops": device["peak_products"] / 1e9,
            "share": rate / device["peak_products"] if device["peak_products"] else None,
            "bytes_to_a_circle": device["bytes_to"] / scanned, "bytes_from_a_circle": device["bytes_from"] / scanned,
            "kernel_seconds": device["kernel_seconds"], "product_seconds": device["product_seconds"],
            "same_bits": plain == heights if args.ranks == args.device_ranks else None}  # fmt: skip


def model(args):
    print("n | circles a second: processor | device | most of its time")

    def seconds(n):
        """Of a circle: on the processor, with a device, and what takes most of the latter."""
        products, other = 4 * n * args.dim, 1e-6 * args.circle_us
        steps = n / RANGE + 4
        sent = 10 * args.dim + steps * (BOUNDS + ANSWER) + PAIRS * PAIR
        parts = {"products": products / (args.peak * 1e12 * args.share), "bus": sent / (args.bus * 1e9)}
        most = max(parts, key=parts.get)
        return products / (args.cpu * 1e9) + other, parts[most] + other, "host" if other > parts[most] else most

    for n in (100_000, 300_000, 1_000_000, 3_000_000, 10_000_000):
        cpu, device, most = seconds(n)
        print(f"{n:,} | {1 / cpu:,.0f} | {1 / device:,.0f} | {most}")
    n = 1000
    while n < 1e9 and seconds(n)[0] < 1.2 * seconds(n)[1]:
        n = int(1.05 * n)
    print(f"the device is 1.2 times as fast from n = {n:,} on" if n < 1e9 else "the device is never 1.2 times as fast")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="60000:64:2048", help="targets:dimension:circles a rank, by commas")
    parser.add_argument("--ranks", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device-ranks", type=int, default=1)
    parser.add_argument("--device-threads", type=int, default=1)
    parser.add_argument("--model", action="store_true")
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--peak", type=float, help="10^12 operations in bytes a second that the device can do")
    parser.add_argument("--share", type=float, help="what the kernel reaches of it")
    parser.add_argument("--bus", type=float, help="10^9 bytes a second")
    parser.add_argument("--cpu", type=float, help="10^9 operations of products a second of all cores together")
    parser.add_argument("--circle-us", type=float, help="microseconds of a circle beside products, on all cores")
    args = parser.parse_args()
    if args.model:
        if None in (args.peak, args.share, args.bus, args.cpu, args.circle_us):
            parser.error("--model needs --peak, --share, --bus, --cpu and --circle-us")
        model(args)
        return
    for size in args.sizes.split(","):
        n, dim, curves = map(int, size.split(":"))
        print(json.dumps(measure(n, dim, curves, args)), flush=True)


if __name__ == "__main__":
    main()
