#!/usr/bin/python3
"""Machines apart on one computer: the same answers, and what scans send between them beside the model.

usage: BRENIER_PROGRAM=build/release/bin/brenier tests/bench/machines.py [-machines K] [-n N] [-d D] [-rates RATE ...]
       [-delay TIME] [-tol RHO] [-record RECORD.json]

A machine is a network namespace with a host name, a /dev/shm and an address of its own, on a bridge in a namespace of
its own; nothing else is reachable. Open MPI starts one rank on each and sends by TCP. RATE limits what a machine sends
(tc tbf), such as 10gbit; `none` is the limit of the kernel. TIME, such as 50us, delays it (tc netem), where the kernel
can. Needs root.

For each rate: heights, masses and samples against a run with as many ranks on one machine, bit by bit. Then what a
machine sends. The first scan sends the targets, of single precision, and two heights of each: by the model
(K - 1)/K n (4 d + 16) bytes. Each later one, as in averaged SGD, sends the heights: (K - 1)/K 16 n bytes. Both beside
what the program counted; the seconds of a solve by averaged SGD, and all that it sent, at the interface. The exit code
is 1 where an answer differs, or a scan sends 1% more than the model.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

import h5py
import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "analysis"))
import bench_record  # noqa: E402
from brenier_files import last_event, read_log  # noqa: E402

NETWORK = "10.77.0"
AGENT = """#!/bin/bash
# What mpiexec takes for ssh: HOST COMMAND...
host=$1
shift
exec ip netns exec "PREFIX-$host" unshare --mount --uts bash -c '
  hostname "machine-${0##*.}"
  mount --make-rprivate / && mount -t tmpfs tmpfs /dev/shm
  exec bash -c "$*"' "$host" "$@"
