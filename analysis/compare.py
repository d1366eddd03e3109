#!/usr/bin/python3
"""Compares Brenier with the solvers of POT on the same measures: time, memory, cost and masses of the map.

usage: compare.py -o FIGURE.png [-table TABLE.md] [-record RECORD.json] [-n TARGETS] [-samples M] [-fresh N]
       [-program BRENIER]

Targets: two moons and 25 Gaussians in the plane (plane_targets.py), a mixture in 16 dimensions; source N(0, I).
Methods: the linear program (ot.emd) and Sinkhorn at a few epsilon on M points of the source, averaged stochastic
gradient on the semi-dual (ot.stochastic), brenier solve: by curves to a tolerance, and in the plane by exact cells,
too. Each on one core, whose time is told: wall time would tell who else was busy.

Every method leaves a potential g on the targets, and with it a map of every x: the target where g_j - |x - y_j|^2 / 2
is largest, or for epsilon > 0 target j with probability proportional to nu_j exp((g_j - |x - y_j|^2 / 2) / epsilon),
which is how Sinkhorn's plan extends beyond its sample (Seguy et al., ICLR 2018). All are measured alike, on N fresh
points that none has seen:
    rho   root-mean-square relative error of the masses of the targets, without bias, as brenier check has it; what
          N points cannot tell from 0 is given as below that. Of the plan, and of the map by the largest alone;
    dual  the lower bound of W2^2/2 that g gives, the mean of min_j |x - y_j|^2 / 2 - g_j and of g;
    cost  half the mean squared distance that the map moves x;
    blur  root-mean-square distance from the target to the mean that barycentric projection puts in its place.
"""
import argparse
import os
import subprocess
import sys
import tempfile

import numpy as np

import bench_record
import plane_targets
from brenier_files import BadFile, read_result, run
from figure_style import BLUE, GREY, INK, ORANGE, new_figure, percent, save

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
PROGRAM = os.path.join(ROOT, "build", "release", "bin", "brenier")
LAUNCH = 'export BRENIER_RANKS=1; . "$0/tools/mpi-environment.sh"; exec mpiexec -n 1 "$@"'
FRESH_SEED = 1234
BLOCK = 4096
DRAWN = 1500  # points in a panel of the figure
PALE = "#BBBBBB"


def mixture(n, rng, dim=16, parts=8):
    """Normal clusters of unequal width."""
    centre, width = 1.5 * rng.standard_normal((parts, dim)), rng.uniform(0.1, 0.6, parts)
    label = np.arange(n) % parts
    return centre[label] + width[label, None] * rng.standard_normal((n, dim)), label


PROBLEMS = {"25 Gaussians, d = 2": plane_targets.gaussians, "two moons, d = 2": plane_targets.moons,
            "mixture, d = 16": mixture}  # fmt: skip
# name in the table, method of compare_methods.py or brenier, its parameter, samples over those of -samples
METHODS = [("linear program", "emd", 0.0, 1), ("linear program, 4 times the points", "emd", 0.0, 4),
           ("Sinkhorn, eps 0.3", "sinkhorn", 0.3, 1), ("Sinkhorn, eps 0.03", "sinkhorn", 0.03, 1),
           ("averaged SGD, eps 0.05", "asgd", 0.05, 10),
           ("Brenier, tol 0.1", "brenier", 0.1, 0), ("Brenier, tol 0.03", "brenier", 0.03, 0),
           ("Brenier, exact cells", "brenier", 0.0, 0)]  # fmt: skip
IN_FIGURE = ("Sinkhorn, eps 0.3", "Sinkhorn, eps 0.03", "Brenier, tol 0.1")


# ---- running ----


def run_process(command):
    """Runs a command; seconds of processor time, and the peak memory in bytes of its largest process."""
    with tempfile.TemporaryFile("w+") as said:
        one_core = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=said, env=one_core)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode not in (0, 6):  # 6: Brenier did not reach its tolerance; the table tells
            said.seek(0)
            raise BadFile(f"{' '.join(command[-6:])} ended with {child.returncode}: {said.read().strip()[-500:]}")
    return usage.ru_utime + usage.ru_stime, 1024 * usage.ru_maxrss


def solve_pot(folder, targets, method, parameter, samples):
    out = os.path.join(folder, "pot.npz")
    script = os.path.join(HERE, "compare_methods.py")
    command = [sys.executable, script, method, str(parameter), str(samples), targets, "-o", out]
    _, memory = run_process(command)
    with np.load(out) as file:
        return file["dual"], float(file["epsilon"]), float(file["seconds"]), memory


