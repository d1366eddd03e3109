#!/usr/bin/python3
"""Runs of single commands for docs/benchmarks.md: their seconds, curves, errors and memory.

usage: tests/bench/solves.py [-record FILE] [-small] NAME

NAME is one of
    quickstart, quickstart_small  ./quickstart in a new copy of the repository, build included
    tolerance                     60,000 Fashion-MNIST codes to 0.1 and 0.05, checks, averaged SGD on points, the cube
    million                       a million targets in 64 dimensions to 0.4, with a checkpoint
    latents                       few targets in thousands of dimensions, as latent codes and pixels are
    memory                        3,000 targets to 0.03, with and without a bound on the memory
    exact_large                   exact cells of many targets in the plane and in space
    samples                       samples of the 60,000 codes
Prints the table, and with -record writes a record (analysis/bench_record.py). Two ranks; the program is BRENIER_PROGRAM
or build/release/bin/brenier. -small: a few hundred targets, to see that a run works; its figures say nothing.
"""
import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "..", "analysis")]
import bench_record  # noqa: E402
import targets  # noqa: E402
from brenier_files import last_event, read_log, read_result  # noqa: E402

ROOT, PROGRAM = bench_record.ROOT, os.path.abspath(bench_record.PROGRAM)
LAUNCH = f'. "{ROOT}/tools/mpi-environment.sh"; exec mpiexec -n 2 "$@"'
IMAGES = "/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz"


class Run:
    """One command: its seconds, the bytes of its largest process, and the events of its log."""

    def __init__(self, text, folder, code=(0,)):
        log = os.path.join(folder, "run.jsonl")
        command = ["bash", "-c", LAUNCH, "bash", PROGRAM, *shlex.split(text)[1:], "-log", log]
        begun, self.text = time.monotonic(), text
        with tempfile.TemporaryFile("w+") as said:
            child = subprocess.Popen(command, cwd=folder, env={**os.environ, "BRENIER_RANKS": "2"},
                                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said)  # fmt: skip
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            self.seconds, self.memory = time.monotonic() - begun, 1024 * usage.ru_maxrss
            if child.returncode not in code:
                said.seek(0)
                sys.exit(f"{text}: exit code {child.returncode}: {said.read().strip()[-500:]}")
        self.events = read_log(log)

    def of(self, event, name):
        found = last_event(self.events, event)
        return found.get(name) if found else None

    def rho(self, digits=4):
        """rho with its interval, of the last measurement."""
        event = last_event(self.events, "held_out") or last_event(self.events, "check")
        return f"{event['rho']:.{digits}f} ({event['rho_low']:.{digits}f} to {event['rho_high']:.{digits}f})"

    def curves(self):
        """All curves of the steps, or those of a check."""
        return self.of("iteration", "curves") or self.of("check", "curves")


def has_images():
    return os.path.exists(IMAGES)


def fashion_codes(folder, small, dim=64):
    """images.h5 and codes.h5 of Fashion-MNIST in a folder."""
    if not has_images():
        sys.exit(f"{IMAGES} is not there; the Debian package dataset-fashion-mnist holds it")
    images, labels = IMAGES, IMAGES.replace("images-idx3", "labels-idx1")
    convert = [sys.executable, os.path.join(ROOT, "analysis", "idx_to_hdf5.py"), images, labels, "-o", "images.h5"]
    subprocess.run(convert + (["-n", "300"] if small else []), cwd=folder, check=True, stdout=subprocess.DEVNULL)
    Run(f"brenier encode images.h5:/images -dim {8 if small else dim} -o codes.h5", folder)


def code(text):
    return f"`{text}`"


# ---- what is measured ----


