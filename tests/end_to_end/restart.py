"""Solves that are stopped, killed and continued: a run that the tests hold in their hand, and what it must end with."""
import os
import random
import signal
import subprocess
import time

import bounded
import numpy as np
from brenier_files import read_result
from problem import mixture
from program import PROGRAM, REPOSITORY, SHARED_CORES, TIME_LIMIT

# 600 x 18: large enough for candidate lists. No warm-up: more iterations to be interrupted in
OPTIONS = ("-tol", "0.15", "-warm_up", "0", "-seed", "5")
SHELL = '. "$0/tools/mpi-environment.sh"; exec mpiexec -n "$BRENIER_RANKS" "$@"'
STOPPED = 85


def make_problem(folder):
    np.save(os.path.join(folder, "points.npy"), mixture(600, 18, seed=11))


class Run:
    """A solve under mpiexec, with a checkpoint at every safe point unless told otherwise."""

    def __init__(self, folder, *options, ranks=2, interval=0, prefix=()):
        environment = {**os.environ, **SHARED_CORES, "BRENIER_RANKS": str(ranks)}
        solve = [PROGRAM, "solve", "points.npy", "-o", "result.h5", *OPTIONS]
        if interval is not None:
            solve += ["-checkpoint", "run.ckpt", "-checkpoint_interval", str(interval)]
        self.process = bounded.start([*prefix, "bash", "-c", SHELL, REPOSITORY, *solve, *options], env=environment,
                                     cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
        self.said = ""

    def read_until(self, words, count=1):
        """Reads on until words have been said so often; false when the run ended before."""
        for line in bounded.lines(self.process):
            self.said += line
            count -= words in line
            if count == 0:
                return True
        return False

    def ranks(self):
        """Process ids of the ranks that run now."""
        listing = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True)
        return [int(pid) for pid in listing.stdout.split()]

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        """kill -9 of all ranks, then of mpiexec."""
        bounded.signal_all([*self.ranks(), self.process.pid], signal.SIGKILL)
        bounded.kill_session(self.process, 0)  # a rank that mpiexec has started since
        self.end()

    def end(self, seconds=TIME_LIMIT):
        """Waits for the end; the exit code."""
        self.said += bounded.finish(self.process, seconds)[0]
        return self.process.returncode


def expect_same_bits(expected, found):
    """All that a result says but for the time it took."""
    for name in ("/heights", "/mass", "/mass_error"):
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)
    for name in set(expected.history) - {"seconds"}:
        np.testing.assert_array_equal(found.history[name], expected.history[name], err_msg=name)
    assert (found.status, found.rho, found.curves) == (expected.status, expected.rho, expected.curves)


def half_files(folder):
    """Files that a killed run was writing: under names that nothing reads."""
    return [name for name in os.listdir(folder) if name.endswith(".tmp")]


def ended_within(run, seconds):
    """What a run took, when it ended by itself within these seconds; nothing when it did not."""
    begin = time.monotonic()
    try:
        run.process.wait(seconds)  # what it says fits into the pipe
    except subprocess.TimeoutExpired:
        return None
    return time.monotonic() - begin


def kill_at_random(reference, folder, seconds, kills, rng):
    """Kills one solve that often, each time at a moment of its own, then lets it end.

    seconds: what a run takes up to its result. A kill may come too late, so the number of kills is returned too, with
    the number of those inside the writing of a file, what the runs said, and the seconds of a run that no kill met.
    """
    done, said, whole = 0, [], None
    expected = read_result(os.path.join(reference, "result.h5"))
    while True:
        run = Run(folder)
        if done < kills:
            took = ended_within(run, rng.uniform(0.3, 1.0) * seconds)
            ended = took is not None
            whole = took if ended and done == 0 else None
            run.kill()
        else:
            ended = True
            run.end()
        said.append(run.said)
        if ended:
            assert run.process.returncode == 0, "\n".join(said)
            break
        done += 1
        if os.path.exists(os.path.join(folder, "result.h5")):
            read_result(os.path.join(folder, "result.h5"))  # whole, if it is there
    expect_same_bits(expected, read_result(os.path.join(folder, "result.h5")))
    assert not any("truncated or damaged" in text for text in said), "\n".join(said)
    return done, len(half_files(folder)), said, whole


def timed_reference(folder):
    """Solves without disturbance; seconds it took, checkpoints included."""
    make_problem(folder)
    begin = time.monotonic()
    run = Run(folder)
    assert run.end() == 0, run.said
    return time.monotonic() - begin


def random_kills(folder, count, seed):
    """Kills count times in all, in solves that are killed up to four times; yields after each solve.

    The machine may be busy while the first solve is timed, and idle later: then all kills would come too late. So a
    run that no kill has met sets the time for those after it.
    """
    rng = random.Random(seed)
    reference = os.path.join(folder, "reference")
    os.mkdir(reference)
    seconds = timed_reference(reference)
    total = solves = 0
    while total < count:
        assert solves < 10 + 5 * count, f"{total} kills in {solves} solves: nearly all came too late"
        place = os.path.join(folder, f"solve-{solves}")
        os.mkdir(place)
        make_problem(place)
        kills = min(rng.randint(1, 4), count - total)
        done, inside, said, whole = kill_at_random(reference, place, seconds, kills, rng)
        seconds = whole or seconds
        total += done
        solves += 1
        yield total, done, inside, said
