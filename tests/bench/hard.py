#!/usr/bin/python3
"""Hard distributions of targets with default options: exit codes, seconds, true errors (docs/benchmarks.md).

usage: BRENIER_PROGRAM=build/release/bin/brenier tests/bench/hard.py [-o OUT.json] [-record FILE] [--kinds A,B]
[--sizes 0,1] [--draws 0,1,2] [--first N] [--ranks N] [--most SECONDS] [--keep FOLDER] [-- SOLVER OPTIONS]

Ten kinds, two sizes and three draws of each. rho is what the program reports, "true" an independent count: points of
the Gaussian, each given to the highest plane in double, in two halves whose errors are multiplied, so that noise has
mean 0. Seconds are by the clock, and of processor time a rank. On one rank another program on the machine hardly
lengthens the latter; of several ranks each waits for the others, and waiting counts.
"""
import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time

import h5py
import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "analysis"))
import bench_record  # noqa: E402

RANKS, LIMIT, TRUE_MOST = 2, 60, 0.105


def student(n, d, rng, draw):
    """Student's law of 1, 1.5 and 2 degrees: radius and direction independent, or each axis by itself."""
    freedom = (1.0, 1.5, 2.0)[draw % 3]
    if draw % 2:
        return rng.standard_t(freedom, (n, d))
    return rng.standard_normal((n, d)) / np.sqrt(rng.chisquare(freedom, (n, 1)) / freedom)


def outliers(n, d, rng, draw):
    """One, a few, or many of different distance: 1e2 to 1e6 times the spread."""
    y = rng.standard_normal((n, d))
    far = (1, 3, 8)[draw % 3]
    y[rng.permutation(n)[:far]] *= 10.0 ** rng.uniform(2, 6, (far, 1))
    return y


