"""The pieces of a study (see `run`): the map, one training for each kind of pairs and each seed, their scores.

Each piece is a file of the folder, which appears whole or not at all. A piece that is there is not made again.
"""
import concurrent.futures
import multiprocessing
import os
import time
import warnings

import brenier
import numpy as np
import torch
from aeot.training import read_json, write_json
from whole_file import write_whole
from brenier.errors import BadFile, NotReached
from brenier.files import last_event, read_log

from flow import pairs, velocity
from flow.codes import read_codes

EULER_STEPS = (1, 2, 4, 8, 32)
NOISE_SEED = 10**6  # of the noise that samples begin with: no seed of a training
DIRECTIONS = 256  # of the sliced distance
KINDS = ("independent", "mini-batch", "brenier")
SETTINGS = ("codes", "count", "batch", "steps", "width", "tol")  # which a folder keeps


def read(options):
    return read_codes(options.codes, count=options.count)


def keep_settings(options):
    """Notes what a folder was begun with; going on with something else would mix two studies."""
    path = os.path.join(options.out, "settings.json")
    settings = {name: getattr(options, name) for name in SETTINGS}
    begun = read_json(path, settings)
    changed = [f"--{name} {begun.get(name)}" for name in SETTINGS if begun.get(name) != settings[name]]
    if changed:
        raise BadFile(f"{options.out} was begun with {', '.join(changed)}; go on with that, or give another --out")
    if not os.path.exists(path):
        write_json(path, settings)


def solve(options):
    """The map to the training codes: OUT/map.h5, and in OUT/map.json its seconds times ranks."""
    path = os.path.join(options.out, "map.h5")
    if os.path.exists(path):
        return brenier.load(path)
    begin = time.monotonic()
    codes = read(options)
    log = os.path.join(options.out, "map.jsonl")
    print(f"solve: {len(codes.training):,} targets in dimension {codes.dim}", flush=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotReached)  # rho is in the table
        result = brenier.solve(codes.training, tol=options.tol, ranks=options.jobs, log=log,
                               checkpoint=os.path.join(options.out, "map.ckpt"))  # fmt: skip
    seconds = last_event(read_log(log), "end")["seconds"]
    write_json(os.path.join(options.out, "map.json"), {"seconds": options.jobs * seconds})
    result.save(path)
    for rest in ("map.ckpt", "map.ckpt.result.h5"):
        os.remove(os.path.join(options.out, rest))
    result = brenier.load(path)
    print(f"solve: rho {result.rho:.3f}, {time.monotonic() - begin:.0f} s", flush=True)
    return result


def pairs_of(kind, options, codes, seed):
    if kind == "brenier":
        return pairs.of_map(brenier.load(os.path.join(options.out, "map.h5")), options.batch, seed)
    make = {"independent": pairs.independent, "mini-batch": pairs.mini_batch}[kind]
    return make(codes.training, options.batch, seed)


def piece(options, kind, seed, ending):
    return os.path.join(options.out, f"{kind}-seed-{seed}.{ending}")


def sliced(a, b):
    """Mean of W2^2 over directions, between the projections of a [n, d] and b [n, d]."""
    direction = np.random.default_rng(0).standard_normal((DIRECTIONS, a.shape[1]))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return float(np.mean((np.sort(a @ direction.T, axis=0) - np.sort(b @ direction.T, axis=0)) ** 2))


def scores(made, codes):
    """Distances of samples [m, d] to the m held-out codes."""
    distance = brenier.frechet(made, codes.held_out, splits=0, ranks=1).value
    return {"frechet": distance, "sliced": sliced(made, codes.held_out)}


def noise_for(codes):
    rng = np.random.default_rng(NOISE_SEED)
    return rng.standard_normal(codes.held_out.shape, dtype=np.float32)


def train(options, kind, seed):
    """One training and its scores: KIND-seed-S.pt and .json."""
    done = piece(options, kind, seed, "json")
    if os.path.exists(done):
        return
    torch.set_num_threads(1)
    codes = read(options)
    source = pairs_of(kind, options, codes, seed)
    network, seconds, drawing = velocity.train(source, codes.dim, options.steps, seed, width=options.width)
    paths = {steps: velocity.move(network, noise_for(codes), steps) for steps in EULER_STEPS}
    found = {
        "seconds": seconds,
        "seconds_pairs": drawing,
        "curvature": velocity.curvature(paths[EULER_STEPS[-1]]),
        "steps": {str(steps): scores(path[-1], codes) for steps, path in paths.items()},
    }
    write_whole(piece(options, kind, seed, "pt"), lambda path: torch.save(network.state_dict(), path))
    write_json(done, found)
    one = ", ".join(f"{steps}: {found['steps'][str(steps)]['frechet']:.3g}" for steps in EULER_STEPS)
    print(f"{kind}, seed {seed}: {seconds:.0f} s; Fréchet distance by Euler steps {one}", flush=True)


def limit(codes):
    """Scores of training codes, as many as are held out: what a perfect sampler has."""
    rows = np.random.default_rng(NOISE_SEED).permutation(len(codes.training))[: len(codes.held_out)]
    return scores(codes.training[rows], codes)


def load(options, kind, seed, codes):
    network = velocity.Velocity(codes.dim, width=options.width)
    network.load_state_dict(torch.load(piece(options, kind, seed, "pt")))
    return network


def in_processes(jobs, work, tasks):
    """work(*task) for all tasks, so many at once, each in a process of its own thread; alone when jobs is 1."""
    if jobs == 1:
        for task in tasks:
            work(*task)
        return
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(jobs, context) as pool:
        for future in [pool.submit(work, *task) for task in tasks]:
            future.result()


def train_all(options):
    """All trainings that are not done; the longest begin."""
    tasks = [(options, kind, seed) for kind in reversed(KINDS) for seed in options.seeds]
    in_processes(options.jobs, train, tasks)