def quickstart(folder, small, extra=""):
    """In a copy of what git has, so that nothing is built there before."""
    place = os.path.join(folder, "brenier")
    subprocess.run(["git", "clone", "-q", ROOT, place], check=True)
    environment = {**os.environ, "CCACHE_DISABLE": "1"}
    environment.pop("BRENIER_BUILD", None)
    if small:  # with the build that is there
        environment["BRENIER_BUILD"] = os.path.dirname(os.path.dirname(PROGRAM))
    begun = time.monotonic()
    subprocess.run(["./quickstart", os.path.join(folder, "out"), *extra.split()], cwd=place, env=environment,
                   check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)  # fmt: skip
    seconds = time.monotonic() - begun
    event = last_event(read_log(os.path.join(folder, "out", "check.jsonl")), "check")
    of = "(2,000 images, d = 16)" if extra else "(60,000 images, d = 32)"
    rho = "{rho:.1%} ({rho_low:.1%} to {rho_high:.1%})".format(**event)
    name = code(f"./quickstart {extra}".strip())
    return bench_record.table("command | seconds | rho of `brenier check`",
                              [[f"{name} {of}, build included", f"{seconds:.0f}", rho]])  # fmt: skip


def quickstart_small(folder, small):
    return quickstart(folder, small, "-small")


def tolerance(folder, small):
    fashion_codes(folder, small)
    few = {"0.1": "0.5", "0.05": "0.4", "0.2": "0.6", "120000": "500", "400000": "500", "17000000": "20000",
           "100000": "500"}  # fmt: skip
    rows = []
    for text in ("solve codes.h5:/codes -o r.h5 -tol 0.1", "check r.h5 -seed 77 -curves 120000 -tol 0.1",
                 "solve codes.h5:/codes -o r.h5 -tol 0.05", "check r.h5 -seed 77 -curves 400000 -tol 0.05",
                 "solve codes.h5:/codes -o r.h5 -method asgd -curves 17000000 -held_out_curves 100000",
                 "solve codes.h5:/codes -source cube -tol 0.2 -o cube.h5"):  # fmt: skip
        words = [few.get(word, word) for word in text.split()] if small else text.split()
        run = Run("brenier " + " ".join(words), folder, (0, 6))
        kind = " points" if "asgd" in text else " chords" if "cube" in text else ""
        scans = run.of("work", "scans")
        rows.append([code(run.text), f"{run.seconds:.0f}", f"{run.curves():,.0f}{kind}", run.rho(),
                     f"{scans:.2f}" if scans else ""])  # fmt: skip
    return bench_record.table("command | seconds, all in all | curves | rho, 95% interval | scans", rows)


def million(folder, small):
    write_targets(folder, "million.npy", 500 if small else 1000000, 64)
    run = Run("brenier solve million.npy -o r.h5 -tol 0.4 -memory 11 -checkpoint run.ckpt", folder, (0, 6))
    n, warm = run.of("start", "n_targets"), run.of("warm_up", "curves")
    fresh, peak = run.of("work", "one_pass_curves"), run.of("work", "peak_flops")
    rate = run.of("work", "scan_flops") / run.of("work", "scan_seconds") / peak
    saved, minutes = last_event(run.events, "checkpoint"), divmod(round(run.seconds), 60)
    kept = f"{saved['bytes'] / 1e6:.0f} MB, {saved['checkpoint_seconds']:.2f} s" if saved else "none written"
    return bench_record.table("quantity | value", [
        ["time from reading to the result", f"{minutes[0]} min {minutes[1]} s"],
        ["rho", f"{run.rho()}, status `{run.of('end', 'status')}`"],
        ["largest rank", f"{run.memory / 2**30:.1f} GiB"],
        ["warm-up", f"{warm:,.0f} circles, {warm / n:.1f} a target"],
        ["averaged SGD", f"{fresh:,.0f} circles, {fresh / n:.1f} a target"],
        ["rate of the scans", f"{rate:.0%} of the multiply-add rate in single precision"],
        ["checkpoint", kept]])  # fmt: skip


def latents(folder, small):
    """Normal codes, coordinate k of standard deviation 1/sqrt(k)."""
    rows = []
    for n, d in ((60, 300), (300, 60)) if small else ((1300, 4096), (1300, 8192), (5000, 3072)):
        y = np.random.default_rng(1).standard_normal((n, d), "f4") / np.sqrt(np.arange(1, d + 1, dtype="f4"))
        np.save(os.path.join(folder, "y.npy"), y)
        run = Run("brenier solve y.npy -o r.h5 -tol 0.3", folder, (0, 6))
        rows.append([f"{n:,}", f"{d:,}", f"{run.of('start', 'rank'):,}", f"{run.of('start', 'seconds'):.1f}",
                     f"{run.curves():,.0f}", f"{run.seconds:.0f}", run.rho(3), f"{run.memory / 1e6:.0f}"])  # fmt: skip
    columns = "targets | dimensions | of these needed | seconds until the start | circles | seconds, all in all"
    return bench_record.table(f"{columns} | rho, 95% interval | largest rank, MB", rows)