"""


SCANNED = (0, 6)  # a scan without iterations reaches no tolerance


def run(*command, codes=(0,), **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if done.returncode not in codes:
        sys.exit(f"machines: {' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class Machines:
    """Namespaces with an interface each; gone at the end."""

    def __init__(self, count, folder):
        self.hosts = [f"{NETWORK}.{k + 1}" for k in range(count)]
        self.prefix = f"brenier{os.getpid()}"  # another one may run beside it
        self.agent = os.path.join(folder, "agent")

    def __enter__(self):
        with open(self.agent, "w", encoding="utf-8") as file:
            file.write(AGENT.replace("PREFIX", self.prefix))
        os.chmod(self.agent, 0o755)
        switch = self.space("switch")
        run("ip", "netns", "add", switch)
        run("ip", "-n", switch, "link", "add", "switch", "type", "bridge")
        run("ip", "-n", switch, "link", "set", "switch", "up")
        for k, host in enumerate(self.hosts):
            space = self.space(host)
            run("ip", "netns", "add", space)
            run("ip", "-n", space, "link", "add", "net0", "type", "veth", "peer", "name", f"port{k}", "netns",
                switch)  # fmt: skip
            run("ip", "-n", switch, "link", "set", f"port{k}", "master", "switch", "up")
            run("ip", "-n", space, "addr", "add", f"{host}/24", "dev", "net0")
            for link in ("lo", "net0"):
                run("ip", "-n", space, "link", "set", link, "up")
        return self

    def __exit__(self, *_):
        for name in (*self.hosts, "switch"):
            subprocess.run(["ip", "netns", "del", self.space(name)], capture_output=True, check=False)

    def space(self, name):
        """The namespace of a machine, or of what lies between them."""
        return f"{self.prefix}-{name}"

    def limit(self, rate, delay):
        """Limits what each machine sends; says what could not be limited."""
        for host in self.hosts:
            space = self.space(host)
            subprocess.run(["tc", "-n", space, "qdisc", "del", "dev", "net0", "root"], capture_output=True, check=False)
            if rate != "none":
                run("tc", "-n", space, "qdisc", "add", "dev", "net0", "root", "handle", "1:", "tbf", "rate", rate,
                    "burst", "1mb", "latency", "100ms")  # fmt: skip
            if delay:
                parent = ["parent", "1:1"] if rate != "none" else ["root"]
                run("tc", "-n", space, "qdisc", "add", "dev", "net0", *parent, "netem", "delay", delay)

    def sent(self):
        """Bytes that each machine has sent."""
        words = (run("ip", "-n", self.space(host), "-s", "-j", "link", "show", "net0") for host in self.hosts)
        return np.array([json.loads(text)[0]["stats64"]["tx"]["bytes"] for text in words])

    def mpiexec(self, *command, cwd, codes=(0,)):
        where = ",".join(f"{host}:1" for host in self.hosts)
        mca = {"plm_rsh_agent": self.agent, "plm_rsh_no_tree_spawn": "1", "btl": "tcp,self", "pml": "ob1",
               "btl_tcp_if_include": "net0", "oob_tcp_if_include": "net0"}  # fmt: skip
        settings = [word for name, value in mca.items() for word in ("--mca", name, value)]
        return run(self.agent, self.hosts[0], "mpiexec", *settings, "--wdir", cwd, "-H", where, "-n",
                   str(len(self.hosts)), *command, cwd=cwd, codes=codes)  # fmt: skip


def same(one, other):
    with h5py.File(one) as a, h5py.File(other) as b:
        names = [name for name in a if isinstance(a[name], h5py.Dataset) and name != "history"]
        return all(np.array_equal(a[name][()], b[name][()], equal_nan=a[name].dtype.kind == "f") for name in names)


def commands(program, options):
    """What is run: a solve with all its phases, and samples of its result."""
    small = ("-curves", str(options.curves), "-held_out_curves", "4096")
    return [(program, "solve", "y.npy", "-o", "r.h5", *small, "-log", "r.jsonl"),
            (program, "sample", "r.h5", "-n", "20000", "-o", "s.h5")]  # fmt: skip


def scan(program, curves):
    """One scan of many curves at the heights of a result, with little else."""
    return (program, "solve", "y.npy", "-start", "r.h5", "-o", "q.h5", "-curves", str(curves), "-max_it", "0",
            "-warm_up", "0", "-held_out_curves", "64", "-log", "scan.jsonl")  # fmt: skip


def averaged(program, tol):
    """A solve whose scans are those of averaged SGD, each of fresh curves."""
    return (program, "solve", "y.npy", "-o", "a.h5", "-tol", str(tol), "-sgd_from", "1", "-log", "averaged.jsonl")


def work_of(folder, log):
    """The event of a solve that tells its seconds and bytes of scans."""
    return last_event(read_log(os.path.join(folder, log)), "work")


def measure(machines, program, options, folder):
    """A row for each rate."""
    rows, right = [], True
    alone, apart = os.path.join(folder, "alone"), os.path.join(folder, "apart")
    ranks = str(len(machines.hosts))
    for place in (alone, apart):
        os.mkdir(place)
        rng = np.random.default_rng(1)
        np.save(os.path.join(place, "y.npy"), rng.standard_normal((options.n, options.d)).astype(np.float32))
    for command in commands(program, options):
        run("mpiexec", "-n", ranks, *command, cwd=alone)
    seconds = timed(run, "mpiexec", "-n", ranks, *averaged(program, options.tol), cwd=alone)
    rows.append(["one machine", "", "0", "0", "0", "0", "0", f"{seconds:.1f}"])
    later = (len(machines.hosts) - 1) / len(machines.hosts) * options.n * 16
    first = later / 4 * (4 + options.d)
    for rate in options.rates:
        machines.limit(rate, options.delay)
        for command in commands(program, options):
            machines.mpiexec(*command, cwd=apart)
        machines.mpiexec(*scan(program, options.scan), cwd=apart, codes=SCANNED)
        of_first = work_of(apart, "scan.jsonl")["ring_bytes"]
        before = machines.sent()
        seconds = timed(machines.mpiexec, *averaged(program, options.tol), cwd=apart)
        work, all_sent = work_of(apart, "averaged.jsonl"), (machines.sent() - before).max()
        of_later = work["ring_bytes"] / work["evaluations"]
        equal = all(same(os.path.join(alone, name), os.path.join(apart, name)) for name in ("r.h5", "s.h5", "a.h5"))
        right &= equal and of_first <= 1.01 * first and of_later <= 1.01 * later
        rows.append([f"{rate}{', ' + options.delay if options.delay else ''}", "the same" if equal else "DIFFERENT",
                     *(f"{x / 1e6:.2f}" for x in (first, of_first, later, of_later)), f"{all_sent / 1e6:.0f}",
                     f"{seconds:.1f}"])  # fmt: skip
        print(" | ".join(rows[-1]), flush=True)
    return rows, right


def timed(call, *command, **options):
    """Seconds of a command."""
    begun = time.monotonic()
    call(*command, **options)
    return time.monotonic() - begun


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-machines", type=int, default=2, metavar="K")
    parser.add_argument("-n", type=int, default=20000)
    parser.add_argument("-d", type=int, default=64)
    parser.add_argument("-curves", type=int, default=8192, help="of the solve whose answers are compared")
    parser.add_argument("-scan", type=int, default=20000, help="curves of the scan that is measured")
    parser.add_argument("-rates", nargs="+", default=["none", "10gbit", "1gbit"])
    parser.add_argument("-delay", default="")
    parser.add_argument("-tol", type=float, default=0.5, help="of the solve by averaged SGD")
    parser.add_argument("-record", metavar="RECORD.json")
    options = parser.parse_args()
    program = os.path.abspath(os.environ["BRENIER_PROGRAM"])
    with tempfile.TemporaryDirectory() as folder, Machines(options.machines, folder) as machines:
        rows, right = measure(machines, program, options, folder)
    columns = ("network | answers | first scan, MB by the model | first scan, MB | later scan, MB by the model | "
               "later scan, MB | averaged SGD, MB in all | averaged SGD, s")  # fmt: skip
    print(f"| {columns} |")
    for row in rows:
        print(f"| {' | '.join(row)} |")
    if options.record:
        bench_record.write(options.record, [bench_record.table(columns, rows)])
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
