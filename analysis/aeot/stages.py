"""The stages of a run (see `run`): what each makes from what was made before."""
import os

import h5py
import numpy as np
import torch
from brenier_files import BadFile
from idx_to_hdf5 import write_hdf5

from aeot import figures, table, transport
from aeot.images import FOLDER, NAMES, Labelled, read_both
from aeot.networks import CLASSES, MODELS
from aeot.scores import Judge, distances, in_batches, to_pixels
from aeot.training import read_json, start_random, train, write_json

__all__ = ["FOLDER", "STAGES", "run_stages"]

SETTINGS = ("data", "images", "seed", "latent", "channels", "code_noise", "precision")  # which a folder keeps
PATHS = 200  # of which the figure shows some
LEAST_JUMPS = 2  # of a path that is shown: one that stays in its cell shows nothing
FINE = 4  # points of a path between two images


class Run:
    """Options, images and trained models of one run; models are loaded when first asked for."""

    def __init__(self, options):
        self.options = options
        self.train, self.test = read_both(options)
        self.trained = {}

    def path(self, name):
        return os.path.join(self.options.out, name)

    def trained_model(self, name):
        if name not in self.trained:
            self.trained[name] = train(name, self.options, self.train)
        return self.trained[name]

    def model(self, name):
        return self.trained_model(name).model

    def decode(self, name, codes):
        """Codes [n, d] to images [n, 1, 28, 28] by the decoder of a model."""
        return torch.from_numpy(in_batches(self.model(name).decoder, torch.as_tensor(codes, dtype=torch.float32)))

    def encode(self, data: Labelled):
        return in_batches(self.model("auto-encoder").encoder, data.images)


def train_all(run):
    for name in MODELS:
        run.model(name)


def encode(run):
    transport.write_codes(run.path("codes.h5"), run.encode(run.train), run.train.labels.numpy())


def solve(run):
    transport.solve(run.options)


def sample(run):
    count = len(run.test.images)
    transport.sample(run.options, count, "targets.h5", "-noise", "no")
    transport.sample(run.options, count, "samples.h5", *transport.between(run.options))


def noise(run, name):
    """Standard normal codes for the decoder of a model."""
    start_random(run.options.seed, name, "codes")
    return torch.randn(len(run.test.images), run.options.latent)


def gaussian_codes(run):
    """Codes from the normal law of the codes: what the decoder makes without transport."""
    codes = transport.read_targets(run.path("codes.h5"))
    root = np.linalg.cholesky(np.cov(codes, rowvar=False) + 1e-9 * np.eye(codes.shape[1]))
    return codes.mean(axis=0) + noise(run, "auto-encoder").numpy() @ root.T


def decode(run):
    """Images of every method, as many as there are test images."""
    images = {
        "ae-ot": run.decode("auto-encoder", transport.read_codes(run.path("samples.h5"))),
        "ae-ot-targets": run.decode("auto-encoder", transport.read_codes(run.path("targets.h5"))),
        "vae": run.decode("vae", noise(run, "vae")),
        "wgan-gp": run.decode("wgan-gp", noise(run, "wgan-gp")),
        "ae-gaussian": run.decode("auto-encoder", gaussian_codes(run)),
        "reconstructed": run.decode("auto-encoder", run.encode(run.test)),
    }
    write_hdf5(run.path("images.h5"), {name: figures.as_pictures(value) for name, value in images.items()},
               dict.fromkeys(images, "decoder"))  # fmt: skip


def read_images(run):
    with h5py.File(run.path("images.h5")) as file:
        return {name: torch.from_numpy(file[name][()]).unsqueeze(1) for name in file}