def solve_brenier(folder, targets, tol, program):
    """By exact cells when tol is 0, else by curves. The potential g_j = |y_j|^2 / 2 + h_j, in the order of the targets'
    file; seconds with start-up and its own measurement."""
    result = os.path.join(folder, "r.h5")
    how = ["-cells", "curves", "-tol", str(tol)] if tol > 0 else ["-cells", "exact"]
    seconds, memory = run_process(["bash", "-c", LAUNCH, ROOT, program, "solve", targets, "-o", result, *how])
    r = read_result(result)
    if len(r["/row"]) != len(np.load(targets)):
        raise BadFile(f"{targets}: holds duplicates, which Brenier merges; the comparison needs targets that differ")
    dual = np.empty(len(r["/row"]))
    dual[r["/row"]] = r["/psi"]
    return dual, 0.0, seconds, memory


# ---- measuring ----


def scores(x, y, dual):
    """g_j - |x - y_j|^2 / 2, [points, targets]."""
    return x @ y.T + (dual - 0.5 * np.sum(y**2, axis=1)) - 0.5 * np.sum(x**2, axis=1)[:, None]


def plan(score, epsilon):
    """Probability of each target for each point."""
    if epsilon == 0:
        p = np.zeros_like(score)
        p[np.arange(len(score)), np.argmax(score, axis=1)] = 1
        return p
    p = np.exp((score - score.max(axis=1, keepdims=True)) / epsilon)
    return p / p.sum(axis=1, keepdims=True)