def pairs(n, d, rng, draw):
    """Pairs of points 1e-6 to 1e-9 apart: one of them, a tenth of all, all."""
    n_pairs = (1, n // 10, n // 2)[draw % 3]
    y = rng.standard_normal((n - n_pairs, d))
    apart = 10.0 ** rng.uniform(-9, -6, (n_pairs, 1))
    return np.concatenate([y, y[:n_pairs] + apart * rng.standard_normal((n_pairs, d))])


def last_bit(n, d, rng, draw):
    """Codes in single precision that come twice, three times, or some of them up to five times, but for their last
    bits."""
    copies = (2, 3, 5)[draw % 3]
    base = rng.standard_normal((-(-n // copies), d)).astype(np.float32)
    shift = rng.choice([-1, 0, 1], (copies, *base.shape)) * (np.arange(copies) > 0)[:, None, None]
    return (base * (1 + shift * np.float32(2.0**-23))).astype(np.float32).reshape(-1, d)[:n]


def clusters(n, d, rng, draw):
    """Clusters whose widths are 1e-2 to 1e-7 of their distances; every third draw of clusters of clusters."""
    k = (8, 25, 60)[draw % 3]
    centre = rng.standard_normal((k, d))
    if draw % 3 == 2:
        centre = centre[rng.integers(0, 6, k)] + 1e-3 * rng.standard_normal((k, d))
    width = 10.0 ** rng.uniform(-7, -2, (k, 1))
    label = rng.integers(0, k, n)
    return centre[label] + width[label] * rng.standard_normal((n, d))


def columns(n, d, rng, draw):
    """Axes scaled from 1e3 to 1e-3, from 1e6 to 1e-6, or at random between, of a normal law or of clusters."""
    decades = (3.0, 6.0, 6.0)[draw % 3]
    exponent = rng.uniform(-1, 1, d) if draw % 3 == 2 else np.linspace(1, -1, d)
    centre = 3 * rng.standard_normal((5, d)) * (draw % 3 != 0)
    return (centre[rng.integers(0, 5, n)] + rng.standard_normal((n, d))) * 10.0 ** (decades * exponent)


def weights(n, d, rng, draw):
    """A mixture; its weights are drawn in weight_of()."""
    centre = 2 * rng.standard_normal((5, d))
    return centre[rng.integers(0, 5, n)] + (0.3, 1.0, 0.1)[draw % 3] * rng.standard_normal((n, d))


def codes(n, d, rng, draw):
    """Bits, one-hot groups with a little noise, and points of a lattice."""
    if draw % 3 == 0:
        return rng.integers(0, 2, (3 * n, d)).astype(np.float64)
    if draw % 3 == 1:
        groups = max(d // 4, 1)
        hot = rng.integers(0, d // groups, (3 * n, groups))
        return np.eye(d // groups)[hot].reshape(3 * n, -1) + 1e-4 * rng.standard_normal((3 * n, d // groups * groups))
    return rng.integers(-3, 4, (3 * n, d)).astype(np.float64)


def sheets(n, d, rng, draw):
    """Clusters that are segments, sheets, or all in one subspace of four to six dimensions."""
    if draw % 3 == 2:
        rank = rng.integers(4, min(d, 6) + 1)
        return (rng.standard_normal((n, rank)) * rng.uniform(0.2, 2, rank)) @ rng.standard_normal((rank, d))
    rank, k = draw % 3 + 1, 6
    centre, basis = 2 * rng.standard_normal((k, d)), rng.standard_normal((k, rank, d))
    label = rng.integers(0, k, n)
    return centre[label] + np.einsum("nr,nrd->nd", rng.uniform(-1, 1, (n, rank)), basis[label])


def mixed(n, d, rng, draw):
    """A part of each of four other kinds, side by side, with unequal weights."""
    parts = ((clusters, student, pairs, sheets), (outliers, last_bit, clusters, weights),
             (columns, pairs, sheets, codes))
    rest = n
    rows = []
    for make in parts[draw % 3]:
        part = make(n // 4 if rest > 2 * (n // 4) else rest, d, rng, int(rng.integers(3)))[:rest, :d]
        part = np.pad(part, ((0, 0), (0, d - part.shape[1])))
        width = np.median(np.linalg.norm(part - np.median(part, 0), axis=1))
        rows.append(part[: n // 4] / width * 10.0 ** rng.uniform(-2, 1)
                    + rng.standard_normal(d))
        rest -= len(rows[-1])
    return np.concatenate(rows)


KINDS = {"student": (student, (4, 1000), (24, 3000)), "outliers": (outliers, (8, 500), (32, 3000)),
         "pairs": (pairs, (16, 501), (5, 2000)), "last bit": (last_bit, (64, 1000), (8, 1500)),
         "clusters": (clusters, (6, 800), (32, 5000)), "columns": (columns, (4, 400), (16, 3000)),
         "weights": (weights, (8, 1000), (48, 4000)), "codes": (codes, (12, 600), (64, 2500)),
         "sheets": (sheets, (4, 600), (20, 3000)), "mixed": (mixed, (10, 800), (40, 4000))}  # fmt: skip


def weight_of(kind, draw, n, rng):
    """Log-uniform over 6 to 8 decades for `weights`, over 2 for `mixed`; else equal."""
    decades = {"weights": (6, 8, 7)[draw % 3], "mixed": 2}.get(kind, 0)
    return 10.0 ** rng.uniform(-decades, 0, n) if decades else None


def problem(kind, size, draw, first):
    make, *sizes = KINDS[kind]
    d, n = sizes[size]
    rng = np.random.default_rng([list(KINDS).index(kind), size, first + draw])
    y = make(n, d, rng, draw)
    if kind == "codes":
        y = np.unique(y, axis=0)
        y = y[rng.permutation(len(y))[:n]]
    return y, weight_of(kind, draw, len(y), rng)


def count(y, h, n_points, rng):
    """How many points of the Gaussian each plane is highest at, in double and about a centre that rounding does not
    see."""
    hits = np.zeros(len(y))
    block = max(1, 20_000_000 // len(y))
    for first in range(0, n_points, block):
        x = rng.standard_normal((min(block, n_points - first), y.shape[1]))
        hits += np.bincount((x @ y.T + h).argmax(1), minlength=len(y))
    return hits / n_points


def true_rho(result):
    """rho without bias, and the deviation of chi2, by points of its own; of a negative estimate of chi2 the root is
    negative, too."""
    with h5py.File(result) as f:
        y, h, nu = f["targets"][:].astype(np.float64), f["heights"][:], f["weights"][:]
    centre = np.median(y, axis=0)
    h = h + 0.0
    n_points = int(np.clip(1000 * np.sqrt(2 * len(y)), 60_000, 150_000))
    rng = np.random.default_rng(987654321)
    one, two = (count(y - centre, h, n_points, rng) for _ in range(2))
    chi2 = np.sum((one - nu) * (two - nu) / nu)
    return np.sign(chi2) * np.sqrt(abs(chi2)), np.sqrt(2 * len(y)) / n_points


def solve(folder, y, w, args):
    """Exit code, seconds, and processor seconds a rank."""
    np.save(os.path.join(folder, "y.npy"), y)
    command = ["timeout", "-k", "2", str(args.most), "mpiexec", "-n", str(args.ranks), os.environ["BRENIER_PROGRAM"],
               "solve", "y.npy", "-o", "r.h5", "-log", "log.jsonl"] + args.extra  # fmt: skip
    for name in ("r.h5", "log.jsonl"):
        if os.path.exists(os.path.join(folder, name)):
            os.remove(os.path.join(folder, name))
    if w is not None:
        np.save(os.path.join(folder, "w.npy"), w)
        command += ["-weights", "w.npy"]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    begun, before = time.time(), resource.getrusage(resource.RUSAGE_CHILDREN)
    with open(os.path.join(folder, "out.txt"), "w", encoding="utf-8") as out:
        done = subprocess.run(command, cwd=folder, env=environment, stdout=out, stderr=out, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"exit": done.returncode, "seconds": time.time() - begun, "processor": used / args.ranks}


def measure(folder, row):
    result = os.path.join(folder, "r.h5")
    row.update(rho=np.nan, true=np.nan, deviation=np.nan, empty=-1, status="none")
    if os.path.exists(result):
        with h5py.File(result) as f:
            row.update(rho=float(f.attrs["rho"]), status=str(f.attrs["status"]))
        row["true"], row["deviation"] = map(float, true_rho(result))
    # two deviations of chi2 are the estimate's own
    chi2 = np.sign(row["true"]) * row["true"] ** 2
    in_time = min(row["seconds"], row["processor"]) <= LIMIT
    row["ok"] = bool(row["exit"] == 0 and in_time and chi2 - 2 * row["deviation"] < TRUE_MOST**2)
    return row


def table(rows):
    """A line for each kind and size: its draws side by side."""

    def beside(draws, name, form):
        return ", ".join("-" if draw[name] != draw[name] else form.format(draw[name]) for draw in draws)

    lines = []
    for kind, d, n in dict.fromkeys((row["kind"], row["dim"], row["n"]) for row in rows):
        draws = [row for row in rows if (row["kind"], row["dim"], row["n"]) == (kind, d, n)]
        lines.append([kind, d, f"{n:,}", beside(draws, "exit", "{}"), beside(draws, "rho", "{:.3f}"),
                      beside(draws, "true", "{:.3f}"), beside(draws, "seconds", "{:.0f}"),
                      beside(draws, "processor", "{:.0f}")])  # fmt: skip
    return bench_record.table("kind | d | n | exit | rho | true rho | seconds | processor s", lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", default="hard.json")
    parser.add_argument("-record", metavar="FILE", help="writes a record of docs/benchmarks/")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--sizes", default="0,1")
    parser.add_argument("--draws", default="0,1,2")
    parser.add_argument("--first", type=int, default=1, help="first of the draws' seeds")
    parser.add_argument("--ranks", type=int, default=RANKS)
    parser.add_argument("--most", type=float, default=2 * LIMIT, metavar="SECONDS", help="a solve is ended after")
    parser.add_argument("--keep", help="folder that keeps what each solve left")
    parser.add_argument("extra", nargs="*", help="options for the solver, behind --")
    args = parser.parse_args()
    about, rows = bench_record.machine() if args.record else None, []
    print("| kind | d | n | draw | exit | seconds | of processor | rho | true | |\n" + "|---" * 10 + "|", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        for kind in args.kinds.split(","):
            for size in map(int, args.sizes.split(",")):
                for draw in map(int, args.draws.split(",")):
                    folder = os.path.join(args.keep,
                                          f"{kind}-{size}-{draw}".replace(" ", "_")) if args.keep else temporary
                    os.makedirs(folder, exist_ok=True)
                    y, w = problem(kind, size, draw, args.first)
                    row = measure(folder, solve(folder, y, w, args))
                    rows.append(dict(row, kind=kind, dim=y.shape[1], n=len(y), draw=args.first + draw))
                    print(f"| {kind} | {y.shape[1]} | {len(y)} | {args.first + draw} | {row['exit']} | "
                          f"{row['seconds']:.0f} | "
                          f"{row['processor']:.0f} | {row['rho']:.3f} | {row['true']:.3f} | "
                          f"{'' if row['ok'] else 'fails'} |",
                          flush=True)  # fmt: skip
    print(f"{sum(r['ok'] for r in rows)} of {len(rows)} hold")
    with open(args.o, "w", encoding="utf-8") as file:
        json.dump(rows, file, indent=1)
    if args.record:
        bench_record.write(args.record, [table(rows)], about=about)
    return 0


if __name__ == "__main__":
    sys.exit(main())
