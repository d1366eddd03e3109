"""Conditional training: what pairs do to the law of the noise of a class, and to the samples of that class.

At the start of a path the network is to know N(0, I), whatever the class. Pairs of one transport to all codes, with the
label of the code attached, show it for class c only the noise that this transport moves to codes of class c.
"""
import os
import warnings
from dataclasses import dataclass

import brenier
import numpy as np
import torch
from aeot.table import cell
from aeot.training import read_json, write_json
from whole_file import write_whole
from brenier.errors import NotReached
from figure_style import BLUE, GREEN, LIGHT, ORANGE, new_figure, save
from plane_targets import SHAPES

from flow import pairs, velocity
from flow.codes import Codes

EULER_STEPS = (1, 2, 4, 32)
KINDS = {
    "independent": "independent",
    "mini-batch": "optimal in the mini-batch",
    "one-map": "one map for all classes",
    "maps": "one map for each class",
}
COLOURS = (BLUE, ORANGE, GREEN)
NOISE_SEED = 10**6  # of the noise that samples begin with
MEASURED_PAIRS = 20000
SHOWN = 1000


@dataclass
class Problem:
    """Labelled codes, and how a network is trained on them; `name` begins the names of its files in `folder`."""

    name: str
    folder: str
    codes: Codes
    batch: int
    steps: int
    width: int
    tol: float
    ranks: int

    @property
    def classes(self):
        return int(self.codes.training_labels.max()) + 1

    def path(self, *words):
        return os.path.join(self.folder, "-".join([self.name, *map(str, words)]))


def toy(shape, count):
    """Codes of a shape of plane_targets.py: `count` of each class for training, as many held out."""
    total = count * len(np.unique(SHAPES[shape](100, np.random.default_rng(0))[1]))
    (y, label), (other, other_label) = (SHAPES[shape](total, np.random.default_rng(seed)) for seed in (1, 2))
    return Codes(y.astype(np.float32), other.astype(np.float32), np.zeros(2), 1.0, label, other_label)


def solved(problem, path, rows):
    """The map to some of the training codes, made where it is not there."""
    if not os.path.exists(path):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotReached)  # rho is in the result
            brenier.solve(problem.codes.training[rows], tol=problem.tol, ranks=problem.ranks).save(path)
    return brenier.load(path)


def one_map(problem):
    return solved(problem, problem.path("map.h5"), slice(None))


def class_maps(problem):
    return [
        solved(problem, problem.path("class", f"{c}.h5"), problem.codes.training_labels == c)
        for c in range(problem.classes)
    ]


def pairs_of(kind, problem, seed):
    y, labels = problem.codes.training, problem.codes.training_labels
    if kind == "one-map":
        return pairs.labelled_map(one_map(problem), labels, problem.batch, seed)
    if kind == "maps":
        return pairs.labelled_maps(class_maps(problem), labels, problem.batch, seed)
    return pairs.labelled(y, labels, problem.batch, seed, optimal=kind == "mini-batch")


