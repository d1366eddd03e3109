#!/usr/bin/python3
"""kill -9 of all ranks at random moments of a solve: every resume ends bitwise equal to the run that nobody disturbed.

usage: BRENIER_PROGRAM=build/release/bin/brenier tests/bench/kills.py [--kills 100] [--seed 1]

Solves 600 targets in 18 dimensions on two ranks with a checkpoint at every safe point, so that many kills fall into the
writing of one. Each solve is killed one to four times, each time between its third and its end, and then let go. Prints
a line a solve; ends with exit code 1 at the first result that differs.
"""
import argparse
import os
import sys
import tempfile

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(REPOSITORY, folder) for folder in ("analysis", "tests/end_to_end")]

from restart import random_kills  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    phases = {}
    total = solves = writing = 0
    with tempfile.TemporaryDirectory() as folder:
        for total, done, inside, said in random_kills(folder, arguments.kills, arguments.seed):
            solves += 1
            writing += inside
            resumed = [
                line.split("): ")[1] for text in said for line in text.splitlines() if "continues from run.ckpt" in line
            ]
            for where in resumed:
                phases[where.split(",")[0]] = phases.get(where.split(",")[0], 0) + 1
            print(f"{total:4d} kills: {done} in this solve, {inside} inside a file's writing, the same bits; "
                  f"continued {resumed}", flush=True)
    print(f"kills: {total} kills in {solves} solves, {writing} inside the writing of a file, "
          "all results bitwise equal; "
          f"continued from {phases}")  # fmt: skip


if __name__ == "__main__":
    main()