def measure(y, dual, epsilon, n_fresh):
    """rho, dual, cost and blur of a potential, weights being equal; two batches make rho unbiased."""
    dim, n = y.shape[1], len(y)
    rng, square = np.random.default_rng(FRESH_SEED), np.sum(y**2, axis=1)
    batch, bound, cost, blur = [], 0.0, 0.0, 0.0
    for _ in range(2):
        mass, left = np.zeros((2, n)), n_fresh // 2  # of the plan, of the map
        while left:
            x = rng.standard_normal((min(BLOCK, left), dim))
            score = scores(x, y, dual)
            p = plan(score, epsilon)
            mass += p.sum(axis=0), np.bincount(np.argmax(score, axis=1), minlength=n)
            bound -= score.max(axis=1).sum()
            cost += 0.5 * (np.sum(x**2) + np.sum(p @ square)) - np.sum(x * (p @ y))
            blur += np.sum(p @ square) - np.sum((p @ y) ** 2)
            left -= len(x)
        batch.append(mass / (n_fresh // 2) * n - 1)
    n_used = 2 * (n_fresh // 2)
    # the product of two independent batches has the mean rho^2; at rho = 0 its standard deviation is sqrt(n) divided
    # by the points of one
    least = np.sqrt(2 * np.sqrt(n) / (n_fresh // 2))
    rho, rho_map = np.sqrt(np.maximum(0.0, np.mean(batch[0] * batch[1], axis=1)))
    return {"rho": float(rho), "rho_map": float(rho_map), "least": float(least),
            "dual": bound / n_used + float(np.mean(dual)), "cost": cost / n_used,
            "blur": float(np.sqrt(blur / n_used)) if epsilon else 0.0}  # fmt: skip


def compare(y, folder, options):
    """Rows of the table for one problem, with the potentials."""
    targets = os.path.join(folder, "y.npy")
    np.save(targets, y)
    rows = []
    for name, method, parameter, times in METHODS:
        if method == "brenier" and parameter == 0 and y.shape[1] not in (2, 3):
            continue
        if method == "brenier":
            dual, epsilon, seconds, memory = solve_brenier(folder, targets, parameter, options.program)
        else:
            dual, epsilon, seconds, memory = solve_pot(folder, targets, method, parameter, times * options.samples)
        rows.append({"method": name, "seconds": seconds, "memory": memory, "potential": dual, "epsilon": epsilon,
                     **measure(y, dual, epsilon, options.fresh)})  # fmt: skip
        print(row_text(rows[-1]), flush=True)
    return rows


# ---- telling ----

HEAD = "| method | seconds | memory, MB | rho | rho of the map | dual | cost | blur |\n" + "|---" * 8 + "|"


def mass_error(row, name="rho"):
    return percent(row[name]) if row[name] > row["least"] else f"below {percent(row['least'])}"


def cells(row):
    """A row of the table as texts."""
    return [row["method"], f"{row['seconds']:.1f}", f"{row['memory'] / 1e6:.0f}", mass_error(row),
            mass_error(row, "rho_map"), f"{row['dual']:.4f}", f"{row['cost']:.4f}", f"{row['blur']:.2g}"]  # fmt: skip


def row_text(row):
    return f"| {' | '.join(cells(row))} |"


def write_record(path, tables, about):
    columns = HEAD.split("\n")[0].strip("| ")
    bench_record.write(path, [bench_record.table(columns, map(cells, rows), name)
                       for name, rows in tables.items()], about=about)


def write_table(path, tables):
    with open(path, "w", encoding="utf-8") as file:
        for name, rows in tables.items():
            file.write("\n".join([f"**{name}**", "", HEAD, *map(row_text, rows), "", ""]))


def projected(y, row):
    """Where fresh points go: their target, or for a plan the mean of their targets."""
    x = np.random.default_rng(FRESH_SEED + 1).standard_normal((DRAWN, y.shape[1]))
    return plan(scores(x, y, row["potential"]), row["epsilon"]) @ y


def share_outside(y, code):
    """Share of points farther from every target than three widths of the clusters."""
    nearest = np.array([np.min(np.sum((c - y) ** 2, axis=1)) for c in code])
    return np.mean(nearest > (3 * plane_targets.WIDTH) ** 2)


def draw_panel(axes, y, row):
    code = projected(y, row)
    axes.scatter(*y.T, s=9, color=PALE, linewidths=0, zorder=1)
    axes.scatter(*code.T, s=4, color=BLUE if row["epsilon"] == 0 else ORANGE, linewidths=0, zorder=2)
    axes.set_title(row["method"])
    axes.text(0.0, -0.03,
              f"{percent(share_outside(y, code))} of the points lie off the data\nmass error of the "
              f"{'plan' if row['epsilon'] else 'map'} {mass_error(row)}, {row['seconds']:.1f} s",
              transform=axes.transAxes, va="top", color=INK, fontsize=9.5)  # fmt: skip
    axes.set_aspect("equal")
    axes.grid(False)
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)


def draw(tables, targets):
    """One row a plane problem, one column a method."""
    names = [name for name in tables if targets[name].shape[1] == 2]
    figure = new_figure(11.0, 5.4 if len(names) == 1 else 8.6)
    ratios = {"height_ratios": [1.0, 0.62][: len(names)]}
    grid = figure.subplots(len(names), len(IN_FIGURE), squeeze=False, gridspec_kw=ratios)
    for line, name in zip(grid, names):
        for axes, method in zip(line, IN_FIGURE):
            draw_panel(axes, targets[name], next(row for row in tables[name] if row["method"] == method))
    figure.text(
        0.02, 0.012,
        f"Grey: {len(targets[names[0]]):,} targets. Colour: where {DRAWN:,} fresh points of noise go; "
        "for Sinkhorn the barycentric projection of its plan.", color=GREY, fontsize=9.5)  # fmt: skip
    figure.tight_layout(rect=(0, 0.035, 1, 1), h_pad=2.0)
    return figure


def parse(arguments):
    parser = argparse.ArgumentParser(description="Compares Brenier with the solvers of POT.", allow_abbrev=False)
    parser.add_argument("-n", type=int, default=1000, help="targets; default 1000")
    parser.add_argument("-samples", type=int, default=2000,
                        help="points of the source for the discrete solvers; default 2000")
    parser.add_argument("-fresh", type=int, default=200000, help="points on which all are measured; default 200000")
    parser.add_argument(
        "-program", default=os.environ.get("BRENIER_PROGRAM", PROGRAM),
        help="default build/release/bin/brenier")
    parser.add_argument("-table", metavar="MD", help="tables, as Markdown")
    parser.add_argument("-record", metavar="JSON", help="tables, as a record of docs/benchmarks/")
    parser.add_argument("-o", dest="out", required=True, metavar="PNG", help="picture to write")
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parse(arguments)

    def work():
        if not os.path.exists(options.program):
            raise BadFile(f"{options.program}: no such program; build Brenier, or name it behind -program")
        targets = {name: make(options.n, np.random.default_rng(1))[0] for name, make in PROBLEMS.items()}
        tables, about = {}, bench_record.machine(options.program) if options.record else None
        with tempfile.TemporaryDirectory() as folder:
            for name, y in targets.items():
                print(f"\n{name}\n{HEAD}", flush=True)
                tables[name] = compare(y, folder, options)
                # after each problem: who stops it keeps what there is
                if options.table:
                    write_table(options.table, tables)
                if any(targets[done].shape[1] == 2 for done in tables):
                    save(draw(tables, targets), options.out)
        if options.record:
            write_record(options.record, tables, about)

    return run("compare", work)


if __name__ == "__main__":
    sys.exit(main())