def first_pairs(kind, problem, seed):
    """MEASURED_PAIRS noises and their labels, as the first steps of a training see them."""
    source = pairs_of(kind, problem, seed)
    batches = [next(source) for _ in range(-(-MEASURED_PAIRS // problem.batch))]
    return np.concatenate([noise for noise, _, _ in batches]), np.concatenate([label for _, _, label in batches])


def offset(noise, label):
    """Root mean square over the pairs of abs(mean of the noise of their class): 0 for N(0, I) in each class."""
    means = [(np.mean(label == c), noise[label == c].mean(axis=0)) for c in np.unique(label)]
    return float(np.sqrt(sum(share * (mean**2).sum() for share, mean in means)))


def distance(a, b):
    """In the plane W2 of equally many points; in higher dimension the Fréchet distance."""
    if a.shape[1] > 2:
        return brenier.frechet(a, b, splits=0, ranks=1).value
    count = min(len(a), len(b))
    a, b = a[:count], b[:count]
    return float(np.sqrt(((a - b[pairs.assign(a, b)]) ** 2).sum(axis=1).mean()))


def noise_for(problem):
    return np.random.default_rng(NOISE_SEED).standard_normal(problem.codes.held_out.shape, dtype=np.float32)


def by_class(problem, made):
    """Mean over the classes of the distance from samples of a class to its held-out codes."""
    labels = problem.codes.held_out_labels
    parts = [distance(made[labels == c], problem.codes.held_out[labels == c]) for c in range(problem.classes)]
    return float(np.mean(parts))


def limit(problem):
    """The same for training codes of the class instead of samples."""
    codes = problem.codes
    parts = []
    for c in range(problem.classes):
        held_out = codes.held_out[codes.held_out_labels == c]
        parts.append(distance(codes.training[codes.training_labels == c][: len(held_out)], held_out))
    return float(np.mean(parts))


def train(problem, kind, seed):
    """One training and its distances, where they are not there: NAME-KIND-seed-S.pt and .json."""
    done = problem.path(kind, "seed", f"{seed}.json")
    if os.path.exists(done):
        return
    torch.set_num_threads(1)
    network, seconds, _ = velocity.train(pairs_of(kind, problem, seed), problem.codes.dim, problem.steps, seed,
                                         classes=problem.classes, width=problem.width)  # fmt: skip
    made = {str(steps): samples(network, problem, steps) for steps in EULER_STEPS}
    write_whole(problem.path(kind, "seed", f"{seed}.pt"), lambda path: torch.save(network.state_dict(), path))
    found = {
        "offset": offset(*first_pairs(kind, problem, seed)),
        "steps": {steps: by_class(problem, x) for steps, x in made.items()},
    }
    write_json(done, found)
    print(f"{problem.name}, {KINDS[kind]}, seed {seed}: {seconds:.0f} s", flush=True)


def samples(network, problem, steps):
    """Samples [m, d] with the labels of the held-out codes."""
    return velocity.move(network, noise_for(problem), steps, problem.codes.held_out_labels)[-1]


def table(problem, kinds, seeds):
    """Lines of Markdown."""
    name = "W2" if problem.codes.dim == 2 else "Fréchet distance"
    counts = " | ".join([f"{name} after 1 step", *map(str, EULER_STEPS[1:])])
    yield f"| pairs | mean noise of a class | {counts} |"
    yield f"|---|{'---|' * (1 + len(EULER_STEPS))}"
    for kind in kinds:
        runs = [read_json(problem.path(kind, "seed", f"{seed}.json")) for seed in seeds]
        cells = [cell([run["offset"] for run in runs], 1, ".2f")]
        cells += [cell([run["steps"][str(steps)] for run in runs], 1, ".2f") for steps in EULER_STEPS]
        yield f"| {KINDS[kind]} | {' | '.join(cells)} |"
    yield f"| training codes of the class | | {' | '.join([format(limit(problem), '.2f')] * len(EULER_STEPS))} |"


def load(problem, kind, seed):
    network = velocity.Velocity(problem.codes.dim, problem.classes, problem.width)
    network.load_state_dict(torch.load(problem.path(kind, "seed", f"{seed}.pt")))
    return network


def scatter(axes, points, labels, title):
    for c in np.unique(labels):
        axes.plot(*points[labels == c].T, ".", color=COLOURS[c % len(COLOURS)], markersize=2.5, alpha=0.6)
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)
    axes.set_title(title)


def draw(problem, kinds, seed, path):
    """Above the noise of the pairs by class, below samples of each class over the held-out points."""
    figure = new_figure(2.9 * len(kinds), 5.2)
    above, below = figure.subplots(2, len(kinds), gridspec_kw={"height_ratios": [1, 0.8]})
    labels, shown = problem.codes.held_out_labels[:SHOWN], problem.codes.held_out[:SHOWN]
    low, high = shown.min(axis=0) - 0.4, shown.max(axis=0) + 0.4
    for top, bottom, kind in zip(above, below, kinds):
        noise, label = first_pairs(kind, problem, seed)
        scatter(top, noise[:SHOWN], label[:SHOWN], KINDS[kind][0].upper() + KINDS[kind][1:])
        top.set_xlim(-3.2, 3.2)
        top.set_ylim(-3.2, 3.2)
        bottom.plot(*shown.T, ".", color=LIGHT, markersize=4)
        scatter(bottom, samples(load(problem, kind, seed), problem, EULER_STEPS[-1])[:SHOWN], labels, None)
        bottom.set_xlim(low[0], high[0])
        bottom.set_ylim(low[1], high[1])
    above[0].set_ylabel("noise of the pairs, by class")
    below[0].set_ylabel(f"samples, {EULER_STEPS[-1]} steps")
    figure.tight_layout()
    save(figure, path)