def memory(folder, small):
    write_targets(folder, "y.npy", 300 if small else 3000, 16)
    rows = []
    for option in ("", " -memory 0.05"):
        run = Run(f"brenier solve y.npy -o r.h5 -tol {0.2 if small else 0.03}{option}", folder, (0, 6))
        sample, fresh = run.of("work", "curves"), run.of("work", "one_pass_curves")
        rows.append([code(run.text), f"{sample:,.0f}", f"{fresh:,.0f}", run.rho(), f"{run.memory / 1e6:.0f}"])
    return bench_record.table("command | sample | one-pass | rho, 95% interval | largest rank, MB", rows)


def exact_large(folder, small):
    rng, rows = np.random.default_rng(1), []
    for n, d, source, decades in ((100000, 2, "gaussian", 3), (100000, 2, "cube", 3), (1000000, 2, "gaussian", 3),
                                  (100000, 3, "cube", 0), (1000, 3, "gaussian", 3)):  # fmt: skip
        n = min(n, 200) if small else n
        y = rng.standard_normal((n, d)) if source == "gaussian" else rng.uniform(-0.5, 0.5, (n, d))
        np.save(os.path.join(folder, "y.npy"), y)
        np.save(os.path.join(folder, "w.npy"), 10 ** rng.uniform(-decades, 0, n))
        run = Run(f"brenier solve y.npy -weights w.npy -source {source} -o r.h5", folder)
        result = read_result(os.path.join(folder, "r.h5"))
        law, where = "normal" if source == "gaussian" else "uniform", "the plane" if d == 2 else "space"
        rows.append([f"{n:,} {law} ones in {where}, {source}", "three decades" if decades else "equal",
                     len(result.history["rho"]) - 1, f"{run.seconds:.0f}",
                     f"{result.attributes['largest_error']:.0e}", f"{run.memory / 1e6:.0f}"])  # fmt: skip
    return bench_record.table("targets | weights | iterations | seconds | largest relative error | largest rank, MB",
                              rows)  # fmt: skip


def samples(folder, small):
    fashion_codes(folder, small)
    Run(f"brenier solve codes.h5:/codes -o r.h5 -tol {0.6 if small else 0.2}", folder, (0, 6))
    rows, cores = [], str(len(os.sched_getaffinity(0)))
    for n in (2000, 500) if small else (10**7, 131072):
        run = Run(f"brenier sample r.h5 -n {n} -o s.h5", folder)
        size = os.path.getsize(os.path.join(folder, "s.h5"))
        rate = run.of("sample", "codes_per_second")
        rows.append([f"{n:,}", f"{run.seconds:.0f}", f"{rate:,.0f}", f"{size / 1e9:.2f}", f"{run.memory / 1e6:.0f}",
                     cores])  # fmt: skip
    return bench_record.table("samples | seconds | samples a second | file, GB | largest rank, MB | cores", rows)


def write_targets(folder, name, n, dim):
    np.save(os.path.join(folder, name), np.concatenate(list(targets.codes(n, dim, 100, 1))))


MEASURED = {call.__name__: call for call in (quickstart, quickstart_small, tolerance, million, latents, memory,
                                             exact_large, samples)}  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=list(MEASURED))
    parser.add_argument("-record", metavar="FILE", help="writes a record of docs/benchmarks/")
    parser.add_argument("-small", action="store_true", help="a few hundred targets: figures say nothing")
    args = parser.parse_args()
    about = bench_record.machine() if args.record else None
    with tempfile.TemporaryDirectory() as folder:
        table = MEASURED[args.name](folder, args.small)
    print(bench_record.markdown(table))
    if args.record:
        bench_record.write(args.record, [table], about=about)
    return 0


if __name__ == "__main__":
    sys.exit(main())