def score(run):
    train_all(run)
    judge = Judge(run.model("classifier"), run.train, run.test, run.options.seed)
    images = {**read_images(run), "training images": run.train.images[-len(run.test.images) :]}
    summary = {
        "seed": run.options.seed,
        "training": len(run.train.images),
        "generated": len(run.test.images),
        "accuracy": judge.accuracy,
        "class_names": NAMES if run.options.data == FOLDER else [str(number) for number in range(CLASSES)],
        "models": {name: training.facts() for name, training in run.trained.items()},
        "transport": transport.facts(run.options.out),
        "scores": {name: judge.scores(value) for name, value in images.items()},
    }
    write_json(run.path("scores.json"), summary)
    table.merge([run.options.out], run.options.out)


def draw(run):
    made = {name: figures.as_pictures(images) for name, images in read_images(run).items()}
    real = figures.as_pictures(run.test.images)
    shown = {"Real": real, "AE-OT": made["ae-ot"], "VAE": made["vae"], "WGAN-GP": made["wgan-gp"]}
    figures.grid(shown, run.path("grid.png"))
    shown = made["ae-ot"][:16]
    _, rows = distances(shown.reshape(len(shown), -1), to_pixels(run.train.images), figures.NEAREST)
    draw_paths(run)
    figures.nearest(shown, run.train.images.squeeze(1).numpy()[rows], run.path("nearest.png"))


def draw_paths(run):
    """Paths along which codes change least in a step, and those that cross the singular set most, of many."""
    steps, fine = figures.STEPS, FINE * (figures.STEPS - 1) + 1
    rng = np.random.default_rng(run.options.seed)
    codes, jumps = transport.follow(run.options, transport.quarter_circles(rng, PATHS, fine, run.options.latent))
    moving = np.flatnonzero((jumps > 0).sum(axis=1) >= LEAST_JUMPS)
    stride = np.linalg.norm(np.diff(codes, axis=1), axis=2).max(axis=1)
    threshold = transport.facts(run.options.out)["threshold"]
    least = moving[np.argsort(stride[moving])][: figures.SHOWN_PATHS]
    most = moving[np.argsort(-jumps[moving].max(axis=1))][: figures.SHOWN_PATHS]
    kinds = {
        f"Paths in noise space: of {PATHS} those whose codes change least in a step": least,
        f"Those where the map jumps most; bars: jumps above {threshold:.0f} degrees, the singular set": most,
    }
    groups = {}
    for title, chosen in kinds.items():
        images = run.decode("auto-encoder", codes[chosen, ::FINE].reshape(-1, run.options.latent))
        angles = jumps[chosen].reshape(len(chosen), steps - 1, FINE).max(axis=2)
        groups[title] = images.reshape(len(chosen), steps, *images.shape[2:]).numpy(), angles
    figures.paths(groups, threshold, run.path("paths.png"))


STAGES = {
    "train": (train_all, tuple()),
    "encode": (encode, ("codes.h5",)),
    "solve": (solve, ("result.h5",)),
    "sample": (sample, ("targets.h5", "samples.h5")),
    "decode": (decode, ("images.h5",)),
    "score": (score, ("scores.json", "table.md")),
    "draw": (draw, ("grid.png", "paths.png", "nearest.png")),
}


def keep_settings(options):
    """Notes what a folder was begun with; going on with something else would mix two runs."""
    path = os.path.join(options.out, "settings.json")
    settings = {name: getattr(options, name) for name in SETTINGS}
    begun = read_json(path, settings)
    changed = [name for name in SETTINGS if begun.get(name) != settings[name]]
    if changed:
        was = ", ".join(f"--{name.replace('_', '-')} {begun.get(name)}" for name in changed)
        raise BadFile(f"{options.out} was begun with {was}; go on with that, or give another --out")
    write_json(path, settings)


def run_stages(options):
    os.makedirs(options.out, exist_ok=True)
    keep_settings(options)
    torch.set_num_threads(options.threads)
    run = Run(options)
    for name in options.stages:
        work, made = STAGES[name]
        if made and all(os.path.exists(run.path(path)) for path in made):
            print(f"{name}: done already ({', '.join(made)})")
            continue
        print(f"{name}", flush=True)
        work(run)
