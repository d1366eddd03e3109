"""Solves that are stopped at safe points one by one (BRENIER_TEST_STOP_AT of src/base/stop.c), and what must come of
it."""
import os
import random
import subprocess

import bounded
import numpy as np
from brenier_files import read_result
from problem import mixture
from program import PROGRAM, REPOSITORY, SHARED_CORES
from restart import STOPPED, expect_same_bits

DONE, TOLERANCE = 0, 6
SECONDS = 600  # a run here takes less than one, unless the machine has other work
SHELL = '. "$0/tools/mpi-environment.sh"; exec mpiexec -n "$BRENIER_RANKS" "$@"'
ALONE = '. "$0/tools/mpi-environment.sh"; exec "$@"'
START = "start.h5"


def uniform(n, dim, seed):
    return np.random.default_rng(seed).random((n, dim))


# Name: targets, options. Small, so that a run is over in a moment, but with every phase that there is.
PROBLEMS = {
    "curves": (mixture(60, 8, 3), ("-tol", 0.4)),
    "curves without a warm-up": (mixture(60, 8, 3), ("-tol", 0.4, "-warm_up", 0)),
    "curves on the cube": (mixture(50, 4, 4), ("-source", "cube", "-tol", 0.4)),
    "a fixed sample": (mixture(80, 8, 5), ("-curves", 3000)),
    "clusters": (mixture(400, 8, 6), ("-tol", 0.9, "-held_out_curves", 2000)),
    "passes": (mixture(60, 8, 3), ("-tol", 0.25, "-memory", 3e-4)),
    "passes at once": (mixture(300, 8, 3), ("-curves", 6000, "-memory", 3e-4, "-held_out_curves", 2000)),
    "epochs that are rejected": (mixture(60, 8, 3), ("-tol", 0.12, "-memory", 3e-4, "-held_out_curves", 64)),
    "from a result": (mixture(60, 8, 3), ("-tol", 0.4, "-start", START)),
    "the plane": (mixture(200, 2, 7), ()),
    "the plane, a cube": (uniform(100, 2, 8), ("-source", "cube")),
    "the circle": (mixture(40, 2, 9), ("-source", "sphere")),
    "space": (mixture(80, 3, 10), ()),
    "curves in the plane": (mixture(60, 2, 11), ("-cells", "curves", "-tol", 0.4)),
    "a line": (mixture(200, 1, 12), ()),
    "a line in space": (mixture(100, 1, 13) @ np.ones((1, 5)), ()),
}


def run(folder, options, output, ranks, checkpoint=None, stop_at=None):
    """A solve; its exit code and what it said."""
    command = [PROGRAM, "solve", "points.npy", "-o", output, "-seed", 2, *options]
    if checkpoint:
        command += ["-checkpoint", checkpoint[0], "-checkpoint_interval", checkpoint[1]]
    environment = {**os.environ, **SHARED_CORES, "BRENIER_RANKS": str(ranks)}
    if stop_at:
        environment["BRENIER_TEST_STOP_AT"] = str(stop_at)
    shell = SHELL if ranks > 1 else ALONE
    done = bounded.run(["bash", "-c", shell, REPOSITORY, *command], SECONDS, env=environment, cwd=folder,
                       stderr=subprocess.STDOUT)  # fmt: skip
    said = f"{name_of(command)} on {ranks}, stopped at {stop_at}: exit code {done.returncode}\n{done.stdout}"
    return done.returncode, said


def name_of(command):
    return " ".join(map(str, command[1:]))


class Problem:
    """Targets in a folder of their own, and what they are solved to when nothing stops them."""

    def __init__(self, folder, name, ranks):
        targets, self.options = PROBLEMS[name]
        self.folder, self.name, self.ranks = folder, name, ranks
        np.save(os.path.join(folder, "points.npy"), targets)
        if START in self.options:
            code, said = run(folder, ("-curves", 1500), START, 1)
            assert code == DONE, said
        self.code, said = run(folder, self.options, "whole.h5", ranks, checkpoint=("whole.ckpt", 1e6))
        assert self.code in (DONE, TOLERANCE), said
        self.expected = read_result(os.path.join(folder, "whole.h5"))

    def clear(self):
        for name in ("run.ckpt", "run.ckpt.1", "result.h5"):
            if os.path.exists(os.path.join(self.folder, name)):
                os.remove(os.path.join(self.folder, name))

    def listing(self):
        return {name for name in os.listdir(self.folder) if not name.startswith(("whole.", "points.", "start."))}

    def stop_and_continue(self, points, interval=0):
        """Stops one solve at these safe points, each counted from where it went on, then lets it end. The number of
        stops: a point may lie behind the end."""
        self.clear()
        checkpoint, stops, told = ("run.ckpt", interval), 0, ""
        for point in points:
            code, said = run(self.folder, self.options, "result.h5", self.ranks, checkpoint, point)
            told += said
            if code == self.code:
                break
            assert code == STOPPED, told
            assert "the same command continues" in said, told
            assert self.listing() <= {"run.ckpt", "run.ckpt.1"}, (self.listing(), told)
            stops += 1
        else:
            code, said = run(self.folder, self.options, "result.h5", self.ranks, checkpoint)
            told += said
        assert code == self.code, told
        try:
            expect_same_bits(self.expected, read_result(os.path.join(self.folder, "result.h5")))
        except AssertionError as error:
            raise AssertionError(f"{points}: {error}\n{told}") from None
        return stops

    def stop_for_good(self, point):
        """Stops a solve without a checkpoint; whether there was anything to stop."""
        self.clear()
        code, said = run(self.folder, self.options, "result.h5", self.ranks, stop_at=point)
        assert code in (DONE, TOLERANCE), said
        result = read_result(os.path.join(self.folder, "result.h5"))
        for name in ("/heights", "/mass", "/mass_error"):
            assert np.all(np.isfinite(result[name])), said
        assert abs(result["/mass"].sum() - 1) < 1e-9, said
        stopped = result.status.startswith("stopped: signal")
        assert stopped == ("stopped (signal)" in said), said
        assert self.listing() == {"result.h5"}, (self.listing(), said)
        return stopped

    def last_point(self):
        """About the number of safe points of a whole solve: the last power of two at which it can be stopped."""
        point = 1
        while self.stop_and_continue([2 * point], interval=1e6):
            point *= 2
        return point


def random_stops(folder, count, seed, problems=tuple(PROBLEMS), ranks=(1, 2, 3)):
    """Stops at random points, in all problems in turn; yields what was done and how many stops it was."""
    rng = random.Random(seed)
    made, total, turn = {}, 0, 0
    while total < count:
        key = problems[turn % len(problems)], ranks[turn // len(problems) % len(ranks)]
        turn += 1
        if key not in made:
            place = os.path.join(folder, f"problem-{len(made)}")
            os.mkdir(place)
            problem = Problem(place, *key)
            made[key] = problem, problem.last_point()
            total += max(made[key][1].bit_length() - 1, 0)
        problem, last = made[key]
        for _ in range(2):
            points = [
                rng.randint(1, max(2 * last // length, 1)) for length in [rng.randint(1, 4)] for _ in range(length)
            ]
            total += problem.stop_and_continue(points, rng.choice((0, 0, 1e6)))
        point = rng.randint(1, 2 * last)
        if rng.random() < 0.5:
            point = f"{point},{rng.randint(1, 4)}"
        total += problem.stop_for_good(point)
        yield total, problem, points, point
