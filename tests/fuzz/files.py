#!/usr/bin/python3
"""Fuzzes what the program reads besides arrays: results, checkpoints, files of options; and the reader of logs in
Python.

usage: BRENIER_PROGRAM=build/release/bin/brenier tests/fuzz/files.py result|checkpoint|options|log [--seconds 600]
[--seed 1] [-keep]
       ... --replay: reads the inputs that were kept (tests/fuzz/files/KIND-NUMBER) once, and ends

An input is a valid file with bytes or words changed, or one that was kept. The program must answer it with a documented
exit code, and an error with one sentence and no traceback; what it takes of a result or a checkpoint must come out as
from the file that was not changed, as their checksums promise. -keep adds the inputs whose answer, digits aside, was
new. Ends with 1 at the first finding, whose input is in the working folder as finding-KIND.
"""
import argparse
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "analysis"))
from brenier_files import BadFile, last_event, log_history, read_log, read_result  # noqa: E402

EXITS = (0, 2, 3, 4, 5, 6, 7, 85)
SECONDS = 60
KEEP = os.path.join(HERE, "files")
WORDS = ["-tol", "-curves", "-seed", "-o", "-log", "-checkpoint", "-options_file", "-prefix_push", "-prefix_pop",
         "-weights", "f", "0.1",
         "1e400", "-1", "nan", "100", "#", "\\", "\"", "'", "-", "--", "-ksp_type", "cg", "-snes_monitor", "-help",
         "-pc_type", "\t", "\0",
         "\xff", "-alias", "-skip_petscrc", "-damping", "-max_time", "-threads", "999999999999999999999", "x" * 5000,
         "-method", "asgd",
         "-cells", "curves", "y.npy", "out.h5", "/dev/null", ".", "%", ":", "-malloc_debug", "-cube"]  # fmt: skip
NUMBERS = [0, 1, 2**31 - 1, 2**32 - 1, 2**63 - 1, 2**64 - 1]


class Finding(Exception):
    """What the program must not do."""


def run(folder, *arguments):
    """Exit code and standard error of the program, alone; a signal, a hang or a traceback is a finding."""
    command = [os.environ["BRENIER_PROGRAM"], *map(str, arguments)]
    try:
        done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS,
                              check=False)
    except subprocess.TimeoutExpired as error:
        raise Finding(f"{arguments}: not done in {SECONDS} s") from error
    said = done.stderr.decode(errors="replace")
    errors = [line for line in said.splitlines() if "brenier: error:" in line]
    if done.returncode not in EXITS or "PETSC ERROR" in said:
        raise Finding(f"{arguments}: exit code {done.returncode}\n{said}")
    if len(errors) != (done.returncode not in (0, 6, 85)):
        raise Finding(f"{arguments}: exit code {done.returncode} with {len(errors)} errors\n{said}")
    return done.returncode, said


class Results:
    """info, and map, whose images tell whether the heights are those that were written."""

    options = ("-curves", 64, "-warm_up", 0, "-max_it", 2, "-cells", "curves")
    reads_kept = True  # until all inputs that are kept were tried

    def __init__(self, folder):
        rng = np.random.default_rng(5)
        np.save(os.path.join(folder, "y.npy"), rng.standard_normal((12, 3)))
        np.save(os.path.join(folder, "x.npy"), rng.standard_normal((50, 3)))
        run(folder, "solve", "y.npy", *self.options, "-o", "f")
        self.start = read(os.path.join(folder, "f"))
        run(folder, "map", "f", "x.npy", "-o", "true.h5")
        self.true = [read_result_rows(os.path.join(folder, "true.h5"))]

    def mutate(self, rng, data):
        return change_bytes(rng, data)

    def are_true(self, images):
        """Those of the start, to the bit. Results that are kept come from other processors, where the last bits of a
        solve may be others: theirs are true as well, if they are near."""
        if any(all(map(np.array_equal, images, true)) for true in self.true):
            return True
        near = all(a.shape == b.shape and np.allclose(a, b, rtol=1e-9, atol=1e-12)
                   for a, b in zip(images, self.true[0]))  # fmt: skip
        if self.reads_kept and near:
            self.true.append(images)
        return self.reads_kept and near

    def answer(self, folder):
        info, said = run(folder, "info", "f")
        code, more = run(folder, "map", "f", "x.npy", "-o", "m.h5")
        if code == 0 and not self.are_true(read_result_rows(os.path.join(folder, "m.h5"))):
            raise Finding("map: exit code 0, and other images")
        return f"{info} {said} {code} {more}"


class Checkpoints(Results):
    """A solve that continues: refused, or with the heights of the one that was not changed."""

    def __init__(self, folder):
        super().__init__(folder)
        self.command = ("solve", "y.npy", "-curves", 2000, "-cells", "curves", "-o", "r.h5", "-checkpoint", "f")
        os.remove(os.path.join(folder, "f"))
        for _ in range(2):
            run(folder, *self.command, "-max_time", 0.001)
        self.start = read(os.path.join(folder, "f"))
        self.clear(folder)
        run(folder, *self.command)
        self.true = read_result(os.path.join(folder, "r.h5"))["/heights"]

    @staticmethod
    def clear(folder):
        for name in ("f.1", "r.h5"):
            if os.path.exists(os.path.join(folder, name)):
                os.remove(os.path.join(folder, name))

    def answer(self, folder):
        self.clear(folder)
        code, said = run(folder, *self.command)
        if code == 0 and not np.array_equal(self.true, read_result(os.path.join(folder, "r.h5"))["/heights"]):
            raise Finding("solve: exit code 0, and other heights")
        return f"{code} {said}"


