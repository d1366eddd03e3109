"""Codes to files, brenier's commands on them, and back: the transport half of AE-OT.

The codes y_i of the training images are the targets, all of the same weight; T = grad u carries N(0, I) to them.
`sample -extension linear` makes codes between them: means of the K targets with the highest planes at the noise x.
Where these K are of different modes the mean is of none; the angle between targets tells, and such draws are rejected
or projected to the mode of their cell (-singular, docs/manual.md).
"""
import os
import subprocess

import h5py
import numpy as np
from brenier import frechet as frechet_distance
from brenier_files import BadFile, as_python, read_result
from idx_to_hdf5 import write_hdf5

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.environ.get("BRENIER_PROGRAM", os.path.join(ROOT, "build", "release", "bin", "brenier"))
SHELL = '. "$0/tools/mpi-environment.sh"; exec "${BRENIER_LAUNCHER:-mpiexec}" -n "$BRENIER_RANKS" "$@"'
NOT_REACHED = 6


def brenier(*arguments, ranks, cwd, outcomes=(0,), quiet=False):
    """Runs a command of brenier in a folder; an exit code that is no outcome ends this program with brenier's words.
    Returns what it printed when quiet."""
    if not os.path.exists(PROGRAM):
        raise BadFile(f"{PROGRAM} is not there; ./quickstart builds it, or BRENIER_PROGRAM says where another is")
    environment = {**os.environ, "BRENIER_RANKS": str(ranks)}
    command = ["bash", "-c", SHELL, ROOT, PROGRAM, *map(str, arguments)]
    output = subprocess.PIPE if quiet else None
    done = subprocess.run(command, env=environment, cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, text=True)
    if done.returncode not in outcomes:
        raise BadFile(f"brenier {arguments[0]} ended with exit code {done.returncode}; its own words are above")
    return done.stdout


def write_codes(path, codes, labels):
    datasets = {"codes": codes.astype(np.float32), "labels": labels.astype(np.int64)}
    write_hdf5(path, datasets, {"codes": "encoder", "labels": "labels"})


def solve(options):
    brenier("solve", "codes.h5:/codes", "-o", "result.h5", "-tol", options.tol, "-seed", options.seed,
            "-checkpoint", "result.ckpt", "-log", "result.jsonl",
            ranks=options.threads, cwd=options.out, outcomes=(0, NOT_REACHED))  # fmt: skip


def sample(options, count, name, *extension):
    brenier("sample", "result.h5", "-n", count, "-seed", options.seed + 1, "-labels", "codes.h5:/labels", "-o", name,
            *extension, ranks=options.threads, cwd=options.out)  # fmt: skip


def between(options):
    """Options of sample for codes between targets."""
    return ("-extension", "linear", "-neighbours", options.neighbours,
            "-singular", options.singular, "-quantile", options.quantile)  # fmt: skip


def read_codes(path):
    with h5py.File(path) as file:
        return file["code"][()].astype(np.float32)


def has_frechet():
    """Whether this brenier computes Frechet distances."""
    return "brenier frechet" in brenier("frechet", "-help", ranks=1, cwd=".", quiet=True)


def frechet(a, b):
    """The Frechet distance of two sets of features, by `brenier frechet`."""
    return frechet_distance(a, b, splits=0, ranks=1).value


def read_targets(path):
    with h5py.File(path) as file:
        return file["codes"][()]


def facts(folder):
    """How good the map is, and what became of draws across the singular set."""
    result = read_result(os.path.join(folder, "result.h5"))
    with h5py.File(os.path.join(folder, "samples.h5")) as file:
        drawn = {
            name: as_python(file.attrs[name]) for name in ("draws", "crossing", "singular", "threshold", "neighbours")
        }
    return {"rho": result.rho, "rho_low": result.rho_low, "rho_high": result.rho_high, "status": result.status, **drawn}


def quarter_circles(rng, count, points, dim):
    """Paths cos t z + sin t z' through noise, t from 0 to a right angle: every point of them is as likely as
    another."""
    z, other = rng.standard_normal((2, count, 1, dim))
    t = np.linspace(0, np.pi / 2, points)[:, None]
    return np.cos(t) * z + np.sin(t) * other


def jumps(targets, index):
    """Angle in degrees between the targets of neighbouring points of paths, index [paths, points], as facets -angle
    lifted."""
    lifted = np.concatenate([targets, np.full((len(targets), 1), -1.0)], axis=1)
    lifted /= np.linalg.norm(lifted, axis=1, keepdims=True)
    cosine = (lifted[index[:, 1:]] * lifted[index[:, :-1]]).sum(axis=-1)
    return np.where(index[:, 1:] == index[:, :-1], 0.0, np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def follow(options, paths):
    """Codes along paths [count, points, d], and the jumps of the map from point to point [count, points - 1]."""
    count, points, dim = paths.shape
    np.save(os.path.join(options.out, "paths.npy"), paths.reshape(-1, dim))
    brenier("map", "result.h5", "paths.npy", "-extension", "linear", "-neighbours",
            options.neighbours, "-o", "paths.h5", ranks=options.threads, cwd=options.out)  # fmt: skip
    with h5py.File(os.path.join(options.out, "paths.h5")) as file:
        code, index = file["code"][()], file["index"][()].reshape(count, points)
    targets = read_result(os.path.join(options.out, "result.h5"))["/targets"]
    return code.reshape(count, points, dim), jumps(targets, index)
