#!/usr/bin/python3
"""Stops at safe points one by one, in every phase of a solve: each ends with a checkpoint, and goes on to the same
bits.

usage: BRENIER_PROGRAM=build/release/bin/brenier tests/bench/stops.py [--stops 500] [--seed 1] [--problem NAME]

Small problems with curves, passes, exact cells in the plane and in space, and in one dimension, on one to three ranks.
A solve is stopped at one to four points one after another, then let go; without a checkpoint it is stopped once, for
good. Prints a line a round; ends with exit code 1 at the first result that differs, with --go_on at the end.
"""
import argparse
import os
import sys
import tempfile

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(REPOSITORY, folder) for folder in ("analysis", "tests/end_to_end")]

from stopping import PROBLEMS, random_stops  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stops", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--problem", choices=PROBLEMS, action="append")
    arguments = parser.parse_args()
    total, rounds, done = 0, 0, {}
    with tempfile.TemporaryDirectory() as folder:
        for now, problem, points, last in random_stops(folder, arguments.stops, arguments.seed,
                                                       tuple(arguments.problem or PROBLEMS)):
            done[problem.name] = done.get(problem.name, 0) + now - total
            total, rounds = now, rounds + 1
            print(f"{total:4d} stops: {problem.name} on {problem.ranks}: at {points}, and for good at {last}",
                  flush=True)
    print(f"stops: {total} in {rounds} rounds, the same bits: {done}")


if __name__ == "__main__":
    main()
