#!/usr/bin/python3
"""Speed of scans on a device beside that of the processor, and a model of other sizes.

usage: BRENIER_PROGRAM=build/release/bin/brenier tests/bench/device.py [--sizes N:D:C,...] [--ranks P] [--threads T]
[--device-ranks P] [--device-threads T] [--processor-time] [-record FILE]
       tests/bench/device.py --model --peak TOPS --share S --bus GB --cpu GOPS --circle-us T [--dim D]

For each size, N targets in dimension D from ten normal clusters, heights of a short solve (20 s at most), and P C
circles: a scan that makes candidate lists, on the processor (P ranks of T threads), then with -device gpu, and one of
64 circles that measures. Prints a table: circles a second of both; of the device also operations of the products a
second in its kernels, their share of the rate that it reaches on registers alone, and bytes over the bus a circle.
Heights and masses of both must be the same to the bit, else the exit code is 1.

--processor-time is for a device that is a processor, PoCL's `basic`, on a machine with other work: seconds are then
processor time, that of C circles less that of C/4 circles. The operations a second then count all work of a circle,
not the kernels alone, and there is no share of the peak, which the device's clock measures.

--model prints circles a second for n = 10^5 to 10^7, and from which n on the device is faster. Of a circle all cores
together take T microseconds for what is not a product (drawing, candidates, bounds, envelope), before or after the
device, which overlaps products and the bus. 4 n d operations are products. Bytes over the bus: 10 d for its vectors,
1,180 for its bounds of u and 12 for the answer in each step of 16,384 targets, 12 for each of the 100 pairs that are
found. Starts of kernels are taken to be hidden by those of the other parts of the curves.
"""
import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile

import h5py
import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "analysis"))
import bench_record  # noqa: E402

START_SECONDS = 20
RANGE, BOUNDS, ANSWER, PAIRS, PAIR = 16384, 1180, 12, 100, 12
COLUMNS = ("targets, d, circles | circles a second: processor | device | ratio | products, Gop/s | of the peak | "
           "kB to it a circle | kB back | same bits")  # fmt: skip


def processor_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(folder, curves, ranks, threads, *options):
    """Events `work` and `device` of a run, its processor time, its heights and masses."""
    start = ["mpiexec", "--bind-to", "none", "-n", str(ranks)] if ranks > 1 else []
    words = [*start, os.environ["BRENIER_PROGRAM"], "solve", "y.npy", "-o", "r.h5", "-curves", str(curves),
             "-check_curves", "64", "-max_it", "0", "-warm_up", "0", "-log", "l", "-threads", str(threads),
             *options]  # fmt: skip
    # The heights to begin with leave the hierarchy out, whose scans are of few targets
    begin = os.path.join(folder, "start.h5")
    words += ["-start", "start.h5"] if os.path.exists(begin) else ["-max_time", str(START_SECONDS)]
    if os.path.exists(os.path.join(folder, "l")):
        os.remove(os.path.join(folder, "l"))
    before = processor_seconds()
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 6):
        sys.exit(f"{' '.join(words)}\nexit code {done.returncode}\n{done.stdout}\n{done.stderr}")
    with open(os.path.join(folder, "l"), encoding="utf-8") as file:
        events = {e["event"]: e for e in map(json.loads, file)}
    with h5py.File(os.path.join(folder, "r.h5")) as file:
        bits = file["heights"][()].tobytes() + file["mass"][()].tobytes()
    return events.get("work"), events.get("device"), processor_seconds() - before, bits


def by_clock(folder, curves, where):
    """Circles a second, seconds of the products, the device's event, bits."""
    work, device, _, bits = run(folder, curves, *where)
    return work["scans"] * curves / work["scan_seconds"], device and device["product_seconds"], device, bits


def by_processor_time(folder, curves, where):
    """The same, from the difference of two runs; the products have all of its time."""
    _, fewer, before, _ = run(folder, curves // 4, *where)
    work, device, after, bits = run(folder, curves, *where)
    circles, seconds = work["scans"] * (curves - curves // 4), after - before
    if not device:
        return circles / seconds, None, None, bits
    more = device["products"] - fewer["products"]
    return circles / seconds, seconds * device["products"] / more, {**device, "peak_products": 0}, bits


def measure(n, dim, curves, args):
    """A row of the table, the device's name, and whether the bits are the same."""
    rng = np.random.default_rng(1)
    centre = 2 * rng.standard_normal((10, dim))
    take = by_processor_time if args.processor_time else by_clock
    with tempfile.TemporaryDirectory() as folder:
        y = centre[rng.integers(0, 10, n)] + rng.standard_normal((n, dim))
        np.save(os.path.join(folder, "y.npy"), y.astype(np.float32))
        run(folder, 64, args.ranks, args.threads)
        os.rename(os.path.join(folder, "r.h5"), os.path.join(folder, "start.h5"))
        curves *= args.ranks
        cpu, _, _, plain = take(folder, curves, (args.ranks, args.threads))
        rate, seconds, device, bits = take(folder, curves, (args.device_ranks, args.device_threads, "-device", "gpu"))
    circles = device["products"] / (4 * n * dim)
    products, peak = device["products"] / seconds, device["peak_products"]
    row = [f"{n:,}, {dim}, {curves:,}", f"{cpu:,.0f}", f"{rate:,.0f}", f"{rate / cpu:.2f}", f"{products / 1e9:,.1f}",
           f"{products / peak:.0%} of {peak / 1e9:,.0f}" if peak else "",
           f"{device['bytes_to'] / circles / 1e3:.1f}", f"{device['bytes_from'] / circles / 1e3:.1f}",
           "yes" if bits == plain else "NO"]  # fmt: skip
    return row, device["name"], bits == plain


def show(cells):
    print(f"| {' | '.join(cells)} |", flush=True)


def measure_all(args):
    """Prints the rows as they come; returns whether all have the same bits."""
    about = bench_record.machine() if args.record else None
    columns = [name.strip() for name in COLUMNS.split("|")]
    show(columns)
    show(["---"] * len(columns))
    rows, same = [], True
    for size in args.sizes.split(","):
        row, name, is_same = measure(*map(int, size.split(":")), args)
        show(row)
        rows.append(row)
        same = same and is_same
    print(f"the device: {name}")
    if args.record:
        bench_record.write(args.record, [bench_record.table(COLUMNS, rows)], [f"The device: {name}."], about=about)
    return same


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
    parser.add_argument("--processor-time", action="store_true")
    parser.add_argument("-record", metavar="FILE", help="writes a record of docs/benchmarks/")
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
    sys.exit(0 if measure_all(args) else 1)


if __name__ == "__main__":
    main()