class Options(Results):
    """Files of options: words that an option may be, in any order."""

    def mutate(self, rng, data):
        words = data.split(b" ") if rng.random() < 0.5 else []
        for _ in range(rng.integers(1, 12)):
            words.insert(rng.integers(0, len(words) + 1),
                         rng.choice(WORDS).encode("latin-1") + rng.choice([b"", b"\n", b"\n#"]))
        data = b" ".join(words)
        return change_bytes(rng, data) if rng.random() < 0.3 else data

    def __init__(self, folder):
        super().__init__(folder)
        self.start = b"-curves 64\n-seed 3 # a comment\n"

    def answer(self, folder):
        for name in set(os.listdir(folder)) - {"y.npy", "x.npy", "f", "true.h5"}:
            shutil.rmtree(os.path.join(folder, name)) if os.path.isdir(os.path.join(folder, name)) else os.remove(
                os.path.join(folder, name)
            )
        code, said = run(folder, "check", "true.h5", "-curves", 64, "-options_file", "f")
        more, text = run(folder, "map", "true.h5", "x.npy", "-o", "n.h5", "-options_file", "f")
        return f"{code} {said} {more} {text}"


class Logs(Results):
    """The reader in Python: events, or BadFile."""

    def __init__(self, folder):
        super().__init__(folder)
        run(folder, "solve", "y.npy", *self.options, "-o", "r.h5", "-log", "log.jsonl")
        self.start = read(os.path.join(folder, "log.jsonl"))

    def answer(self, folder):
        try:
            events = read_log(os.path.join(folder, "f"))
            log_history(events)
            last_event(events, "held_out")
        except BadFile as error:
            return re.sub(r".*line", "line", str(error))
        except Exception as error:
            raise Finding(f"read_log: {type(error).__name__}: {error}") from error
        return "read"


KINDS = {"result": Results, "checkpoint": Checkpoints, "options": Options, "log": Logs}


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def read_result_rows(path):
    import h5py

    with h5py.File(path) as file:
        return [file[name][:] for name in sorted(file) if hasattr(file[name], "shape")]


def change_bytes(rng, data):
    """A few changes: bits, bytes, runs of them, cut, doubled, moved."""
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 5, 20])):
        if not data:
            break
        at, length = int(rng.integers(len(data))), int(rng.integers(1, 64))
        match rng.integers(8):
            case 0 | 1:
                data[at] ^= 1 << rng.integers(8)
            case 2:
                data[at] = rng.integers(256)
            case 3:
                data[at : at + length] = bytes(len(data[at : at + length]))
            case 4:
                data[at : at + length] = rng.bytes(len(data[at : at + length]))
            case 5:
                del data[at : at + length]
            case 6:
                data[at:at] = data[at : at + length]
            case 7:
                if rng.random() < 0.3:
                    del data[at:]
                else:
                    data[at : at + 8] = NUMBERS[rng.integers(len(NUMBERS))].to_bytes(8, "little")
    return bytes(data)


def try_input(kind, subject, folder, data):
    write(os.path.join(folder, "f"), data)
    try:
        answer = subject.answer(folder)
    except Finding as finding:
        write(f"finding-{kind}", data)
        sys.exit(f"fuzz: finding in {kind}: {finding}\nits input: {os.path.abspath(f'finding-{kind}')}")
    return re.sub(r"[0-9a-f]{6,}|[-+0-9.e]+", "N", answer)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--replay", action="store_true")
    parser.add_argument("-keep", action="store_true")
    args = parser.parse_args()
    os.environ.update(OPENBLAS_NUM_THREADS="1")
    os.environ["BRENIER_PROGRAM"] = os.path.abspath(os.environ["BRENIER_PROGRAM"])
    rng = np.random.default_rng(args.seed)
    kept = sorted(glob.glob(os.path.join(KEEP, f"{args.kind}-*")))
    with tempfile.TemporaryDirectory() as folder:
        subject = KINDS[args.kind](folder)
        corpus = [subject.start] + [read(path) for path in kept]
        seen = {try_input(args.kind, subject, folder, data) for data in corpus}
        subject.reads_kept = False
        n, end = 0, time.time() + args.seconds
        while not args.replay and time.time() < end:
            data = subject.mutate(rng, corpus[rng.integers(len(corpus)) if rng.random() < 0.7 else 0])
            answer = try_input(args.kind, subject, folder, data)
            n += 1
            if answer in seen:
                continue
            seen.add(answer)
            corpus.append(data)
            if args.keep:
                write(os.path.join(KEEP, f"{args.kind}-{len(corpus):03d}"), data)
    print(f"fuzz: {args.kind}: no finding in {len(kept) + 1} inputs that were kept and {n} more; "
          f"{len(seen)} different answers")


if __name__ == "__main__":
    main()
